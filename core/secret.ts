// A value that prints as [redacted] wherever it ends up: logs, JSON, inspection, template strings.
import { createHmac, randomBytes } from 'node:crypto'

export const redacted = '[redacted]'
/** Of this process: marks mean nothing elsewhere, and nobody can try secrets against one. */
const key = randomBytes(32)

/** Holds a secret; only `reveal()` gives it. */
export class Secret<T extends string | Uint8Array = string> {
  readonly #value: T
  /** The same for the same secret: whoever compares two configurations must see that one has another. */
  readonly mark: string

  constructor(value: T) {
    this.#value = value
    this.mark = createHmac('sha256', key).update(value).digest('base64url')
  }

  /** The value itself: for the one place that needs it, never for a message. */
  reveal(): T {
    return this.#value
  }

  toString(): string {
    return redacted
  }

  toJSON(): string {
    return redacted
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted
  }
}
