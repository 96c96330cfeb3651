// What a dump does not show: the values of names that are sensitive, by themselves or because the operator lists them.
import type { LogDump } from '../../../config/middleware.ts'
import { redacted } from '../../../secret.ts'
import type { Field } from '../../../../quic/index.ts'

/** Levels of JSON that are shown; and members or elements of all of it. */
const maxDepth = 32
const maxNodes = 10_000

/** Fields that hold a URL, whose query or fragment may hold a token. */
const references = new Set(['referer', 'location', 'content-location'])

type Text = Readonly<Record<string, string>>

export type Hider = {
  /** Repeated fields are joined. */
  fields(fields: readonly Field[]): Text
  query(query: string): readonly string[]
  metadata(metadata: ReadonlyMap<string, string>): Text
  /** A copy of JSON without what is sensitive. */
  data(value: unknown): unknown
}

/** Compiles what is redacted. */
export function hider(
  { redactHeaders, redactMetadata, redactDataFields }: LogDump,
  isSensitive: (name: string) => boolean,
): Hider {
  const fieldNames = new Set(redactHeaders.map((name) => name.toLowerCase()))
  const metadataNames = new Set(redactMetadata.map((name) => name.toLowerCase()))
  const paths = redactDataFields.map((path) => path.split('.'))
  const show = (name: string, value: string, listed: ReadonlySet<string>): string =>
    listed.has(name.toLowerCase()) || isSensitive(name) ? redacted : value

  const part = (text: string): string => {
    // a name is read as the application reads it, and shown as it came
    const [name = ''] = new URLSearchParams(text).keys()
    const end = text.indexOf('=')
    return end !== -1 && isSensitive(name) ? `${text.slice(0, end)}=${redacted}` : text
  }
  const parts = (text: string): string => text.split('&').map(part).join('&')
  const field = (name: string, value: string): string => {
    const shown = show(name, value, fieldNames)
    return references.has(name)
      ? shown.replace(/[?#][^?#]*/g, (found) => found.charAt(0) + parts(found.slice(1)))
      : shown
  }

  return {
    fields(fields) {
      const shown = new Map<string, string>()
      for (const [name, value] of fields) {
        const before = shown.get(name)
        shown.set(name, before === undefined ? field(name, value) : `${before}, ${field(name, value)}`)
      }
      return Object.fromEntries(shown)
    },
    query: (query) => query.replace(/^\?/, '').split('&').map(part),
    metadata: (metadata) =>
      Object.fromEntries([...metadata].map(([name, value]) => [name, show(name, value, metadataNames)])),
    data: (value) => copy(value, { paths, isSensitive, left: { nodes: maxNodes } }, 0),
  }
}

type Walk = {
  /** The paths that are redacted below this value. */
  readonly paths: readonly (readonly string[])[]
  readonly isSensitive: (name: string) => boolean
  /** Of the whole document. */
  readonly left: { nodes: number }
}

function copy(value: unknown, walk: Walk, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth >= maxDepth || walk.left.nodes <= 0) return '[left out]'
  // an array is passed through: `name.family` is that of every name
  if (Array.isArray(value)) return value.slice(0, taken(walk, value.length)).map((item) => copy(item, walk, depth + 1))
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.slice(0, taken(walk, entries.length)).map(([name, member]) => {
      const below = walk.paths.filter(([first]) => first === name || first === '*').map(([, ...rest]) => rest)
      const hide = walk.isSensitive(name) || below.some((path) => path.length === 0)
      return [name, hide ? redacted : copy(member, { ...walk, paths: below }, depth + 1)]
    }),
  )
}

function taken({ left }: Walk, wanted: number): number {
  const nodes = Math.min(wanted, left.nodes)
  left.nodes -= nodes
  return nodes
}
