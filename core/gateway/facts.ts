// What the gateway knows of a request beyond the engine's record: kept until the record comes, then both make the
// access line and the metrics.
import type { MeshContext } from '../mesh/context.ts'

/** Filled while the request passes its stages. */
export type Facts = {
  readonly requestId: string
  readonly network: string
  readonly clientAddress: string
  readonly method: string
  readonly authority: string
  /** The target as it came; only the prefix of it is logged by default. */
  readonly target: string
  prefix: string | undefined
  pipeline: string | undefined
  ingress: string | undefined
  endpoint: string | undefined
  backend: string | undefined
  egress: string | undefined
  /** The mesh that vouched for the request on its way in. */
  mesh: MeshContext | undefined
  /** The mesh that it was signed for on its way out. */
  signedFor: string | undefined
  /** The gateway's own answer: its code, and the reason for the operator. */
  code: string | undefined
  detail: string | undefined
  retries: number
  /** Told when the exchange has ended. */
  readonly ended: (() => void) | undefined
}

/**
 * Facts by exchange. Bounded: a record that is lost (the engine drops them when this thread is busy for too long)
 * must not keep its facts for ever.
 */
export class FactStore {
  readonly #facts = new Map<number, Facts>()

  add(exchange: number, facts: Facts): void {
    if (this.#facts.size >= maxFacts) {
      const [oldest] = this.#facts.keys()
      if (oldest !== undefined) this.take(oldest)
    }
    this.#facts.set(exchange, facts)
  }

  take(exchange: number): Facts | undefined {
    const facts = this.#facts.get(exchange)
    if (facts === undefined) return undefined
    this.#facts.delete(exchange)
    facts.ended?.()
    return facts
  }

  get size(): number {
    return this.#facts.size
  }
}

/** More than the exchanges that may be open and the records that may wait. */
const maxFacts = 262_144
