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

/** In characters: of 500 each, some 16,000 tokens. */
const defaultMax = 16_777_216
/** What an entry costs besides what its token says. */
const overhead = 512

/** One for all verifiers of a generation: many meshes do not need many memories. */
export class TokenMemory {
  readonly #entries: LRUCache<string, Accepted>
  #spaces = 0

  /** `max` bounds the length of all tokens together; each counts for 512 characters more than it has. */
  constructor(max = defaultMax) {
    // without `max`, which would take the memory of all its places at once
    this.#entries = new LRUCache({ maxSize: max })
  }

  /** A space of its own: no verifier finds what another accepted. */
  space(): Space {
    this.#spaces += 1
    const prefix = `${this.#spaces} `
    return {
      find: (key) => this.#entries.get(prefix + key),
      add: (key, accepted, length) => this.#entries.set(prefix + key, accepted, { size: length + overhead }),
      drop: (key) => this.#entries.delete(prefix + key),
    }
  }

  get size(): number {
    return this.#entries.size
  }
}
