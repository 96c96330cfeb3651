// A streamed answer: pulls from the policy's iterable as fast as the client reads, and no faster.
import { Buffer } from 'node:buffer'

/** Where the pieces of a streamed answer go. */
export type Outlet = {
  chunk(id: number, content: Uint8Array): void
  /** The iterable ended by itself. */
  end(id: number): void
  /** The iterable threw, or gave what is no content. */
  fail(id: number, error: unknown): void
}

/** One iterable on its way to one client. At most one of its chunks waits here. */
export class Source {
  #id: number
  #iterator: AsyncIterator<Uint8Array | string>
  #outlet: Outlet
  #credit = 0
  #rest: Uint8Array | undefined
  #busy = false
  #closed = false

  constructor(id: number, body: AsyncIterable<Uint8Array | string>, outlet: Outlet) {
    this.#id = id
    this.#iterator = body[Symbol.asyncIterator]()
    this.#outlet = outlet
  }

  /** Allows `bytes` more. */
  want(bytes: number): void {
    this.#credit += bytes
    if (!this.#busy && !this.#closed) void this.#move()
  }

  /** Nobody reads any more: the iterable is told, and what it still gives is dropped. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#rest = undefined
    release(this.#iterator)
  }

  async #move(): Promise<void> {
    this.#busy = true
    try {
      while (this.#credit > 0 && !this.#closed) {
        if (this.#rest === undefined) {
          const next = await this.#iterator.next()
          // closed while it waited
          if (this.#closed) return
          if (next.done) {
            this.#closed = true
            this.#outlet.end(this.#id)
            return
          }
          this.#rest = bytes(next.value)
        }
        this.#send(this.#rest)
      }
    } catch (error) {
      if (this.#closed) return
      this.#closed = true
      release(this.#iterator)
      this.#outlet.fail(this.#id, error)
    } finally {
      this.#busy = false
    }
  }

  #send(content: Uint8Array): void {
    const fits = content.length <= this.#credit
    const now = fits ? content : content.subarray(0, this.#credit)
    this.#rest = fits ? undefined : content.subarray(this.#credit)
    if (now.length === 0) return
    this.#credit -= now.length
    this.#outlet.chunk(this.#id, now)
  }
}

/** Tells an iterable that was never begun, or whose rest nobody wants, that it may clean up. */
export function discard(body: AsyncIterable<unknown>): void {
  try {
    release(body[Symbol.asyncIterator]())
  } catch {
    // an iterable that cannot even begin has nothing to clean up
  }
}

function release(iterator: AsyncIterator<unknown>): void {
  try {
    // nobody is left to hear of an error in the clean-up
    iterator.return?.().then(undefined, () => undefined)
  } catch {
    // the same, from an iterator written by hand
  }
}

function bytes(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  if (value instanceof Uint8Array) return value
  throw new TypeError('body gave a chunk that is no content: must be a string or a Uint8Array')
}
