// How a request comes in: what is known of it before anything is decided.
import { readings, splitTarget } from '../../route/path.ts'
import type { Client } from '../forwarded.ts'
import type { Served } from '../generation.ts'
import type { Asked } from './asked.ts'
import type { Explanation } from './explanation.ts'
import type { UnsentHead } from './head.ts'
import { alike } from './network.ts'
import type { Fit, Listener } from './network.ts'
import { pathProblems } from './outcome.ts'
import type { Rehearsal } from './rehearsal.ts'
import type { Where } from './where.ts'

/** A request at the door. */
export type Scene = {
  readonly rehearsal: Rehearsal
  readonly asked: Asked
  readonly head: UnsentHead
  readonly fit: Fit
  readonly listener: Listener
  readonly network: Served
  /** All networks. */
  readonly ranked: readonly Fit[]
  readonly where: Where
}

/** Networks that are told one by one. */
const maxNetworks = 50

/** An explanation as far as it goes without a decision. */
export function arrivalFacts(scene: Scene): Omit<Explanation, 'outcome'> {
  const { rehearsal, asked, fit, listener, head, ranked, where } = scene
  const client = rehearsal.generation.clients.of(head)
  const [path = ''] = head.target.split('?', 1)
  return {
    request: {
      method: head.method,
      scheme: asked.scheme,
      authority: head.authority,
      path,
      query: path.length < head.target.length,
      headers: [...new Set(head.headers.map(([name]) => name))],
      client: client.address,
    },
    network: {
      name: fit.network.name,
      at: where(listener.place),
      listener: listener.text,
      protocol: head.protocol,
      tls: head.tls,
      why: fit.why,
    },
    networks: ranked
      .filter((other) => other !== fit)
      .slice(0, maxNetworks)
      .map(({ network: { name, place }, listens, why }) => ({ name, at: where(place), listens, why })),
    path: pathFacts(head.target),
    ...undecided,
    notes: [...asked.notes, ...notesOf(scene, client)],
  }
}

const undecided = {
  route: null,
  rejected: [],
  rejected_more: 0,
  mesh: null,
  middleware: [],
  backend: null,
  egress: null,
  egresses: [],
  upstream: null,
  signed: null,
} as const

function pathFacts(text: string): Explanation['path'] {
  const target = splitTarget(text)
  if (typeof target === 'string') {
    return { read: null, readings: [], problem: target, reason: pathProblems[target] }
  }
  return { read: target.key, readings: readings(target), problem: null, reason: null }
}

/** What was assumed of its way to the gateway. */
function notesOf({ asked, fit, listener, ranked, head }: Scene, client: Client): string[] {
  const notes: string[] = []
  const [first, second] = ranked
  if (first === fit && second !== undefined && alike(first, second)) {
    notes.push(`network ${second.network.name} fits as well: --network names the one that is meant`)
  }
  if (listener.tls !== (asked.scheme === 'https')) {
    notes.push(
      listener.tls
        ? 'the listener speaks TLS alone: explained as if the URL were https'
        : 'the listener speaks no TLS: explained as if a proxy in front of it did',
    )
  }
  const spoken = ['forwarded', 'x-forwarded-for', 'x-forwarded-proto'].filter((name) => head.header(name) !== undefined)
  if (spoken.length > 0 && !client.trusted) {
    notes.push(`${spoken.join(', ')} not believed: ${client.peer} is none of proxy.trusted_proxies`)
  }
  return notes
}
