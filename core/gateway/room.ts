// The memory that gathered content may take, of all requests together: each may be within its own bound, and a client
// that opens enough of them would still fill the machine.
import { clientKey } from '../address.ts'

/** Of all requests; and of those of one client. */
const maxBytes = 1024 * 1024 * 1024
const maxClientBytes = maxBytes / 4

/** Counts what requests may gather; what is counted is bounded, whatever clients do. */
export class Room {
  readonly #max: number
  readonly #maxClient: number
  readonly #clients = new Map<string, number>()
  #taken = 0
  #era = 0

  constructor(max = maxBytes, maxClient = maxClientBytes) {
    this.#max = max
    this.#maxClient = maxClient
  }

  /**
   * Room for what a request may gather at most; nothing when there is none. What is returned gives it back, once.
   * Who has none yet gets some for one request, however large the operator lets that be.
   */
  take(address: string, bytes: number): (() => void) | undefined {
    const client = clientKey(address)
    const own = this.#clients.get(client) ?? 0
    if (own > 0 && own + bytes > this.#maxClient) return undefined
    if (this.#taken > 0 && this.#taken + bytes > this.#max) return undefined
    this.#add(client, bytes)
    const era = this.#era
    let held = true
    return () => {
      if (!held || era !== this.#era) return
      held = false
      this.#add(client, -bytes)
    }
  }

  /** Counts anew: the ends of some requests were lost, and would be waited for in vain. */
  forget(): void {
    this.#era += 1
    this.#clients.clear()
    this.#taken = 0
  }

  get taken(): number {
    return this.#taken
  }

  #add(client: string, bytes: number): void {
    this.#taken += bytes
    const own = (this.#clients.get(client) ?? 0) + bytes
    if (own > 0) this.#clients.set(client, own)
    else this.#clients.delete(client)
  }
}
