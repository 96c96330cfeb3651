// The tokens that were accepted, bounded in number and in size.
import { LRUCache } from 'lru-cache'
import type { Audience } from './audience.ts'
import type { Members } from './decode.ts'

/** What is kept of a token whose signature was good: what it says, never the token. */
export type Accepted = { readonly sub: string; readonly claims: Members; readonly audience: Audience }

/** The part of the memory that one verifier has for itself. */
export type Space = {
  find(key: string): Accepted | undefined
  /** `length` is that of the token, in characters. */
  add(key: string, accepted: Accepted, length: number): void
  drop(key: string): void
}

export type MemoryLimits = {
  /** Tokens of all verifiers together. */
  readonly maxTokens?: number | undefined
  /** Their characters. */
  readonly maxLength?: number | undefined
}

/** One for all verifiers of a generation: many meshes do not need many memories. */
export class TokenMemory {
  readonly #entries: LRUCache<string, Accepted>
  #spaces = 0

  constructor({ maxTokens = 8192, maxLength = 16_777_216 }: MemoryLimits = {}) {
    this.#entries = new LRUCache({ max: maxTokens, maxSize: maxLength })
  }

  /** A space of its own: no verifier finds what another accepted. */
  space(): Space {
    this.#spaces += 1
    const prefix = `${this.#spaces} `
    return {
      find: (key) => this.#entries.get(prefix + key),
      add: (key, accepted, length) => this.#entries.set(prefix + key, accepted, { size: length }),
      drop: (key) => this.#entries.delete(prefix + key),
    }
  }

  get size(): number {
    return this.#entries.size
  }
}
