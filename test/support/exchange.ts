// Exchanges in memory, for tests of what a pipeline does with a request: nothing is listened on, nothing is sent.
import type { Endpoint, Pipeline } from '../../core/config/model.ts'
import type { Log } from '../../core/log/log.ts'
import type { Exchange, HeadView } from '../../core/pipeline/exchange.ts'
import { ResponseHead } from '../../quic/head.ts'
import type { Field } from '../../quic/index.ts'
import { networkWith } from './config.ts'
import { fakeLog } from './log.ts'

export type RequestParts = {
  readonly method?: string | undefined
  readonly scheme?: 'http' | 'https' | undefined
  readonly authority?: string | undefined
  /** What follows the prefix, without its first slash. */
  readonly path?: string | undefined
  /** With its `?`. */
  readonly query?: string | undefined
  readonly prefix?: string | undefined
  /** In place of what prefix, path and query make. */
  readonly target?: string | undefined
  /** As a client sends them; names in lower case. */
  readonly headers?: readonly Field[] | undefined
  readonly clientAddress?: string | undefined
  readonly peerAddress?: string | undefined
  readonly contentLength?: number | undefined
  readonly mayHaveBody?: boolean | undefined
  readonly body?: Uint8Array | string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly log?: Log | undefined
}

const place = { file: 'config.toml', path: [] }

/** A request on its way through the pipeline `main` of the network `public`. */
export function fakeExchange(parts: RequestParts = {}): Exchange {
  const { prefix = '/', path = '', query = '', clientAddress = '192.0.2.7', body } = parts
  const target = parts.target ?? `${prefix === '/' ? '' : prefix}/${path}${query}`
  const network = networkWith()
  const endpoint: Endpoint = { name: 'in', service: 'http', pathPrefix: prefix, methods: undefined, place }
  const pipeline: Pipeline = {
    name: 'main',
    description: undefined,
    networks: [network],
    endpoints: [endpoint],
    backends: [],
    left: [],
    right: [],
    ingresses: [],
    egresses: [],
    place,
  }
  return {
    id: 'request-1',
    head: fakeHead(parts, target),
    clientAddress,
    peerAddress: parts.peerAddress ?? clientAddress,
    network,
    pipeline,
    endpoint,
    ingress: undefined,
    prefix,
    path,
    query,
    mesh: undefined,
    edits: [],
    signer: undefined,
    backend: undefined,
    metadata: new Map(Object.entries(parts.metadata ?? {})),
    body: typeof body === 'string' ? Buffer.from(body) : body,
    log: parts.log ?? fakeLog(),
  }
}

function fakeHead(parts: RequestParts, target: string): HeadView {
  const { method = 'GET', scheme = 'https', authority = 'a.example', headers = [], contentLength, body } = parts
  const values = (name: string): string[] =>
    headers.filter(([field]) => field === name.toLowerCase()).map(([, value]) => value)
  return {
    id: 1,
    version: 11,
    protocol: 'h1',
    tls: scheme === 'https',
    method,
    scheme,
    authority,
    target,
    headers,
    header: (name) => values(name)[0],
    headerAll: values,
    contentLength: contentLength ?? (body === undefined ? undefined : Buffer.byteLength(body)),
    mayHaveBody: parts.mayHaveBody ?? (contentLength !== undefined || body !== undefined),
    upgrade: undefined,
    localPort: 443,
    signal: new AbortController().signal,
  }
}

/** The head of an upstream's response. */
export function fakeResponse(status: number, fields: readonly Field[] = [], contentLength = -1): ResponseHead {
  const u32 = (number: number): string => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(number)
    return bytes.toString('latin1')
  }
  const text = (value: string): string => u32(value.length) + value
  return new ResponseHead(status, 11, contentLength, u32(fields.length) + fields.flat().map(text).join(''))
}
