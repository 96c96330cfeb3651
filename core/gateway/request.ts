// The way of a request, stage by stage. Each stage answers (a refusal, a redirect) or lets the request on to the next;
// all of them belong to one generation, from the first byte to the last.
//
//   1 client         whose request it is; a header is believed only from a trusted proxy
//   2 target, host   what can be read in two ways is refused (decision 20)
//   3 force_https    301 (spec 3)
//   4 route          ingress URL, then endpoint prefix (spec 4.1)
//   5 mesh           the token, before anything else reads the request (decisions 1 to 4)
//   6 body limit     declared lengths; the engine counts the others (decision 5)
//   7 left chain     middleware, with the body where one of them asks for it
//   8 egress         may it leave, over which transport (decisions 1, 15)
//   9 service        what the backend makes of it
//  10 signature      the mesh token for the destination (decision 14)
//  11 forward        the response passes the right chain on its way back
import { randomUUID } from 'node:crypto'
import type {
  BodyDecision,
  Decision,
  Failure,
  FailureDecision,
  Field,
  Forward,
  HeaderEdit,
  RequestHead,
  Respond,
  ResponseDecision,
  ResponseHead,
} from '../../quic/index.ts'
import type { Backend, Network } from '../config/model.ts'
import { inbound, outbound } from '../mesh/authorization.ts'
import type { Exchange } from '../pipeline/exchange.ts'
import { edited } from '../pipeline/fields.ts'
import { withRetries } from '../pipeline/retry.ts'
import type { Reach } from '../pipeline/service.ts'
import { refuse } from '../refusal/refusal.ts'
import type { Refusal } from '../refusal/refusal.ts'
import { parseHost } from '../route/host.ts'
import { splitTarget } from '../route/path.ts'
import { answerOf, redirectOf, refusalOf } from './answer.ts'
import type { Facts } from './facts.ts'
import { viewOf } from './view.ts'

/** What the stages need of the gateway around them. */
export type Around = {
  readonly generation: Generation
  readonly now: () => number
  readonly log: Log
  readonly keep: (exchange: number, facts: Facts) => void
  readonly observe: Observe
}

/** Decides about one request of a network. */
export function decide(around: Around, network: NetworkRoutes, head: RequestHead): Decision | Promise<Decision> {
  const { generation } = around
  // 1 client
  const client = generation.clients.of(head)
  const id = client.requestId ?? randomUUID()
  const facts = new Facts(id, network.name, client.address, head)
  around.keep(head.id, facts)
  const stop = (refusal: Refusal): Respond => refused(facts, refusal)
  // 2 target, host
  const target = splitTarget(head.target)
  if ('problem' in target) return stop(refuse('request/path', target.problem))
  const host = parseHost(client.authority ?? head.authority)
  if ('problem' in host) return stop(refuse('request/host', host.problem))
  if (client.loops) return stop(refuse('request/forwarded-loop', 'the request has passed here too often'))
  // 3 force_https
  if (network.forceHttps && !head.tls) return redirectOf(`https://${host.host}${head.target}`, id)
  // 4 route
  const found = network.routes.find(host.host, host.port ?? head.localPort, target.path, head.method)
  if (found.kind === 'none') return stop(refuse('route/none', 'no ingress and no endpoint matches'))
  if (found.kind === 'method') {
    return stop(refuse('route/method', 'the endpoint does not take this method', { allow: found.allow.join(', ') }))
  }
  const compiled = generation.compiled(found.pipeline)
  const passage = new Passage(around, network, head, facts, client, target, found, compiled)
  // 5 mesh
  const vouched = generation.ingress.check(found, head, around.now())
  return vouched instanceof Promise
    ? vouched.then((outcome) => passage.admitted(outcome))
    : passage.admitted(vouched)
}
