// The words that the schema is written in: a kind of value, what it means, and what else is to be known of it.
import * as v from 'valibot'
import { listed } from '../../finding/words.ts'

/** What a field's type does not say. */
export type Note = {
  /** Harmony's own: other gateways of this format do not know the field (decision 23). */
  readonly harmony?: true
  /** Other spellings of the key (spec 1.7). */
  readonly aliases?: readonly string[]
  /** Other spellings of the value, and what they stand for (spec 1.7). */
  readonly spellings?: Readonly<Record<string, string>>
  /** May stand before the name: `authentications.` (spec 1.7). */
  readonly prefix?: string
  /** The value, or each item of it, is the name of a table of this section. */
  readonly names?: string
  /** Never shown, whatever the key is called. */
  readonly secret?: true
  /** What holds when the field is absent, where that is not a fixed value. */
  readonly otherwise?: string
  /** When the field is required. */
  readonly needed?: string
  /** Services or types that heed the field; absent: all. */
  readonly only?: readonly string[]
  /** Accepted, and without effect. */
  readonly ignored?: true
  /** A TOML date or time may stand in place of the string. */
  readonly date?: true
  /** Slashes around the value are dropped. */
  readonly trimmed?: true
  /** Which names the keys of a table of named things may have: of tables, or of ingresses and egresses (spec 1.6). */
  readonly keys?: keyof typeof nameForms
}

export const nameForms = {
  table: { pattern: /^[a-z0-9_-]+$/, rule: 'must be of a to z, 0 to 9, _ and -' },
  member: { pattern: /^[a-z0-9._-]+$/, rule: 'must be of a to z, 0 to 9, _, - and .' },
} as const

/** Any text, the empty one too. */
export function text(meaning: string, note: Note = {}) {
  return v.pipe(v.string('must be a string'), v.description(meaning), v.metadata(note))
}

/** Text that is not empty. */
export function word(meaning: string, note: Note = {}) {
  return v.pipe(v.string('must be a string'), v.nonEmpty('must not be empty'), v.description(meaning), v.metadata(note))
}

/** Text of a form; `rule` continues the sentence that starts with key and value. */
export function form(pattern: RegExp, rule: string, meaning: string, note: Note = {}) {
  return v.pipe(v.string('must be a string'), v.regex(pattern, rule), v.description(meaning), v.metadata(note))
}

/** The bound of numbers that have no other. */
export const unbounded = Number.MAX_SAFE_INTEGER

/** A whole number from `min` to `max`, both included. */
export function integer(min: number, max: number, meaning: string, note: Note = {}) {
  const open = min === -unbounded ? 'must be an integer' : `must be ${min} or more`
  const rule = max === unbounded ? open : `must be ${min} to ${max}`
  return v.pipe(
    v.number('must be an integer'),
    v.integer('must be an integer'),
    v.minValue(min, rule),
    v.maxValue(max, rule),
    v.description(meaning),
    v.metadata(note),
  )
}

export function flag(meaning: string, note: Note = {}) {
  return v.pipe(v.boolean('must be true or false'), v.description(meaning), v.metadata(note))
}

export function choice<const T extends readonly string[]>(options: T, meaning: string, note: Note = {}) {
  const rule = `must be ${listed(options.map((option) => `"${option}"`))}`
  return v.pipe(v.picklist(options, rule), v.description(meaning), v.metadata(note))
}

/** A list; empty ones are allowed. */
export function list<const T extends v.GenericSchema>(item: T, meaning: string, note: Note = {}) {
  return v.pipe(v.array(item, 'must be a list'), v.description(meaning), v.metadata(note))
}

/** A list of at least one item. */
export function some<const T extends v.GenericSchema>(item: T, meaning: string, note: Note = {}) {
  return v.pipe(
    v.array(item, 'must be a list'),
    v.minLength(1, 'must have at least one item'),
    v.description(meaning),
    v.metadata(note),
  )
}

/** A table with keys that are known. */
export function table<const T extends v.ObjectEntries>(entries: T, meaning: string, note: Note = {}) {
  return v.pipe(v.object(entries, 'must be a table'), v.description(meaning), v.metadata(note))
}

/** A table whose keys are names that the operator chooses. */
export function named<const T extends v.GenericSchema>(item: T, meaning: string, note: Note = {}) {
  return v.pipe(v.record(v.string(), item, 'must be a table'), v.description(meaning), v.metadata(note))
}

/** The item of a list of texts. */
export const item = v.pipe(v.string('must be a string'), v.nonEmpty('must not be empty'))

export const port = (meaning: string, note: Note = {}) => integer(1, 65_535, meaning, note)
