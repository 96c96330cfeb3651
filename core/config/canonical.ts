// From what a table says to what the schema checks: keys and values in their canonical spelling, variables replaced,
// keys that nobody knows reported and left out (spec 1.5, 1.7).
import type { Report } from '../finding/finding.ts'
import { pathText } from '../finding/locate.ts'
import { expand } from './env.ts'
import type { Env } from './env.ts'
import { show } from './mask.ts'
import { dig } from './path.ts'
import type { Path } from './path.ts'
import { schemas } from './schema/index.ts'
import { shapeOf } from './schema/shape.ts'
import type { Shape, TableShape } from './schema/shape.ts'
import { isTable } from './toml.ts'
import type { Tree } from './toml.ts'

/** Where a value belongs, and where it was written; the same array where the two are the same. */
export type At = { readonly belongs: Path; readonly written: Path }

export type Context = {
  readonly file: string
  readonly env: Env
  report(report: Report): void
  /** Told of what is put in place of a variable. */
  substitute(value: string, name: string): void
  /** What may have been meant by a misspelt word. */
  guess(word: string, candidates: Iterable<string>): string | undefined
  /** What was written elsewhere than where it belongs; grows. By path as JSON. */
  readonly renames: Map<string, Path>
  /** Where values belong that cannot be used, as has been reported; grows. */
  readonly holes: Path[]
}

/** The value as the schema wants to see it. What is no table in place of one becomes null, which no schema accepts. */
export function canonical(shape: Shape, value: unknown, at: At, context: Context): unknown {
  const item = (of: Shape, key: string | number, value: unknown): unknown =>
    canonical(of, value, under(at, key), context)
  if (shape.kind === 'anything') return value
  if (shape.kind === 'table') return isTable(value) ? table(shape, value, at, context) : null
  if (shape.kind === 'variant') return isTable(value) ? variant(shape, value, at, context) : null
  if (shape.kind === 'named') {
    if (!isTable(value)) return null
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, item(shape.item, key, each)]))
  }
  if (shape.kind === 'list') {
    if (!Array.isArray(value)) return null
    if (value.length > maxItems) return tooLong(value.length, at, context)
    return value.map((each: unknown, index) => item(shape.item, index, each))
  }
  if (shape.kind === 'either') {
    const option = shape.options.find((option) => accepts(option, value))
    return option ? canonical(option, value, at, context) : null
  }
  return scalar(shape, value, at, context)
}

/** Of one list. */
const maxItems = 100_000

function tooLong(length: number, at: At, context: Context): undefined {
  const message = `${pathText(at.written)} has ${length} items: must have ${maxItems} or less`
  context.report({ code: 'value/range', message, place: { file: context.file, path: at.written }, mark: 'key' })
  context.holes.push(at.belongs)
}

function table(shape: TableShape, value: Tree, at: At, context: Context): Record<string, unknown> {
  const made: Record<string, unknown> = {}
  const consumed = new Set<string>()
  for (const [key, field] of shape.fields) {
    let found = value[key]
    let place = moved(at, key, context)
    for (const alias of field.shape.note.aliases ?? []) {
      const parts = alias.split('.')
      const other = dig(value, parts)
      if (parts[0] === alias) consumed.add(alias)
      if (other === undefined) continue
      const written = [...at.written, ...parts]
      if (found === undefined) {
        found = other
        place = { belongs: [...at.belongs, key], written }
        context.renames.set(JSON.stringify(place.belongs), written)
      } else if (found !== other) conflict([...at.written, key], written, context)
    }
    const meant = found === undefined ? undefined : canonical(field.shape, found, place ?? under(at, key), context)
    if (meant !== undefined) made[key] = meant
  }
  for (const key of Object.keys(value)) {
    if (shape.fields.has(key) || consumed.has(key)) continue
    if (shape.open) made[key] = value[key]
    else unknownKey(shape, key, at, context)
  }
  return made
}

/** Where a value was written that has been moved here; undefined when it was written here. */
function moved(at: At, key: string, { renames }: Context): At | undefined {
  if (renames.size === 0) return undefined
  const belongs = [...at.belongs, key]
  const written = renames.get(JSON.stringify(belongs))
  return written && { belongs, written }
}

function variant(shape: Shape & { kind: 'variant' }, value: Tree, at: At, context: Context): unknown {
  const given = value[shape.key]
  const field = [...shape.options.values()][0]?.fields.get(shape.key)?.shape
  const name = field && given !== undefined ? scalar(field, given, under(at, shape.key), context) : undefined
  const option = typeof name === 'string' ? shape.options.get(name) : undefined
  if (option) {
    // What has no option that is required need not have the table of them.
    const options = option.fields.has('options') ? { options: {} } : {}
    return table(option, { ...options, ...value, [shape.key]: name }, at, context)
  }
  context.holes.push(at.belongs)
  const place = { file: context.file, path: [...at.written, shape.key] }
  const rule = `must be one of ${[...shape.options.keys()].join(', ')}`
  if (given === undefined) {
    const message = `${pathText(place.path)} is missing: ${rule}`
    context.report({ code: 'value/missing', message, place, mark: 'key' })
  } else {
    const guess = typeof given === 'string' ? context.guess(given, shape.options.keys()) : undefined
    const message = `${pathText(place.path)} is ${show(given)}: ${rule}`
    context.report({ code: 'value/enum', message, place, help: guess && `did you mean "${guess}"?` })
  }
  return null
}

/** Variables are replaced, spellings made canonical. */
function scalar(shape: Shape, value: unknown, at: At, context: Context): unknown {
  const { note } = shape
  if (note.date === true && value instanceof Date) return dateText(value)
  if (typeof value === 'object') return null
  if (typeof value !== 'string') return value
  const text = variables(value, at, context)
  if (text === undefined) return undefined
  if (text !== value) {
    // A variable is always text; what it stands for need not be.
    if (shape.kind === 'integer' && /^[+-]?\d{1,15}$/.test(text.trim())) return Number(text)
    if (shape.kind === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  }
  let made = note.spellings?.[text] ?? text
  if (note.prefix !== undefined && made.startsWith(note.prefix)) made = made.slice(note.prefix.length)
  if (note.trimmed === true) made = made.replace(/^\/+|\/+$/g, '')
  return made
}

function variables(value: string, at: At, context: Context): string | undefined {
  const expanded = expand(value, context.env)
  if (!expanded) return value
  const place = { file: context.file, path: at.written }
  for (const { name, value } of expanded.parts) context.substitute(value, name)
  for (const name of expanded.unset) {
    const message = `${pathText(at.written)} needs the environment variable ${name}, which is not set`
    const help = `set it, or give a default: \${${name}:-VALUE}`
    context.report({ code: 'env/unset', message, place, help })
  }
  if (expanded.malformed) {
    const message = `${pathText(at.written)} has a "\${" that starts no variable`
    context.report({ code: 'env/malformed', message, place, help: 'write ${NAME}, or $${ for the two characters' })
  }
  if (expanded.unset.length === 0) return expanded.value
  context.holes.push(at.belongs)
  return undefined
}

function unknownKey(shape: TableShape, key: string, at: At, context: Context): void {
  const path = moved(at, key, context)?.written ?? [...at.written, key]
  const name = JSON.stringify(pathText([key]).replaceAll('"', ''))
  const guess = context.guess(key, shape.fields.keys()) ?? alike(shape, key) ?? below(shape, key)
  context.report({
    code: 'key/unknown',
    message: `${name} is not a key of ${pathText(path.slice(0, -1))}`,
    place: { file: context.file, path },
    mark: 'key',
    help: guess === undefined ? above(key) : `did you mean "${guess}"?`,
  })
}

/** The shortest key that ends with this one, or has its words with one of them cut short. */
function alike(shape: TableShape, key: string): string | undefined {
  if (key.length < 4 || key.length > 64) return undefined
  const words = key.split('_')
  const found = [...shape.fields.keys()].filter((field) => {
    if (field.endsWith(`_${key}`)) return true
    const parts = field.split('_')
    if (parts.length !== words.length) return false
    return parts.every((part, at) => isCut(part, words[at] ?? '') || isCut(words[at] ?? '', part))
  })
  return found.toSorted((a, b) => a.length - b.length)[0]
}

function isCut(long: string, short: string): boolean {
  return long === short || (short.length > 2 && long.startsWith(short))
}

/** The key as one of the whole gateway, written into another table. */
function above(key: string): string | undefined {
  if (key === 'id' || key === 'name') return undefined
  for (const name of ['proxy', 'logging'] as const) {
    const shape = shapeOf(schemas[name])
    if (shape.kind === 'table' && shape.fields.has(key)) return `${key} belongs in [${name}], in the main file`
  }
  return undefined
}

/** The key as one of a table in this table: written one level too high. */
function below(shape: TableShape, key: string): string | undefined {
  for (const [name, field] of shape.fields)
    if (field.shape.kind === 'table' && field.shape.fields.has(key)) return `${name}.${key}`
  return undefined
}

function conflict(one: Path, other: Path, context: Context): void {
  context.report({
    code: 'key/alias-conflict',
    message: `${pathText(one)} and ${pathText(other)} are both set and mean the same`,
    place: { file: context.file, path: other },
    mark: 'key',
    help: 'remove one of them',
  })
}

function accepts(shape: Shape, value: unknown): boolean {
  if (shape.kind === 'list') return Array.isArray(value)
  if (shape.kind === 'table' || shape.kind === 'variant' || shape.kind === 'named') return isTable(value)
  return typeof value !== 'object'
}

/** A local date as YYYY-MM-DD, a local time as HH:MM: as a string in its place would say it. */
function dateText(value: Date): string {
  const text: unknown = value.toJSON()
  if (typeof text !== 'string') return ''
  return /^\d\d:\d\d:/.test(text) ? text.slice(0, 5) : text
}

function under({ belongs, written }: At, key: string | number): At {
  const path = [...belongs, key]
  return { belongs: path, written: written === belongs ? path : [...written, key] }
}
