// Path patterns of the `path` rule and of `path_filter` (spec 5.6, C39): `/a/b` exactly, `{id}` and `*` one segment,
// `{*rest}` one or more characters at the end, `*` alone everything. Matching is linear in the path.
//
// A path has more than one spelling, and servers differ in which they take for the same. So each path is read twice:
// strictly (RFC 3986 6.2.2: escapes of unreserved characters are decoded, nothing else) and loosely, as lenient
// servers do (every escape decoded once, `\` a slash, `;parameters` and empty segments dropped). A deny pattern holds
// when either reading matches, an allow pattern only when both do.
import { bytesOf } from './fields.ts'

/** One way to read a path. Without segments it has dot segments: it may mean any path. */
export type Reading = { readonly form: 'strict' | 'loose'; readonly segments: readonly string[] | undefined }

export type Pattern = {
  readonly text: string
  /** Whether the reading certainly matches: for allowing. */
  covers(reading: Reading): boolean
  /** Whether the reading may match: for denying. */
  touches(reading: Reading): boolean
}

/** Both readings of the path behind the prefix; a slash at its start or end changes nothing. */
export function readPath(path: string): readonly [Reading, Reading] {
  const text = trim(path)
  return [
    { form: 'strict', segments: strictSegments(text) },
    { form: 'loose', segments: looseSegments(text) },
  ]
}

/** Whether every reading of the path matches one of the patterns. */
export function allCovered(readings: readonly Reading[], patterns: readonly Pattern[]): boolean {
  return readings.every((reading) => patterns.some((pattern) => pattern.covers(reading)))
}

/** Whether any reading of the path may match one of the patterns. */
export function anyTouched(readings: readonly Reading[], patterns: readonly Pattern[]): boolean {
  return readings.some((reading) => patterns.some((pattern) => pattern.touches(reading)))
}

/** Reads a pattern; throws an error that says what is wrong with it. */
export function compilePattern(text: string): Pattern {
  if (text === '*') return { text, covers: () => true, touches: () => true }
  const parts = trim(text.startsWith('/') ? text.slice(1) : text)
  const written = parts === '' ? [] : parts.split('/')
  const tokens = written.map((part, index) => tokenOf(part, index === written.length - 1))
  const forms = { strict: tokens.flatMap(strictToken), loose: tokens.flatMap(looseToken) }
  const covers = ({ form, segments }: Reading): boolean => segments !== undefined && matches(forms[form], segments)
  return { text, covers, touches: (reading) => reading.segments === undefined || covers(reading) }
}

// --- patterns ---

type Token = string | typeof one | typeof rest

const one = Symbol('one segment')
const rest = Symbol('the rest')

function tokenOf(part: string, last: boolean): Token {
  if (part === '*' || /^\{\w+\}$/.test(part)) return one
  if (/^\{\*\w+\}$/.test(part)) {
    if (last) return rest
    throw new Error(`${part} must be the last segment`)
  }
  if (/[{}*]/.test(part)) throw new Error(`${part} is no segment: {name}, {*name} and * stand alone between slashes`)
  if (/[?#]/.test(part)) throw new Error(`${part} has a ? or a #: patterns match the path alone`)
  if (/%(?![\da-f]{2})/i.test(part)) throw new Error(`${part} has a % that starts no escape: write %25`)
  if (looseSegments(bytesOf(part)) === undefined)
    throw new Error(`${part} has a dot segment: such requests are refused`)
  return part
}

function strictToken(token: Token): Token[] {
  return typeof token === 'string' ? [strictSegment(bytesOf(token))] : [token]
}

function looseToken(token: Token): Token[] {
  return typeof token === 'string' ? [...(looseSegments(bytesOf(token)) ?? [])] : [token]
}

function matches(tokens: readonly Token[], segments: readonly string[]): boolean {
  for (const [index, token] of tokens.entries()) {
    const segment = segments[index]
    if (segment === undefined) return false
    // one or more characters: a lone empty segment has none
    if (token === rest) return segment !== '' || segments.length > index + 1
    if (token === one ? segment === '' : segment !== token) return false
  }
  return tokens.length === segments.length
}

// --- readings ---

const escape = /%([\da-f]{2})/gi
const unreserved = /^[\w.~-]$/
/** What may not stand in a segment as it is (RFC 3986 3.3), but for `%`. */
const foreign = /[^\w.~!$&'()*+,;=:@%/-]|%(?![\da-f]{2})/gi

function strictSegments(text: string): readonly string[] {
  return text === '' ? [] : strictSegment(text).split('/')
}

function strictSegment(text: string): string {
  return text.replace(foreign, escaped).replace(escape, (found: string, hex: string) => {
    const character = String.fromCharCode(parseInt(hex, 16))
    return unreserved.test(character) ? character : found.toUpperCase()
  })
}

function looseSegments(text: string): readonly string[] | undefined {
  const segments: string[] = []
  for (const part of text.replace(escape, unescaped).split(/[/\\]/)) {
    const end = part.indexOf(';')
    const segment = end === -1 ? part : part.slice(0, end)
    if (segment === '.' || segment === '..') return undefined
    if (segment !== '') segments.push(segment)
  }
  return segments
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}

function unescaped(_found: string, hex: string): string {
  return String.fromCharCode(parseInt(hex, 16))
}

function trim(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
