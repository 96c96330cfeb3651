// The echo service: answers with what it was asked, for trying out a pipeline (spec 6.5). It reflects the request as
// an upstream would get it, secrets of the client's own included, so what the pipeline removed does not come back.
import { refuse } from '../../refusal/refusal.ts'
import type { Field } from '../../../quic/index.ts'
import type { Exchange } from '../exchange.ts'
import { edited } from '../fields.ts'
import type { Reach, Service } from '../service.ts'

const headers = [
  ['content-type', 'application/json'],
  // a reflection must neither be taken for a page nor be kept
  ['x-content-type-options', 'nosniff'],
  ['cache-control', 'no-store'],
] as const

/** JSON nested deeper is shown as text: parsing and writing it again would cost a stack. */
const maxDepth = 128

/** Characters of JSON whose numbers keep their text: ten megabytes of them would block the thread for seconds. */
const maxExact = 65_536

/** Builds the service; bodies over `maxCollected` bytes are refused by whoever gathers them. */
export function echoService(maxCollected: number): Service {
  return {
    type: 'echo',
    wants: (exchange) => (exchange.head.mayHaveBody ? maxCollected : undefined),
    reach: (exchange) => echo(exchange, maxCollected),
  }
}

function echo(exchange: Exchange, maxCollected: number): Reach {
  const { head, path, query, body } = exchange
  if (body !== undefined && body.length > maxCollected) {
    return { kind: 'refuse', refusal: refuse('body/too-large', 'more content than the echo service holds') }
  }
  const content = body === undefined || body.length === 0 ? null : contentOf(body)
  const answer = {
    method: head.method,
    path,
    full_path: head.target,
    query_params: grouped(new URLSearchParams(query)),
    headers: grouped(edited(head.headers, exchange.edits).map(readable)),
    body: content,
    // as own properties, whatever their names
    ...(isObject(content) ? content : {}),
  }
  return { kind: 'respond', status: 200, headers, body: JSON.stringify(answer) }
}

/** What Node's JSON can do with the text of a number. */
type ExactJson = {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
  rawJSON(text: string): unknown
  isRawJSON(value: unknown): boolean
}

// TypeScript's library does not know these yet
const exact = JSON as unknown as ExactJson

/** A JSON value, else text, else base64. */
function contentOf(bytes: Uint8Array): unknown {
  const text = utf8(bytes)
  if (text === undefined) return Buffer.from(bytes).toString('base64')
  if (depthOf(text) > maxDepth) return text
  try {
    if (text.length > maxExact) return JSON.parse(text)
    // the numbers as they were written: 1.10 is not 1.1 to a physician
    return exact.parse(text, (_key, value, { source }) =>
      typeof value === 'number' && source !== undefined ? exact.rawJSON(source) : value,
    )
  } catch {
    return text
  }
}

/** How deeply brackets are nested; those in strings are counted too where the text is no JSON. */
function depthOf(text: string): number {
  let deepest = 0
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (quoted) {
      if (c === 0x5c) at += 1
      else if (c === 0x22) quoted = false
    } else if (c === 0x22) quoted = true
    else if (c === 0x5b || c === 0x7b) deepest = Math.max(deepest, ++depth)
    else if (c === 0x5d || c === 0x7d) depth -= 1
  }
  return deepest
}

/** Values by name: a text, or the list of them where a name comes more than once. */
function grouped(pairs: Iterable<readonly [string, string]>): Record<string, string | string[]> {
  const map = new Map<string, string | string[]>()
  for (const [name, value] of pairs) {
    const known = map.get(name)
    if (known === undefined) map.set(name, value)
    else if (typeof known === 'string') map.set(name, [known, value])
    else known.push(value)
  }
  return Object.fromEntries(map)
}

/** A field's value as text: most bytes beyond ASCII are UTF-8. */
function readable([name, value]: Field): Field {
  return [name, utf8(Buffer.from(value, 'latin1')) ?? value]
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !exact.isRawJSON(value)
}
