// A value that prints as [redacted] wherever it ends up: logs, JSON, inspection, template strings.
export const redacted = '[redacted]'

/** Holds a secret; only `reveal()` gives it. */
export class Secret<T = string> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
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
