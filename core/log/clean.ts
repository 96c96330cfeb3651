// What is logged, made fit for a line: secrets masked, sizes bounded, nothing in it that a terminal or a reader of
// lines would obey.
import { redacted, Secret } from '../secret.ts'
import type { Fields } from './log.ts'
import { maskText } from './sensitive.ts'
import type { Sensitive } from './sensitive.ts'

/** Nesting, entries of one object or list, values and characters of one line. */
const bounds = { depth: 6, entries: 200, values: 4_000, characters: 262_144, stack: 20 }

/** Fields that pino writes itself. */
const reserved = new Set(['level', 'time', 'message'])

/** Fields as plain data: a copy. Never throws, whatever the values are. */
export function cleanFields(fields: Fields, sensitive: Sensitive): Record<string, unknown> {
  const walk = new Walk(sensitive)
  const clean = walk.record(fields, 0)
  for (const name of reserved) {
    if (!Object.hasOwn(clean, name)) continue
    clean[`${name}_`] = clean[name]
    delete clean[name]
  }
  return clean
}

/** A sentence for the log: one line, printable. */
export function cleanText(text: string): string {
  return escapeAll(maskText(cut(text, bounds.characters)))
}

/** Escapes what a terminal obeys, or what ends a line: `\n` becomes the two characters. */
export function escapeAll(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, escaped)
}

class Walk {
  readonly #sensitive: Sensitive
  readonly #above: object[] = []
  #values = bounds.values
  #characters = bounds.characters

  constructor(sensitive: Sensitive) {
    this.#sensitive = sensitive
  }

  record(source: object, depth: number): Record<string, unknown> {
    const clean: Record<string, unknown> = {}
    this.#above.push(source)
    // { name: 'authorization', value: '...' }: the name says what the value is
    const named = ['name', 'key', 'header', 'field'].some((key) => {
      const name = read(source, key)
      return typeof name === 'string' && this.#sensitive(name)
    })
    let left = bounds.entries
    for (const key of keysOf(source)) {
      if (left === 0 || this.#values <= 0) {
        clean['…'] = '[more]'
        break
      }
      left -= 1
      const value = read(source, key)
      if (value === undefined || typeof value === 'function') continue
      const masked = this.#masks(key, value) || (named && (key === 'value' || key === 'values'))
      put(clean, this.#text(key), masked ? redacted : this.value(value, depth + 1))
    }
    this.#above.pop()
    return clean
  }

  value(value: unknown, depth: number): unknown {
    this.#values -= 1
    if (value === null || typeof value === 'boolean') return value
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
    if (typeof value === 'string') return this.#text(maskText(cut(value, this.#characters)))
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object') return `[${typeof value}]`
    if (this.#values <= 0 || depth > bounds.depth) return '[more]'
    if (this.#above.includes(value)) return '[circular]'
    try {
      return this.#object(value, depth)
    } catch {
      return '[unreadable]'
    }
  }

  #object(value: object, depth: number): unknown {
    if (value instanceof Secret) return redacted
    if (value instanceof Error) return this.#error(value, depth)
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[no date]' : value.toISOString()
    // without credentials and query
    if (value instanceof URL) return this.#text(`${value.protocol}//${value.host}${value.pathname}`)
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
    if (Array.isArray(value)) return this.#list(value, depth)
    if (value instanceof Set) return this.#list([...value], depth)
    if (value instanceof Map) {
      // what is no string becomes one: only names can be keys
      return this.record(Object.fromEntries([...value].map(([key, one]) => [String(key), one])), depth)
    }
    const json = read(value, 'toJSON')
    if (typeof json === 'function') {
      const plain: unknown = json.call(value)
      if (plain !== value) return this.value(plain, depth + 1)
    }
    return this.record(value, depth)
  }

  #list(list: readonly unknown[], depth: number): unknown[] {
    const [name, value] = list
    // a field as a pair
    if (list.length === 2 && typeof name === 'string' && typeof value === 'string' && this.#sensitive(name)) {
      return [this.#text(name), redacted]
    }
    this.#above.push(list)
    const clean: unknown[] = []
    for (const one of list) {
      if (clean.length === bounds.entries || this.#values <= 0) {
        clean.push(`[${list.length - clean.length} more]`)
        break
      }
      clean.push(this.value(one, depth + 1))
    }
    this.#above.pop()
    return clean
  }

  #error(error: Error, depth: number): Record<string, unknown> {
    const { cause, stack } = error
    const frames = typeof stack === 'string' ? stack.split('\n').filter((line) => /^\s+at /.test(line)) : []
    this.#above.push(error)
    const clean = {
      ...this.record(Object.fromEntries(keysOf(error).map((key) => [key, read(error, key)])), depth),
      type: this.#text(String(error.name)),
      message: this.value(String(error.message), depth),
      ...(cause === undefined ? {} : { cause: this.value(cause, depth + 1) }),
      stack: frames.slice(0, bounds.stack).map((frame) => this.#text(maskText(frame.trim()))),
    }
    this.#above.pop()
    return clean
  }

  #masks(key: string, value: unknown): boolean {
    return value !== null && typeof value !== 'boolean' && this.#sensitive(key)
  }

  #text(text: string): string {
    const bounded = cut(text, Math.max(0, this.#characters))
    this.#characters -= bounded.length
    // JSON escapes the others itself
    return bounded.replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, escaped)
  }
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}[+${text.length - length} characters]`
}

function escaped(character: string): string {
  if (character === '\n') return '\\n'
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function keysOf(source: object): string[] {
  try {
    return Object.keys(source)
  } catch {
    return []
  }
}

/** A property, and nothing when reading it throws. */
function read(source: object, key: string): unknown {
  try {
    // the object may have any properties
    return (source as Record<string, unknown>)[key]
  } catch {
    return '[unreadable]'
  }
}

/** Sets also what has a meaning of its own, such as `__proto__`. */
function put(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}
