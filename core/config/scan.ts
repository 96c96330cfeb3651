// Cuts a text that is known to be TOML into its tables, so that positions can be looked up in the one that matters.
import { parse } from 'smol-toml'

/** A table as it stands in the text: its header and what follows, up to the next header. */
export type Chunk = {
  /** From the root of the file, with indices of lists of tables; empty for what stands before any header. */
  readonly path: readonly (string | number)[]
  /** The line of the header, 1-based. */
  readonly line: number
  readonly from: number
  readonly to: number
}

/** The chunks of a text, in order; the first is the root. Throws when the text is not TOML. */
export function scan(text: string): Chunk[] {
  const counts = new Map<string, number>()
  const chunks: Chunk[] = []
  const lines = lineCounter(text)
  let open: Omit<Chunk, 'to'> = { path: [], line: 1, from: 0 }
  let at = skipStatement(text, 0)
  while (at < text.length) {
    const from = text.lastIndexOf('\n', at) + 1
    const list = text[at + 1] === '['
    const { parts, end } = header(text, list ? at + 2 : at + 1)
    chunks.push({ ...open, to: from })
    open = { path: resolve(parts, list, counts), line: lines(from), from }
    at = skipStatement(text, end)
  }
  chunks.push({ ...open, to: text.length })
  return chunks
}

/** From `at` over everything that is not a header; at a header, or at the end. */
function skipStatement(text: string, start: number): number {
  let at = start
  let depth = 0
  let fresh = start === 0
  for (;;) {
    if (fresh && depth === 0) {
      at = spaceEnd(text, at)
      if (text[at] === '[') return at
      fresh = false
    }
    marks.lastIndex = at
    const found = marks.exec(text)
    if (!found) return text.length
    at = found.index
    const mark = text[at]
    if (mark === '\n') fresh = true
    else if (mark === '[' || mark === '{') depth++
    else if (mark === ']' || mark === '}') depth--
    if (mark === '#') at = lineEnd(text, at)
    else if (mark === '"' || mark === "'") at = stringEnd(text, at)
    else at++
  }
}

const marks = /["'#[\]{}\n]/g
const bare = /[A-Za-z0-9_-]+/y

/** The key in a header: from behind its brackets to the closing one. */
function header(text: string, start: number): { parts: string[]; end: number } {
  const parts: string[] = []
  let at = start
  for (;;) {
    at = blankEnd(text, at)
    bare.lastIndex = at
    const plain = bare.exec(text)
    if (plain) {
      parts.push(plain[0])
      at += plain[0].length
    } else {
      const end = stringEnd(text, at)
      const { k: name } = parse(`k = ${text.slice(at, end)}`)
      parts.push(typeof name === 'string' ? name : '')
      at = end
    }
    at = blankEnd(text, at)
    if (text[at] === ']') return { parts, end: at + (text[at + 1] === ']' ? 2 : 1) }
    if (text[at] !== '.') throw new Error('a header is not closed')
    at++
  }
}

/** Behind the string that starts here. */
function stringEnd(text: string, start: number): number {
  const quote = text[start]
  if (quote !== '"' && quote !== "'") throw new Error('a string is expected')
  const many = text.startsWith(quote.repeat(3), start)
  let at = start + (many ? 3 : 1)
  for (; at < text.length; at++) {
    if (text[at] === '\\' && quote === '"') at++
    else if (many ? text.startsWith(quote.repeat(3), at) : text[at] === quote) break
  }
  at += many ? 3 : 1
  // Up to two quotes may stand inside, right before the three that close it.
  if (many) for (let extra = 0; extra < 2 && text[at] === quote; extra++) at++
  return at
}

/** The path of a header: a name of a list of tables means its last one. */
function resolve(parts: readonly string[], list: boolean, counts: Map<string, number>): (string | number)[] {
  const path: (string | number)[] = []
  for (const [index, part] of parts.entries()) {
    path.push(part)
    const key = JSON.stringify(path)
    const count = counts.get(key)
    if (list && index === parts.length - 1) {
      counts.set(key, (count ?? 0) + 1)
      path.push(count ?? 0)
    } else if (count !== undefined) path.push(count - 1)
  }
  return path
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end === -1 ? text.length : end
}

function spaceEnd(text: string, start: number): number {
  let at = start
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\r' || text[at] === '\n') at++
  return at
}

function blankEnd(text: string, start: number): number {
  let at = start
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}

/** The 1-based line of an offset; offsets must not go back. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1
  let at = 0
  return (offset) => {
    for (let next = text.indexOf('\n', at); next !== -1 && next < offset; next = text.indexOf('\n', at)) {
      line++
      at = next + 1
    }
    return line
  }
}
