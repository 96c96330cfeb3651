// Checks of what a caller gives: each names the key, what was found and the rule.

/** Checks the value found at `path` and throws a `TypeError` that says what is wrong with it. */
export type Check = (path: string, value: unknown) => void

/** Throws the error for a value that breaks a rule. The value is shown only when it is short and plain. */
export function refuse(path: string, value: unknown, rule: string): never {
  throw new TypeError(`${path} is ${shown(value)}: ${rule}`)
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value.length <= 80 ? `'${value}'` : 'a long string'
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** An integer from `min` to `max`. */
export function integer(min: number, max: number): Check {
  return (path, value) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      refuse(path, value, `must be ${min} to ${max}`)
    }
  }
}

/** One of the given words. */
export function oneOf(...words: readonly string[]): Check {
  return (path, value) => {
    if (typeof value !== 'string' || !words.includes(value)) {
      refuse(path, value, `must be ${words.length === 1 ? words[0] : `one of ${words.join(', ')}`}`)
    }
  }
}

export const text: Check = (path, value) => {
  if (typeof value !== 'string' || value === '') refuse(path, value, 'must be a text that is not empty')
}

export const flag: Check = (path, value) => {
  if (typeof value !== 'boolean') refuse(path, value, 'must be true or false')
}

export const callable: Check = (path, value) => {
  if (typeof value !== 'function') refuse(path, value, 'must be a function')
}

/** A list of at least `min` items, each passing `item`, without repeats among plain ones. */
export function list(item: Check, min = 1): Check {
  return (path, value) => {
    if (!Array.isArray(value)) refuse(path, value, 'must be a list')
    if (value.length < min) throw new TypeError(`${path} is an empty list: must hold at least ${min}`)
    value.forEach((entry: unknown, index) => {
      item(`${path}[${index}]`, entry)
      if (typeof entry === 'string' && value.indexOf(entry) !== index)
        refuse(`${path}[${index}]`, entry, 'stands there twice')
    })
  }
}

/** PEM as text or bytes. Its content is never shown. */
export const pem: Check = (path, value) => {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    refuse(path, value, 'must be PEM as a string or a Uint8Array')
  }
  if (!pemText(value).includes('-----BEGIN ')) {
    throw new TypeError(`${path} is not PEM: must hold a -----BEGIN line`)
  }
}

/** An object whose keys are those of `keys`; the ones in `required` must be there. */
export function shape(keys: Readonly<Record<string, Check>>, required: readonly string[] = []): Check {
  return (path, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(path, value, 'must be an object')
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(keys, key)) {
        throw new TypeError(`${path}.${key} is not an option: must be one of ${Object.keys(keys).join(', ')}`)
      }
    }
    for (const [key, check] of Object.entries(keys)) {
      const found = (value as Record<string, unknown>)[key]
      if (found !== undefined) check(`${path}.${key}`, found)
      else if (required.includes(key)) refuse(`${path}.${key}`, found, 'must be given')
    }
  }
}

/** PEM as text, whichever way it was given. */
export function pemText(pem: string | Uint8Array): string {
  return typeof pem === 'string' ? pem : Buffer.from(pem.buffer, pem.byteOffset, pem.byteLength).toString('latin1')
}
