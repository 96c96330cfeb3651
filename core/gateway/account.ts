// What the gateway knows of a request beyond the engine's record: kept until the record comes, then both make the
// access line and the metrics.
import type { MeshContext } from '../mesh/context.ts'

/** Filled while the request passes its stages. */
export type Account = {
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
  /** Told when the exchange has ended. */
  readonly ended: (() => void) | undefined
  /** Gives back the memory that was set aside for its content. */
  room: (() => void) | undefined
}

/**
 * Account by exchange. Bounded: a record that is lost (the engine drops them when this thread is busy for too long)
 * must not keep its account for ever.
 */
export class Accounts {
  readonly #accounts = new Map<number, Account>()

  add(exchange: number, account: Account): void {
    if (this.#accounts.size >= maxAccounts) {
      const [oldest] = this.#accounts.keys()
      if (oldest !== undefined) this.take(oldest)
    }
    this.#accounts.set(exchange, account)
  }

  take(exchange: number): Account | undefined {
    const account = this.#accounts.get(exchange)
    if (account === undefined) return undefined
    this.#accounts.delete(exchange)
    account.room?.()
    account.ended?.()
    return account
  }

  get size(): number {
    return this.#accounts.size
  }
}

/** More than the exchanges that may be open and the records that may wait. */
const maxAccounts = 262_144
