// What the gateway knows of a request beyond the engine's record: kept until the record comes, then both make the
// access line and the metrics.
import type { AccessFacts } from '../log/access.ts'

/** Filled while the request passes its stages. */
export type Account = { -readonly [F in keyof AccessFacts]: AccessFacts[F] } & {
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
