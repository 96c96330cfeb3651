// TOML to values: smol-toml, with what a hostile file can do to it bounded.
import { TomlError, parse } from 'smol-toml'
import type { FindingCode } from '../finding/table.ts'

/** What a value can be: text, number, boolean, date, list or table. */
export type Tree = Readonly<Record<string, unknown>>

/** Why a text is not accepted; `line` and `column` are 1-based. */
export type Fault = {
  readonly code: FindingCode
  readonly message: string
  readonly line: number
  readonly column: number
  readonly help?: string
}

export type Parsed =
  | { readonly tree: Tree; readonly fault?: undefined }
  | { readonly tree?: undefined; readonly fault: Fault }

/** Tables in tables: the schema goes to 7. */
export const maxDepth = 64

/** The tables of a text, or the first place where it is not TOML. Tables have no prototype. */
export function parseToml(text: string): Parsed {
  try {
    // `throw`: keys such as `__proto__` have no place in a configuration.
    const tree: Tree = parse(text, { maxDepth, unsafeKeyBehaviour: 'throw' })
    if (!deeper(tree)) return { tree }
    // Dotted keys nest too, and the parser does not count them.
    return { fault: { code: 'toml/depth', message: tooDeep, line: 1, column: 1 } }
  } catch (error) {
    if (error instanceof TomlError) return { fault: faultOf(error, text) }
    // Its own bounds, such as the length of a string, or of the stack.
    return { fault: { code: 'toml/syntax', message: 'the text cannot be parsed as TOML', line: 1, column: 1 } }
  }
}

export function isTable(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

const tooDeep = `tables and lists are nested more than ${maxDepth} deep`

/** Without recursion: what is looked for is what would exhaust the stack. */
function deeper(tree: Tree): boolean {
  let level: unknown[] = [tree]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return true
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []))
    level = level.filter((value) => typeof value === 'object' && value !== null)
  }
  return false
}

/** The parser's message quotes the lines around; those may hold secrets, so only its first line is taken. */
function faultOf({ message, line, column }: TomlError, text: string): Fault {
  const reason = (message.split('\n')[0] ?? '').replace('Invalid TOML document: ', '')
  const at = { line, column }
  if (reason.includes('excessively nested')) return { code: 'toml/depth', message: tooDeep, ...at }
  if (reason.includes('unsafe property'))
    return { code: 'toml/unsafe-key', message: 'a key is "__proto__" or "constructor"', ...at }
  if (reason.includes('redefine')) {
    const message = 'a table or key is defined twice'
    return { code: 'toml/duplicate', message, ...at, help: 'keep one of them, or give it another name' }
  }
  const known =
    sentences.find(([part]) => part === instead(reason, text, at)) ?? sentences.find(([part]) => reason.includes(part))
  return {
    code: 'toml/syntax',
    message: known?.[1] ?? 'this is not TOML',
    ...at,
    ...(known?.[2] && { help: known[2] }),
  }
}

const headers = 'a header is [name] or [[name]]'

/** Where a line ends too early the parser complains of what comes next: the part of the sentence that is meant. */
function instead(reason: string, text: string, { line, column }: Pick<Fault, 'line' | 'column'>): string | undefined {
  const written = text.split('\n', line)[line - 1] ?? ''
  const rest = written.slice(column - 1)
  if (reason.includes('illegal character in key') && /^\s*\[/.test(written) && /^\s*(?:#|$)/.test(rest))
    return 'end of table array'
  return reason.includes('control characters') && /^\r?$/.test(rest) ? 'unfinished string' : undefined
}

/** By a part of the parser's sentence: what is printed holds nothing of the file. */
const sentences: readonly (readonly [part: string, message: string, help?: string])[] = [
  ['unfinished string', 'a string is not closed', 'strings stand between quotes, on one line'],
  ['unfinished table', 'a table is not closed', 'inline tables stand between { and }'],
  ['unfinished array', 'a list is not closed', 'lists stand between [ and ]'],
  ['expected comma or end', 'a comma is missing, or the end of a list or table'],
  ['control characters', 'a control character stands here', 'write it as an escape: \\u0000'],
  ['unrecognised escape', 'an escape is not known', "write \\\\ for a backslash, or use quotes of this kind: '...'"],
  ['escape', 'an escape is not valid', 'escapes are \\uXXXX, \\UXXXXXXXX, \\n and the like'],
  ['illegal leading zero', 'a number starts with 0', 'leave out the zeros, or write text between quotes'],
  ['underscore', 'an underscore stands where a number does not allow it'],
  ['numeric', 'a number is not valid', 'text stands between quotes'],
  ['losslessly', 'a number is too large'],
  ['date', 'a date or time is not valid', 'a date is 2030-01-31, a time 23:59:00'],
  ['invalid value', 'a value is not valid', 'text stands between quotes; true and false are lower case'],
  ['end of table array', 'the header of a table is not closed', headers],
  ['end of key', 'a key or a header is not complete', 'write KEY = VALUE, or [NAME]'],
  ['empty bare key', 'a key is missing', 'write KEY = VALUE'],
  ['multiline strings', 'a key is a string of several lines'],
  ['illegal character in key', 'a key has a character that needs quotes', 'put the key between quotes'],
  ['end-of-line', 'something stands behind a value', 'one KEY = VALUE on a line; text stands between quotes'],
]
