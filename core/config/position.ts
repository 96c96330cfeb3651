// Where the keys and values of one table stand, and which of its text is never shown.
import { parseTOML } from 'toml-eslint-parser'
import type { AST } from 'toml-eslint-parser'
import { saysSecret } from './hide.ts'
import { looksSecret } from './mask.ts'
import type { Path } from './path.ts'
import type { Chunk } from './scan.ts'

/** 1-based, end exclusive. */
export type Span = {
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
}

/** Of a key: the last part of it where it is dotted. An item of a list has no key. */
export type Spot = { readonly key: Span | undefined; readonly value: Span }

export type Index = {
  /** By path from the root of the file, as JSON. */
  readonly spots: ReadonlyMap<string, Spot>
  readonly secrets: readonly Span[]
}

/** Larger tables are not looked into: what their positions would take is hundreds of bytes for each byte. */
const maxChunk = 512 * 1024

const none: Index = { spots: new Map(), secrets: [] }

/** The index of a chunk; empty when the chunk is too large or the parser fails on it. */
export function index(text: string, chunk: Chunk): Index | undefined {
  if (chunk.to - chunk.from > maxChunk) return undefined
  try {
    return walk(parseTOML(text.slice(chunk.from, chunk.to), { tomlVersion: '1.1' }), chunk)
  } catch {
    // It recurses where smol-toml does not: a string of many escapes is enough.
    return undefined
  }
}

function walk(program: AST.TOMLProgram, chunk: Chunk): Index {
  const spots = new Map<string, Spot>()
  const secrets: Span[] = []
  const span = ({ loc: { start, end } }: AST.HasLocs): Span => ({
    line: start.line + chunk.line - 1,
    column: start.column + 1,
    endLine: end.line + chunk.line - 1,
    endColumn: end.column + 1,
  })
  const note = (path: Path, spot: Spot): void => {
    const key = JSON.stringify(path)
    if (!spots.has(key)) spots.set(key, spot)
  }

  const header = (key: AST.TOMLKey): void => {
    // The parts of a header are the strings of the path: indices of lists of tables are not written.
    let written = 0
    for (const [at, part] of chunk.path.entries()) {
      const name = typeof part === 'number' ? key.keys[written - 1] : key.keys[written++]
      if (name) note(chunk.path.slice(0, at + 1), { key: span(name), value: span(key) })
    }
  }

  const entries = (body: readonly AST.TOMLKeyValue[], base: Path, hidden: boolean): void => {
    // { name = "x-api-key", value = "..." }: the name says that the value is one.
    const named = body.some(({ key, value }) => {
      const text = value.type === 'TOMLValue' && value.kind === 'string' ? value.value : ''
      return key.keys.length === 1 && nameOf(key.keys[0]) === 'name' && looksSecret(text)
    })
    for (const { key, value } of body) {
      const path = [...base]
      let secret = hidden
      for (const part of key.keys) {
        const name = nameOf(part)
        path.push(name)
        secret ||= saysSecret(path, part === key.keys.at(-1)) || (named && name === 'value')
        note(path, { key: span(part), value: part === key.keys.at(-1) ? span(value) : span(part) })
      }
      content(value, path, secret)
    }
  }

  const content = (node: AST.TOMLContentNode, path: Path, secret: boolean): void => {
    if (node.type === 'TOMLValue') {
      if (secret) secrets.push(span(node))
    } else if (node.type === 'TOMLInlineTable') {
      entries(node.body, path, secret)
    } else {
      for (const [at, element] of node.elements.entries()) {
        const below = [...path, at]
        note(below, { key: undefined, value: span(element) })
        content(element, below, secret)
      }
    }
  }

  // A table below a name such as `credentials` is one as a whole.
  const hidden = chunk.path.some((_, at) => saysSecret(chunk.path.slice(0, at + 1), false))
  for (const node of program.body[0].body) {
    if (node.type === 'TOMLKeyValue') entries([node], [], false)
    else {
      header(node.key)
      entries(node.body, chunk.path, hidden)
    }
  }
  const lines = new Set(secrets.map(({ endLine }) => endLine))
  for (const comment of program.comments) {
    const place = span(comment)
    // What a comment beside a secret says is often the one before it.
    if (looksSecret(comment.value) || lines.has(place.line)) secrets.push(place)
  }
  return spots.size === 0 ? { ...none, secrets } : { spots, secrets }
}

function nameOf(part: AST.TOMLBare | AST.TOMLQuoted | undefined): string {
  if (part === undefined) return ''
  return part.type === 'TOMLBare' ? part.name : part.value
}
