// The way of a request, stage by stage. Each stage answers (a refusal, a redirect) or lets the request on to the next;
// all of them belong to one generation, from the first byte to the last.
//
//   1 client         whose request it is; a header is believed only from a trusted proxy
//   2 target, host   what can be read in two ways is refused (decision 20)
//   3 force_https    301 (spec 3)
//   4 route          ingress URL, then endpoint prefix (spec 4.1)
//
// and, with an exchange, in passage.ts:
//
//   5 mesh           the token, before anything else reads the request (decisions 1 to 4)
//   6 body limit     declared lengths; the engine counts the others (decision 5)
//   7 left chain     middleware, with the body where one of them asks for it
//   8 egress         may it leave, and over which transport (decisions 1, 15)
//   9 service        what the backend makes of it
//  10 signature      the mesh token for the destination (decision 14)
//  11 forward        the response passes the right chain on its way back
import { randomUUID } from 'node:crypto'
import type { Decision } from '../../quic/index.ts'
import type { Arrival } from '../pipeline/exchange.ts'
import { refuse } from '../refusal/refusal.ts'
import { hostOf, httpsLocation } from '../route/host.ts'
import { splitTarget } from '../route/path.ts'
import { redirectOf } from './answer.ts'
import type { Generation, Served } from './generation.ts'
import { Passage } from './passage.ts'
import { methodOf } from './view.ts'

/** Decides about one request that came in through a network. */
export function decide(generation: Generation, network: Served, head: Arrival): Decision | Promise<Decision> {
  const client = generation.clients.of(head)
  const passage = new Passage(generation, network, head, client, client.requestId ?? randomUUID())
  if (client.loops) return passage.refuse(refuse('request/forwarded-loop', 'the request has passed here too often'))
  const target = splitTarget(head.target)
  if (typeof target === 'string') return passage.refuse(refuse('request/path', `the target is refused: ${target}`))
  const host = hostOf(head.authority)
  if (host === undefined) return passage.refuse(refuse('request/host', 'the authority is not a valid host and port'))
  // RFC 9112 3.2: HTTP/1.0 alone may do without
  if (host.host === '' && head.version !== 10) return passage.refuse(refuse('request/host', 'no host is named'))
  if (network.forceHttps && !head.tls && client.scheme !== 'https') {
    const location = httpsLocation(host, target)
    if (location === undefined) return passage.refuse(refuse('request/host', 'a redirect to https needs a host'))
    return redirectOf(location, passage.id)
  }
  const found = network.routes.find(host.host, host.port ?? head.localPort, target, methodOf(head))
  if (found.kind === 'none') return passage.refuse(refuse('route/none', 'no ingress and no endpoint matches'))
  if (found.kind === 'ambiguous') {
    return passage.refuse(refuse('request/path', 'read otherwise, the path leads behind a mesh'))
  }
  return passage.enter(found.route, target, found.rest, found.kind === 'method' ? found.allow : undefined)
}
