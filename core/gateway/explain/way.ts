// The way out: backend, egress, upstream and signature, as they were chosen.
import type { Backend, Config } from '../../config/model.ts'
import { decode } from '../../mesh/decode.ts'
import type { Members } from '../../mesh/decode.ts'
import type { Exchange } from '../../pipeline/exchange.ts'
import type { Forward } from '../../../quic/index.ts'
import { pathAt } from '../passage.ts'
import type { BackendFacts, EgressFacts, Explanation, SignedFacts, UpstreamFacts } from './explanation.ts'
import type { Rehearsal, Rehearsed } from './rehearsal.ts'
import type { Where } from './where.ts'

export type Way = Pick<Explanation, 'backend' | 'egress' | 'egresses' | 'upstream' | 'signed'> & {
  /** What the outcome does not say by itself. */
  readonly notes: readonly string[]
}

const none: Way = { backend: null, egress: null, egresses: [], upstream: null, signed: null, notes: [] }

export function wayFacts(rehearsal: Rehearsal, seen: Rehearsed, where: Where): Way {
  const { exchange, account, decision } = seen
  const backend = exchange?.backend
  // a middleware that refuses keeps the request from whatever lies behind
  if (exchange === undefined || backend === undefined || account?.backend === undefined) return none
  const { config } = rehearsal.generation
  const forward = decision?.kind === 'forward' ? decision : undefined
  const signed =
    forward === undefined || account.signedFor === undefined
      ? null
      : signedFacts(config, account.signedFor, forward, where)
  return {
    backend: backendFacts(exchange, backend, where),
    ...egressFacts(rehearsal, exchange, backend, account.egress, where),
    upstream: forward === undefined ? null : upstreamFacts(rehearsal, exchange, backend, forward, where),
    signed,
  }
}

function backendFacts({ pipeline }: Exchange, backend: Backend, where: Where): BackendFacts {
  const { name, service, place } = backend
  const why = pipeline.backends.includes(backend)
    ? 'the first backend of the pipeline'
    : 'the backend of the first egress: the pipeline lists none'
  return { name, service, at: where(place), why }
}

function egressFacts(
  { generation }: Rehearsal,
  exchange: Exchange,
  backend: Backend,
  chosen: string | undefined,
  where: Where,
): Pick<Way, 'egress' | 'egresses' | 'notes'> {
  const { pipeline, mesh } = exchange
  const asked = [pipeline, backend, pathAt(backend, exchange), mesh] as const
  const weighed = new Map(generation.egress.weigh(...asked).map(({ egress, choice }) => [egress.name, choice]))
  const choice = generation.egress.choose(...asked)
  const notes: string[] = []
  if (choice.kind === 'go' && choice.unlisted.length > 0 && exchange.signer === undefined) {
    notes.push(`the destination is not listed by ${choice.unlisted.join(', ')}: no token goes along`)
  }
  let egress: EgressFacts | null = null
  const egresses: { name: string; at: string; why: string }[] = []
  for (const one of pipeline.egresses) {
    const own = weighed.get(one.name)
    const facts = { name: one.name, at: where(one.place) }
    if (one.name === chosen) {
      const why = own?.kind === 'refuse' ? own.detail : `it leads to backend ${backend.name}`
      egress = { ...facts, mode: one.mode, type: one.type, why }
      continue
    }
    const why = !one.enabled
      ? 'it is disabled'
      : own !== undefined
        ? own.kind === 'refuse'
          ? own.detail
          : 'another fits as well and comes first, or fits a longer path'
        : one.backend.name === backend.name || weighed.has(one.name)
          ? 'the destination is none of its own'
          : `it leads to another backend: ${one.backend.name}`
    egresses.push({ ...facts, why })
  }
  return { egress, egresses, notes }
}

function upstreamFacts(
  rehearsal: Rehearsal,
  exchange: Exchange,
  backend: Backend,
  { upstream, method, authority, target = '' }: Forward,
  where: Where,
): UpstreamFacts {
  const options = rehearsal.reached(upstream)
  const protocols = options?.protocols ?? []
  return {
    origin: upstream.origin,
    protocols,
    fallback: protocols[0] === 'h3' ? protocols.length > 1 : null,
    method: method ?? exchange.head.method,
    authority: authority ?? exchange.head.authority,
    target: exchange.query === '' ? target : target.slice(0, -exchange.query.length),
    at: where(backend.place),
  }
}

/** Of the token that the request would carry, what it says. */
function signedFacts({ meshes }: Config, mesh: string, { edit = [] }: Forward, where: Where): SignedFacts {
  const value = edit.flatMap((one) => ('set' in one && one.set[0] === 'authorization' ? [one.set[1]] : [])).at(-1) ?? ''
  const token = decode(value.replace(/^Bearer /, ''))
  const place = meshes.get(mesh)?.place
  const { header = {}, claims = {} }: { header?: Members; claims?: Members } = token ?? {}
  return {
    mesh,
    at: place === undefined ? '' : where(place),
    alg: textOf(header['alg']),
    kid: textOf(header['kid']),
    claims,
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
