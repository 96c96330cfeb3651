// The schema of the configuration for editors: JSON Schema, draft 7. It accepts what the loader accepts without a
// word: other spellings, and a variable in place of any value.
import { toJsonSchema } from '@valibot/to-json-schema'
import type { JsonSchema } from '@valibot/to-json-schema'
import * as v from 'valibot'
import { connection } from './schema/connection.ts'
import { nameForms, named, unbounded } from './schema/field.ts'
import type { Note } from './schema/field.ts'
import { logLevels } from './schema/proxy.ts'
import { schemas, singles } from './schema/index.ts'
import { rule } from './schema/rule/index.ts'
import { isTable } from './toml.ts'

/** A JSON Schema as it is built: what stands in it is known here, and not to its type. */
type Node = { [key: string]: unknown }

/** Any file of the configuration: all tables are optional. */
export function configJsonSchema(): JsonSchema {
  const root = v.object(
    Object.fromEntries(
      Object.entries(schemas).map(([section, schema]) => [
        section,
        v.optional(singles.some((single) => single === section) ? schema : named(schema, '', { keys: 'table' })),
      ]),
    ),
  )
  const made = toJsonSchema(root, {
    target: 'draft-07',
    typeMode: 'input',
    // What JSON Schema cannot say, such as a rule over two fields, is left to the loader.
    errorMode: 'ignore',
    definitions: { rule, connection },
    overrideAction: ({ valibotAction, jsonSchema }) =>
      valibotAction.type === 'metadata' && 'metadata' in valibotAction
        ? { ...jsonSchema, [mark]: valibotAction.metadata }
        : undefined,
    overrideSchema: ({ valibotSchema, jsonSchema }) =>
      // Editors say so of a key that nobody knows.
      valibotSchema.type === 'object' ? { ...jsonSchema, additionalProperties: false } : undefined,
  })
  const { $defs, required: _none, ...rest } = made
  // Draft 7 has another name for what is defined once.
  const text = JSON.stringify({ ...Object(finish(rest)), definitions: mapped($defs) })
  const finished: Node = Object(JSON.parse(text.replaceAll('"#/$defs/', '"#/definitions/')))
  moved(finished)
  return { ...finished, title: 'Harmony configuration' }
}

/** Where the note of a field stands until it has been used. */
const mark = 'x-note'

/** Applies the notes, from the leaves up. */
function finish(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(finish)
  if (!isTable(value)) return value
  const { [mark]: marked, ...rest } = value
  const note: Note = isTable(marked) ? marked : {}
  const node: Node = {}
  for (const [key, each] of Object.entries(rest)) {
    // The converter takes what it is told of a field for keywords.
    if (Object.hasOwn(note, key) || each === '' || Math.abs(Number(each)) === unbounded) continue
    node[key] = key === 'properties' ? mapped(each) : finish(each)
  }
  if (isTable(rest['properties'])) properties(node, rest['properties'])
  if (note.keys !== undefined) {
    node['patternProperties'] = { [nameForms[note.keys].pattern.source]: node['additionalProperties'] }
    node['additionalProperties'] = false
  }
  delete node['propertyNames']
  if (note.harmony === true && typeof node['description'] === 'string')
    node['description'] = `${node['description']} (Harmony)`
  return orVariable(spelled(node, note))
}

/** A table whose keys are names, not keywords. */
function mapped(value: unknown): unknown {
  return isTable(value) ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, finish(each)])) : value
}

/** Other names of keys, options that stand beside their table, tables that need not be there. */
function properties(node: Node, before: Node): void {
  const own: Node = isTable(node['properties']) ? { ...node['properties'] } : {}
  for (const [key, value] of Object.entries(before)) {
    const note: Note = isTable(value) && isTable(value[mark]) ? value[mark] : {}
    for (const alias of note.aliases ?? [])
      if (!alias.includes('.')) own[alias] ??= { ...Object(own[key]), description: `The same as \`${key}\`.` }
  }
  node['properties'] = own
  if (!Array.isArray(node['required'])) return
  const { options } = own
  const needsOptions = isTable(options) && Array.isArray(options['required']) && options['required'].length > 0
  const required = node['required'].filter((key) => key !== 'options' || needsOptions)
  if (required.length > 0) node['required'] = required
  else delete node['required']
}

/** Other spellings of a value. */
function spelled(node: Node, { spellings = {} }: Note): Node {
  const also = (meant: unknown): string[] =>
    Object.entries(spellings).flatMap(([other, value]) => (value === meant ? [other] : []))
  if (Array.isArray(node['enum'])) return { ...node, enum: [...node['enum'], ...node['enum'].flatMap(also)] }
  const others = 'const' in node ? also(node['const']) : []
  if (others.length === 0) return node
  const { const: meant, ...rest } = node
  return { ...rest, enum: [meant, ...others] }
}

/** A variable may stand for a number, for true or false, and for a word of a list; text has room for it anyway. */
function orVariable(node: Node): Node {
  const { description, default: otherwise, ...rule } = node
  const bound = ['integer', 'boolean'].includes(String(rule['type'])) || (rule['type'] === 'string' && strict(rule))
  if (!bound) return node
  return {
    ...(description === undefined ? {} : { description }),
    ...(otherwise === undefined ? {} : { default: otherwise }),
    anyOf: [rule, { type: 'string', pattern: '\\$\\{' }],
  }
}

function strict(rule: Node): boolean {
  return 'enum' in rule || 'pattern' in rule
}

/** What may stand elsewhere than where it belongs (spec 1.7); the moves are in alias.ts. */
function moved(root: Node): void {
  const add = (path: readonly string[], key: string, value: unknown): void => {
    const at = path.reduce<unknown>((node, part) => (isTable(node) ? node[part] : undefined), root)
    // The tree was made here and nobody else has it yet.
    if (isTable(at)) (at as Node)[key] = value
  }
  add(['properties', 'proxy', 'properties'], 'log_level', { ...old('logging.log_level'), enum: [...logLevels] })
  const text = (now: string): Node => ({ ...old(now), type: 'string' })
  for (const section of ['targets', 'peers']) {
    add([...below(section), 'properties'], 'url', text('connection.host'))
    add(below(section), 'required', [])
  }
  add([...below('backends'), 'properties', 'options', 'properties'], 'authentication_ref', text('authentication'))

  const middleware = below('middleware').reduce<unknown>((node, part) => (isTable(node) ? node[part] : {}), root)
  const kinds: unknown = isTable(middleware) ? middleware['oneOf'] : []
  for (const kind of Array.isArray(kinds) ? kinds : []) inline(kind)
}

function below(section: string): string[] {
  return ['properties', section, 'patternProperties', nameForms.table.pattern.source]
}

function old(now: string): Node {
  return { description: `Now \`${now}\`.`, deprecated: true }
}

/** The options of a middleware may stand in its own table (C12). */
function inline(kind: unknown): void {
  if (!isTable(kind) || !isTable(kind['properties'])) return
  const { options } = kind['properties']
  if (!isTable(options)) return
  // The tree was made here and nobody else has it yet.
  const open = kind as Node
  if (options['additionalProperties'] !== false) open['additionalProperties'] = true
  open['properties'] = { ...Object(options['properties']), ...kind['properties'] }
  if (!Array.isArray(options['required'])) return
  if (Array.isArray(kind['required'])) open['required'] = kind['required'].filter((key) => key !== 'options')
  // Wherever they stand, those that are required must be there.
  const { required, ...rest } = options
  open['properties'] = { ...Object(open['properties']), options: rest }
  open['anyOf'] = [{ properties: { options: { required } }, required: ['options'] }, { required }]
}
