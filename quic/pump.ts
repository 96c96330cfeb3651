// The turn loop between JavaScript and the engine: answers go in, what waits comes out, in batches,
// for as long as something waits and never so long that the event loop starves.
import { Buffer } from 'node:buffer'
import { Batch } from './decode.ts'
import type { Receiver } from './decode.ts'
import type { Answers } from './encode.ts'
import { TransportError } from './errors.ts'

/** The engine's side: see docs/crossing.md. */
export type Turner = { turn(answers: Uint8Array, length: number, out: Uint8Array): number }

const initial = 65_536
/** A batch buffer that has grown past this is let go once it is read. */
const retained = 1_048_576
/** One run handles this many messages, or lasts this long; then the event loop has its turn. */
const runMessages = 256
const runMs = 5
/** No message fits: a turn with it delivers answers and fetches nothing. */
const nothing = Buffer.alloc(1)

export class Pump {
  #native: Turner
  #receiver: Receiver & { deliver(): void }
  #answers: Answers
  #batch = new Batch(initial)
  #running = false
  #flushing = false
  #resuming = false
  #closed = false

  constructor(native: Turner, answers: Answers, receiver: Receiver & { deliver(): void }) {
    this.#native = native
    this.#answers = answers
    this.#receiver = receiver
  }

  /** The engine has something, and waits until a turn returns nothing. */
  wake(): void {
    if (!this.#running && !this.#resuming) this.#run()
  }

  /** An answer was written. Outside a run all answers of the tick leave together, after its promises. */
  written(): void {
    if (this.#running || this.#flushing || this.#closed) return
    this.#flushing = true
    process.nextTick(this.#flush)
  }

  /** Takes everything that still waits; no turn is made after it. */
  async finish(): Promise<void> {
    do {
      this.wake()
      await new Promise((resolve) => setImmediate(resolve))
    } while (this.#resuming)
    this.#closed = true
  }

  #run(): void {
    if (this.#closed) return
    this.#running = true
    const until = performance.now() + runMs
    let messages = 0
    try {
      for (;;) {
        while (!this.#batch.empty) {
          if (messages === runMessages || ((messages & 7) === 7 && performance.now() > until)) return this.#yield()
          messages += 1
          this.#batch.next(this.#receiver)
        }
        if (!this.#fetch()) return
      }
    } catch (error) {
      // the two sides no longer agree: to go on would be to guess
      this.#closed = true
      throw error
    } finally {
      this.#running = false
      this.#receiver.deliver()
    }
  }

  /** Exchanges answers for the next batch; false when the engine has none. */
  #fetch(): boolean {
    if (this.#batch.bytes.length > retained) this.#batch.resize(initial)
    let length = this.#turn(this.#batch.bytes)
    if (length < 0) {
      this.#batch.resize(-length)
      length = this.#turn(this.#batch.bytes)
    }
    if (length < 0) throw new TransportError(undefined, `the engine asks for ${-length} bytes more than it said`)
    this.#batch.fill(length)
    return length > 0
  }

  #turn(out: Buffer): number {
    const length = this.#native.turn(this.#answers.bytes, this.#answers.length, out)
    this.#answers.clear()
    return length
  }

  #yield(): void {
    const waiting = this.#answers.length === 0 || this.#turn(nothing) !== 0
    if (waiting || !this.#batch.empty) this.#resume()
  }

  #resume(): void {
    if (this.#resuming) return
    this.#resuming = true
    setImmediate(() => {
      this.#resuming = false
      this.#run()
    })
  }

  #flush = (): void => {
    this.#flushing = false
    if (this.#closed || this.#answers.length === 0) return
    if (this.#turn(nothing) !== 0) this.#resume()
  }
}
