// Backends that speak HTTP: http, http3, fhir and dicomweb are one service with differences in a table (spec 6.2-6.6).
import type { Backend, BackendService, Credentials, UpstreamSpec } from '../../config/model.ts'
import { refuse } from '../../refusal/refusal.ts'
import type { HeaderEdit, ResponseHead } from '../../../quic/index.ts'
import type { Exchange } from '../exchange.ts'
import { bytesOf, hasField } from '../fields.ts'
import type { Opened, Reach, Service } from '../service.ts'
import { targetOf } from './target.ts'

type Flavour = {
  /** Sent upstream when the request has no `accept`. */
  readonly accept?: string
  /** Said of a response that does not say what it is. */
  readonly contentType?: string
}

const flavours = {
  http: {},
  http3: {},
  fhir: { accept: 'application/fhir+json', contentType: 'application/fhir+json' },
  dicomweb: {},
} as const satisfies Partial<Record<BackendService, Flavour>>

export type HttpService = keyof typeof flavours

/** What a backend needs to be reached. */
export type Connection = {
  /** As its own configuration prefers. */
  readonly direct: Opened
  /** With HTTP/3 preferred; none when no egress asks for it, or it cannot be. */
  readonly http3: Opened | undefined
}

/** Builds the service of a backend of this kind. */
export function httpService(backend: Backend, type: HttpService, spec: UpstreamSpec, connection: Connection): Service {
  const flavour: Flavour = flavours[type]
  const fixed = fixedEdits(backend)
  const authority = backend.headers.findLast(([name]) => name.toLowerCase() === 'host')?.[1] ?? spec.authority
  // a configured accept is set below in any case
  const accept = flavour.accept !== undefined && !backend.headers.some(([name]) => name.toLowerCase() === 'accept')
  const withAccept: readonly HeaderEdit[] =
    accept && flavour.accept !== undefined ? [{ set: ['accept', flavour.accept] }, ...fixed] : fixed
  const { contentType } = flavour
  const responseEdits = contentType === undefined ? undefined : defaultContentType(contentType)

  const reach = (exchange: Exchange, viaHttp3: boolean): Reach => {
    const opened = viaHttp3 ? connection.http3 : connection.direct
    if (opened === undefined) {
      // decision 6: never plain text in place of HTTP/3
      return { kind: 'refuse', refusal: refuse('backend/no-http3', `backend ${backend.name} has no HTTP/3`) }
    }
    return {
      kind: 'forward',
      upstream: opened.upstream,
      budget: opened.budget,
      origin: spec.origin,
      target: targetOf(spec.basePath, exchange),
      authority,
      method: backend.method,
      edits: accept && !hasField(exchange, 'accept') ? withAccept : fixed,
      responseEdits,
      maxRetries: spec.maxRetries,
      http3Only: !spec.fallback && (viaHttp3 || spec.http3),
    }
  }
  return { type, reach }
}

/** Names the type of a response that has content and does not say what it is. */
export function defaultContentType(contentType: string): (response: ResponseHead) => readonly HeaderEdit[] | undefined {
  const edits: readonly HeaderEdit[] = [{ set: ['content-type', contentType] }]
  return (response) => {
    const { status } = response
    // RFC 9110 8.3: it is said of content
    if (status === 204 || status === 304 || response.contentLength === 0) return undefined
    return response.header('content-type') === undefined ? edits : undefined
  }
}

function fixedEdits({ headers, credentials }: Backend): readonly HeaderEdit[] {
  const edits: HeaderEdit[] = []
  const seen = new Set<string>()
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    // it is the authority of the request, not one of its fields
    if (lower === 'host') continue
    const field = [lower, bytesOf(value)] as const
    edits.push(seen.has(lower) ? { append: field } : { set: field })
    seen.add(lower)
  }
  if (credentials !== undefined) edits.push({ set: ['authorization', authorization(credentials)] })
  return edits
}

function authorization(credentials: Credentials): string {
  if (credentials.kind === 'bearer') return `Bearer ${bytesOf(credentials.token.reveal())}`
  // RFC 7617 2
  const pair = `${credentials.username}:${credentials.password.reveal()}`
  return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`
}
