// The schema as plain data: what the loader, the reference and the guesses walk along. valibot has no such view.
import type * as v from 'valibot'
import type { Note } from './field.ts'

export type Shape = {
  /** What it means; empty where nothing is said. */
  readonly meaning: string
  readonly note: Note
} & (
  | { readonly kind: 'string' | 'boolean' | 'anything' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'choice'; readonly options: readonly string[] }
  /** `open`: other keys are passed through. */
  | { readonly kind: 'table'; readonly fields: ReadonlyMap<string, Field>; readonly open: boolean }
  | { readonly kind: 'named'; readonly item: Shape }
  | { readonly kind: 'list'; readonly item: Shape; readonly min: number }
  /** One of several kinds of value: at most one scalar, one list, one table. */
  | { readonly kind: 'either'; readonly options: readonly Shape[] }
  /** A table whose fields depend on the value of one of them. */
  | { readonly kind: 'variant'; readonly key: string; readonly options: ReadonlyMap<string, TableShape> }
)

export type TableShape = Extract<Shape, { kind: 'table' }>

export type Field = {
  readonly required: boolean
  /** What holds when it is absent. */
  readonly fallback: unknown
  readonly shape: Shape
}

/** What of valibot's schemas is read here. */
type Node = {
  readonly kind: string
  readonly type: string
  readonly pipe?: readonly Node[]
  readonly description?: string
  readonly metadata?: Note
  readonly requirement?: unknown
  readonly entries?: Readonly<Record<string, Node>>
  readonly wrapped?: Node
  readonly default?: unknown
  readonly item?: Node
  readonly value?: Node
  readonly key?: string
  readonly options?: readonly (Node | string)[]
  readonly literal?: string
}

const known = new WeakMap<object, Shape>()

/** The shape of a schema; the same object each time. */
export function shapeOf(schema: v.GenericSchema): Shape {
  return shape(schema)
}

function shape(node: Node): Shape {
  const before = known.get(node)
  if (before) return before
  const made = make(node)
  known.set(node, made)
  return made
}

function make(node: Node): Shape {
  const [root = node, ...actions] = flat(node)
  const meaning = actions.find((action) => action.type === 'description')?.description ?? ''
  const note = actions.find((action) => action.type === 'metadata')?.metadata ?? {}
  const bound = (type: string, otherwise: number): number => {
    const requirement = actions.find((action) => action.type === type)?.requirement
    return typeof requirement === 'number' ? requirement : otherwise
  }
  switch (root.type) {
    case 'string':
      return { kind: 'string', meaning, note }
    case 'boolean':
      return { kind: 'boolean', meaning, note }
    case 'number': {
      const [min, max] = [bound('min_value', -Infinity), bound('max_value', Infinity)]
      return { kind: 'integer', min, max, meaning, note }
    }
    case 'literal':
      return { kind: 'choice', options: [root.literal ?? ''], meaning, note }
    case 'picklist':
      return { kind: 'choice', options: (root.options ?? []).filter(isString), meaning, note }
    case 'object':
    case 'loose_object':
      return { ...tableOf(root), meaning, note }
    case 'record':
      return { kind: 'named', item: shape(needed(root.value)), meaning, note }
    case 'array':
      return { kind: 'list', item: shape(needed(root.item)), min: bound('min_length', 0), meaning, note }
    case 'union':
      return { kind: 'either', options: nodes(root.options).map(shape), meaning, note }
    case 'variant': {
      const key = needed(root.key)
      const options = nodes(root.options).map((option) => {
        const made = { ...tableOf(option), meaning: '', note: {} }
        const field = made.fields.get(key)?.shape
        return [field?.kind === 'choice' ? (field.options[0] ?? '') : '', made] as const
      })
      return { kind: 'variant', key, options: new Map(options), meaning, note }
    }
    case 'unknown':
      return { kind: 'anything', meaning, note }
    default:
      throw new Error(`the schema has a kind that is not known here: ${root.type}`)
  }
}

/** A schema and what is done with it, one after the other: what is piped may be piped again. */
function flat(node: Node): readonly Node[] {
  const [first, ...rest] = node.pipe ?? []
  return first ? [...flat(first), ...rest] : [node]
}

function tableOf(node: Node): Omit<TableShape, 'meaning' | 'note'> {
  const fields = Object.entries(node.entries ?? {}).map(([key, entry]) => [key, field(entry)] as const)
  return { kind: 'table', fields: new Map(fields), open: node.type === 'loose_object' }
}

function field(entry: Node): Field {
  if (entry.type !== 'optional') return { required: true, fallback: undefined, shape: shape(entry) }
  const fallback: unknown = typeof entry.default === 'function' ? entry.default() : entry.default
  return { required: false, fallback, shape: shape(needed(entry.wrapped)) }
}

function nodes(options: readonly (Node | string)[] | undefined): readonly Node[] {
  return (options ?? []).filter((option): option is Node => !isString(option))
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the schema lacks a part')
  return value
}
