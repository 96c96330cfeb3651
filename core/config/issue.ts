// From what the schema finds to what is reported: the key as it was written, the value found, the rule, a way out.
import type * as v from 'valibot'
import type { Report } from '../finding/finding.ts'
import { pathText } from '../finding/locate.ts'
import type { FindingCode } from '../finding/table.ts'
import { closest } from '../finding/typo.ts'
import { listed } from '../finding/words.ts'
import { isSecret } from './hide.ts'
import { show } from './mask.ts'
import { dig } from './path.ts'
import type { Path } from './path.ts'
import { unbounded } from './schema/field.ts'
import type { Shape } from './schema/shape.ts'

/** `tree` is the file as it was written, `written` the path in it. */
export function reportOf(
  issue: v.BaseIssue<unknown>,
  shape: Shape | undefined,
  tree: unknown,
  file: string,
  written: Path,
): Report {
  const place = { file, path: written }
  const found = dig(tree, written)
  const key = pathText(written)
  if (found === undefined) {
    const rule = shape && issue.kind === 'schema' ? ruleOf(shape) : issue.message
    const message = `${key} is missing: ${rule}`
    return { code: 'value/missing', message, place, mark: 'key', help: shape && meaningOf(written, shape) }
  }
  const secret = isSecret(tree, written) || shape?.note.secret === true
  const message = `${key} is ${show(found, secret)}: ${issue.message}`
  return { code: codeOf(issue), message, place, help: shape && helpOf(shape, found, secret) }
}

/** The rule as a sentence that follows `KEY is VALUE:`. */
export function ruleOf(shape: Shape): string {
  const { kind } = shape
  if (kind === 'integer') return shape.max === unbounded ? 'must be an integer' : `must be ${shape.min} to ${shape.max}`
  if (kind === 'choice') return `must be ${listed(shape.options.map((option) => `"${option}"`))}`
  if (kind === 'boolean') return 'must be true or false'
  if (kind === 'list') return 'must be a list'
  return kind === 'table' || kind === 'variant' || kind === 'named' ? 'must be a table' : 'must be a string'
}

function codeOf({ kind, type }: v.BaseIssue<unknown>): FindingCode {
  if (type === 'min_value' || type === 'max_value') return 'value/range'
  if (type === 'min_length' || type === 'non_empty') return 'value/empty'
  if (type === 'picklist' || type === 'literal') return 'value/enum'
  return kind === 'schema' || type === 'integer' ? 'value/type' : 'value/form'
}

function helpOf(shape: Shape, found: unknown, secret: boolean): string | undefined {
  if (typeof found === 'string' && !secret) {
    const guess = shape.kind === 'choice' ? closest(found, shape.options) : undefined
    if (guess !== undefined) return `did you mean "${guess}"?`
    if (shape.kind === 'integer' && /^\d+$/.test(found)) return `numbers stand without quotes: ${found}`
    if (shape.kind === 'boolean' && /^(?:true|false)$/i.test(found))
      return `true and false stand without quotes: ${found.toLowerCase()}`
    if (shape.kind === 'list') return `a list stands in brackets: [${show(found)}]`
  }
  if (shape.kind === 'string' && (typeof found === 'number' || typeof found === 'boolean'))
    return secret ? 'text stands between quotes' : `text stands between quotes: "${found}"`
  return undefined
}

function meaningOf(written: Path, { meaning }: Shape): string | undefined {
  return meaning === '' ? undefined : `${String(written.at(-1))}: ${meaning}`
}
