// The page on every table and field of the configuration, from the schema itself: docs/configuration.md.
import { home } from './merge.ts'
import { unbounded } from './schema/field.ts'
import type { Note } from './schema/field.ts'
import { schemas, singles } from './schema/index.ts'
import type { Tables } from './schema/index.ts'
import { shapeOf } from './schema/shape.ts'
import type { Field, Shape, TableShape } from './schema/shape.ts'

/** The page, as Markdown. */
export function configReference(): string {
  const sections = Object.keys(schemas).filter((key): key is keyof Tables => Object.hasOwn(schemas, key))
  return [lead, contents(sections), ...sections.map(section)].join('\n\n').concat('\n')
}

const lead = [
  '# Configuration',
  '',
  'Every table and field. This page is made from the schema that the gateway checks files with: `npm run docs` ' +
    'writes it, and a test fails when it lags. `harmony schema` prints the same as JSON Schema, for editors.',
  '',
  '- A configuration is a main file, `config.toml`, and the files of the folders that `[proxy]` names. Sections with ' +
    'a name each, such as `[network.<name>]`, may be in any of them, unless it says otherwise. A name is looked for ' +
    'in the file that uses it, then in the main file, then in the others.',
  '- `${NAME}` in a value is replaced by the environment variable of that name, `${NAME:-default}` has a default, ' +
    'and `$${` stands for `${` itself. Where a number or true or false belongs, the text of the variable is read as one.',
  '- *Harmony* marks what other gateways of this format do not know.',
  '- Keys and tables that are not known give a warning, and an error with `harmony check --strict`.',
  '- Names of tables are of `a` to `z`, `0` to `9`, `_` and `-`; names of ingresses and egresses may have dots too.',
].join('\n')

function contents(sections: readonly string[]): string {
  return sections.map((name) => `[\`${title(name)}\`](#${name})`).join(' · ')
}

function section(name: keyof Tables): string {
  const shape = shapeOf(schemas[name])
  const parts = [`## ${name}`, `\`[${title(name)}]\`: ${shape.meaning}`]
  parts.push(`In ${home(name)}.`)
  if (shape.kind === 'table') parts.push(fields(rows(shape, '')))
  if (shape.kind === 'variant') parts.push(...variant(shape))
  parts.push(...(moves[name] ?? []))
  return parts.join('\n\n')
}

/** Tables whose fields depend on one of them: first what they share, then the options of each. */
function variant(shape: Extract<Shape, { kind: 'variant' }>): string[] {
  const [first] = shape.options.values()
  if (!first) return []
  const shared = rows(first, '', new Set(['options', shape.key]))
  const names = [...shape.options.keys()].map((name) => `\`${name}\``).join(', ')
  const key: Row = [`\`${shape.key}\``, 'text', 'required', '', `One of ${names}.`]
  const each = [...shape.options].map(([name, option]) => {
    const options = option.fields.get('options')?.shape
    if (options?.kind !== 'table') return ''
    const table = options.fields.size === 0 ? 'No options.' : fields(rows(options, 'options.'))
    const body = options.open ? 'Any option; none has an effect.' : table
    return `### ${shape.key} \`${name}\`\n\n${options.meaning}\n\n${body}`
  })
  return [fields([key, ...shared]), ...each]
}

type Row = readonly [name: string, type: string, required: string, otherwise: string, meaning: string]

function fields(list: readonly Row[]): string {
  const head = ['| field | type | required | default | meaning |', '| --- | --- | --- | --- | --- |']
  return [...head, ...list.map((row) => `| ${row.map(cell).join(' | ')} |`)].join('\n')
}

function rows(shape: TableShape, prefix: string, without: ReadonlySet<string> = new Set()): Row[] {
  return [...shape.fields].flatMap(([key, field]) => (without.has(key) ? [] : row(key, field, prefix)))
}

function row(key: string, field: Field, prefix: string): Row[] {
  const { shape } = field
  const name = `${prefix}${key}`
  const own: Row = [`\`${name}\``, type(shape), required(field), otherwise(field), meaning(shape)]
  return [own, ...below(shape, name)]
}

/** The fields of what is in a field. */
function below(shape: Shape, name: string): Row[] {
  if (shape.kind === 'table') return rows(shape, `${name}.`)
  if (shape.kind === 'named') return below(shape.item, `${name}.<name>`)
  if (shape.kind === 'list') return below(shape.item, `${name}[]`)
  if (shape.kind === 'either') return shape.options.flatMap((option) => below(option, name))
  return []
}

function type(shape: Shape): string {
  const { kind } = shape
  if (kind === 'string') return 'text'
  if (kind === 'boolean') return 'true or false'
  if (kind === 'integer') return shape.max === unbounded ? open(shape.min) : `integer, ${shape.min} to ${shape.max}`
  if (kind === 'choice') return shape.options.map((option) => `\`${option}\``).join(', ')
  if (kind === 'list') return `list of ${plural(type(shape.item))}${shape.min > 0 ? ', at least one' : ''}`
  if (kind === 'either') return [...new Set(shape.options.map(type))].join(', or ')
  if (kind === 'named') return shape.item.kind === 'string' ? 'table of texts' : 'tables by name'
  return 'table'
}

function open(min: number): string {
  return min === -unbounded ? 'integer' : `integer from ${min}`
}

function plural(type: string): string {
  return type.replace(/\b(text|table)\b/g, '$1s')
}

function required({ required, shape: { note } }: Field): string {
  if (required) return 'required'
  return note.needed === undefined ? '' : `when ${note.needed}`
}

function otherwise({ fallback, shape: { note } }: Field): string {
  if (note.otherwise !== undefined) return note.otherwise
  if (fallback === undefined || typeof fallback === 'object') return ''
  return typeof fallback === 'string' ? `\`"${fallback}"\`` : `\`${JSON.stringify(fallback)}\``
}

function meaning({ meaning, note }: Shape): string {
  return [meaning, ...remarks(note)].filter((part) => part !== '').join(' ')
}

function remarks(note: Note): string[] {
  const said: string[] = []
  if (note.only) said.push(`Only ${note.only.map((name) => `\`${name}\``).join(', ')}.`)
  if (note.aliases) said.push(`Also \`${note.aliases.join('`, `')}\`.`)
  for (const [other, value] of Object.entries(note.spellings ?? {})) said.push(`\`${other}\` means \`${value}\`.`)
  if (note.ignored) said.push('Without effect.')
  if (note.harmony) said.push('*Harmony*')
  return said
}

/** What may stand elsewhere (spec 1.7); the moves are in alias.ts. */
const moves: Partial<Record<keyof Tables, readonly string[]>> = {
  proxy: ['`proxy.log_level` is the old place of `logging.log_level`.'],
  targets: ['`url` is the old name of `connection.host`.'],
  peers: ['`url` is the old name of `connection.host`.'],
  backends: ['`options.authentication_ref` is the old place of `authentication`.'],
  middleware: [
    'Options may stand in the table of the middleware itself too. A type that is not known is left alone until a ' +
      'pipeline uses it.',
  ],
}

function title(name: string): string {
  return singles.some((single) => single === name) ? name : `${name}.<name>`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
