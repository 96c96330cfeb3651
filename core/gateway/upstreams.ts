// The upstreams of an engine, shared by generations: what a reload leaves as it was keeps its connections, and what
// no generation uses any more is closed.
import { createHash } from 'node:crypto'
import type { UpstreamSpec } from '../config/model.ts'
import { Budget } from '../pipeline/retry.ts'
import type { Opened } from '../pipeline/service.ts'
import type { Engine, Upstream, UpstreamOptions } from '../../quic/index.ts'

type Entry = { readonly key: string; readonly origin: string; readonly opened: Opened; users: number }

/** What one generation holds of the upstreams. */
export type Lease = {
  /**
   * The upstream of a spec; the same one for all that are reached in the same way.
   * Throws `TypeError` for HTTP/3 without TLS, `TransportError` when a certificate cannot be used.
   */
  readonly open: (spec: UpstreamSpec, preferHttp3: boolean) => Opened
  /** The generation has ended, and its last exchange too. Closes what nobody else holds. Idempotent. */
  release(): void
}

export class Upstreams {
  readonly #engine: Pick<Engine, 'upstream'>
  /** In ms, of the clock that retries are counted by. */
  readonly #now: () => number
  readonly #entries = new Map<string, Entry>()
  /** By origin: another time-out or certificate does not make the same machine bear more. */
  readonly #budgets = new Map<string, { readonly budget: Budget; users: number }>()
  readonly #origins = new Map<number, string>()

  constructor(engine: Pick<Engine, 'upstream'>, now: () => number) {
    this.#engine = engine
    this.#now = now
  }

  /** A lease for a generation. Take the next one before this one is released, so that what they share stays open. */
  lease(): Lease {
    const held = new Set<Entry>()
    let released = false
    return {
      open: (spec, preferHttp3) => {
        if (released) throw new Error('the lease on the upstreams was released')
        const entry = this.#entry(spec, preferHttp3)
        if (!held.has(entry)) {
          held.add(entry)
          entry.users += 1
        }
        return entry.opened
      },
      release: () => {
        released = true
        for (const entry of held) this.#leave(entry)
        held.clear()
      },
    }
  }

  /** How many are open. */
  get size(): number {
    return this.#entries.size
  }

  /** Where an upstream leads, by its id in records and events; none when it is closed or of somebody else. */
  originOf(id: number): string | undefined {
    return this.#origins.get(id)
  }

  #entry(spec: UpstreamSpec, preferHttp3: boolean): Entry {
    const options = optionsOf(spec, preferHttp3 || spec.http3)
    const key = keyOf(options)
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const upstream = this.#engine.upstream(options)
    const entry = { key, origin: spec.origin, opened: { upstream, budget: this.#budget(spec.origin) }, users: 0 }
    this.#entries.set(key, entry)
    this.#origins.set(upstream.id, spec.origin)
    return entry
  }

  #budget(origin: string): Budget {
    const known = this.#budgets.get(origin)
    if (known !== undefined) {
      known.users += 1
      return known.budget
    }
    const budget = new Budget(this.#now())
    this.#budgets.set(origin, { budget, users: 1 })
    return budget
  }

  #leave(entry: Entry): void {
    entry.users -= 1
    if (entry.users > 0) return
    const { upstream }: { upstream: Upstream } = entry.opened
    this.#entries.delete(entry.key)
    this.#origins.delete(upstream.id)
    const shared = this.#budgets.get(entry.origin)
    if (shared !== undefined && --shared.users === 0) this.#budgets.delete(entry.origin)
    upstream.close()
  }
}

/** How an upstream is reached. */
function optionsOf(spec: UpstreamSpec, http3: boolean): UpstreamOptions {
  const { scheme, ca, clientCertificate, connectSecs, timeoutSecs, idleSecs } = spec
  // decision 6: never a fallback to plain text
  if (http3 && scheme === 'http') throw new TypeError(`${spec.origin} cannot be reached over HTTP/3: must be https`)
  const tls =
    scheme === 'http'
      ? undefined
      : {
          ca,
          clientCertificate: clientCertificate && {
            certificate: clientCertificate.certificate,
            key: clientCertificate.key.reveal(),
          },
        }
  return {
    origin: spec.origin,
    protocols: scheme === 'http' ? ['h1'] : http3 ? (spec.fallback ? ['h3', 'h2', 'h1'] : ['h3']) : ['h2', 'h1'],
    fallback: http3 ? spec.fallback : undefined,
    tls,
    // decision 8: three times apart; who waits one second for an answer does not wait ten for the connection
    timeouts: {
      connectMs: Math.min(connectSecs, timeoutSecs) * 1_000,
      firstByteMs: timeoutSecs * 1_000,
      idleMs: idleSecs * 1_000,
    },
  }
}

/** Everything that decides a connection. */
function keyOf({ tls, ...options }: UpstreamOptions): string {
  const identity = tls?.clientCertificate
  const material = [tls?.ca, identity?.certificate, identity?.key].map((pem) => (pem ? digest(pem) : ''))
  return JSON.stringify([options, tls === undefined, material])
}

function digest(pem: string | Uint8Array): string {
  return createHash('sha256').update(pem).digest('base64url')
}
