// Positions in the files that were read: looked up when a finding needs one, since most configurations need none.
import type { Place } from '../finding/finding.ts'
import { brokenExcerpt, excerpt } from './excerpt.ts'
import type { Path } from './path.ts'
import { index } from './position.ts'
import type { Index, Span } from './position.ts'
import type { Position, Sources } from './raw.ts'
import { scan } from './scan.ts'
import type { Chunk } from './scan.ts'
import type { Fault } from './toml.ts'

/** A file as it was read. */
export type Source = { readonly text: string; readonly fault: Fault | undefined }

const nowhere: Position = { line: 0, column: 0, endLine: 0, endColumn: 0, excerpt: undefined }

/** `files` may grow: it is looked into when a position is asked for. */
export function sourcesOf(files: ReadonlyMap<string, Source>): Sources {
  const maps = new Map<string, FileMap>()
  return {
    locate(place: Place, mark: 'key' | 'value'): Position {
      const source = files.get(place.file)
      if (!source) return nowhere
      if (source.fault) return faultPosition(source.text, source.fault)
      let map = maps.get(place.file)
      if (!map) maps.set(place.file, (map = fileMap(source.text)))
      return map(place.path, mark)
    },
  }
}

type FileMap = (path: Path, mark: 'key' | 'value') => Position

function fileMap(text: string): FileMap {
  const chunks = attempt(() => scan(text)) ?? []
  const byPath = new Map<string, Chunk[]>()
  const firstUnder = new Map<string, Chunk>()
  for (const chunk of chunks) {
    const key = JSON.stringify(chunk.path)
    const same = byPath.get(key)
    if (same) same.push(chunk)
    else byPath.set(key, [chunk])
    for (let length = 1; length < chunk.path.length; length++) {
      const above = JSON.stringify(chunk.path.slice(0, length))
      if (!firstUnder.has(above)) firstUnder.set(above, chunk)
    }
  }
  const indices = new Map<Chunk, Index | undefined>()
  const indexOf = (chunk: Chunk): Index | undefined => {
    if (!indices.has(chunk)) indices.set(chunk, index(text, chunk))
    return indices.get(chunk)
  }

  /** The chunks that may say something of a path: its own table, those around it, and one that names it in passing. */
  const candidates = (path: Path): Chunk[] => {
    const found: Chunk[] = []
    for (let length = path.length; length >= 0; length--)
      found.push(...(byPath.get(JSON.stringify(path.slice(0, length))) ?? []))
    const under = firstUnder.get(JSON.stringify(path))
    return under ? [...found, under] : found
  }

  const position = (span: Span, secrets: readonly Span[], chunk: Chunk): Position => {
    const line = lineOf(text, chunk, span.line)
    return { ...span, excerpt: excerpt(line, span.line, secrets) }
  }

  return (path, mark) => {
    for (let length = path.length; length > 0; length--) {
      const part = path.slice(0, length)
      const key = JSON.stringify(part)
      for (const chunk of candidates(part)) {
        const found = indexOf(chunk)
        const spot = found?.spots.get(key)
        if (found && spot) {
          // What is not there itself is shown by the key of what should have it.
          const span = (mark === 'key' || length < path.length ? spot.key : spot.value) ?? spot.value
          return position(span, found.secrets, chunk)
        }
        if (!found && chunk.path.length === length) return headerPosition(text, chunk)
      }
    }
    return { line: 1, column: 1, endLine: 1, endColumn: 1, excerpt: undefined }
  }
}

/** Of a table that is too large to look into. */
function headerPosition(text: string, chunk: Chunk): Position {
  const line = lineOf(text, chunk, chunk.line)
  return { line: chunk.line, column: 1, endLine: chunk.line, endColumn: line.length + 1, excerpt: undefined }
}

function lineOf(text: string, chunk: Chunk, line: number): string {
  let from = chunk.from
  for (let number = chunk.line; number < line; number++) from = text.indexOf('\n', from) + 1
  const end = text.indexOf('\n', from)
  return text.slice(from, end === -1 ? text.length : end).replace(/\r$/, '')
}

function faultPosition(text: string, fault: Fault): Position {
  const lines = text.split(/\r?\n/)
  const line = Math.min(fault.line, lines.length)
  const end = (lines[line - 1]?.length ?? 0) + 1
  const column = Math.min(fault.column, end)
  return { line, column, endLine: line, endColumn: Math.min(column + 1, end), excerpt: brokenExcerpt(lines, line) }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
