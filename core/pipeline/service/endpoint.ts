// What an endpoint's own service adds to whatever backend lies behind it (spec 6.4, 6.6).
import type { EndpointService } from '../../config/model.ts'
import { refuse } from '../../refusal/refusal.ts'
import { dicomwebMethods, serves } from '../../route/method.ts'
import type { Exchange } from '../exchange.ts'
import type { Reach } from '../service.ts'
import { defaultContentType } from './http.ts'

type Row = {
  /** Answers in place of the backend, or lets the request go on. */
  readonly answer?: (exchange: Exchange) => Reach | undefined
  readonly contentType?: string
}

const rows: Readonly<Partial<Record<EndpointService, Row>>> = {
  fhir: { contentType: 'application/fhir+json' },
  dicomweb: { answer: dicomweb },
}

/** The endpoint's own answer; without one the backend is asked. */
export function endpointAnswer(exchange: Exchange): Reach | undefined {
  return rows[exchange.endpoint.service]?.answer?.(exchange)
}

const defaults = new Map(
  Object.entries(rows).flatMap(([service, { contentType }]) =>
    contentType === undefined ? [] : [[service, defaultContentType(contentType)] as const],
  ),
)

/** The answer with what the endpoint says of responses that the backend's service leaves as they are. */
export function endpointDefaults(exchange: Exchange, reach: Reach): Reach {
  if (reach.kind !== 'forward' || reach.responseEdits !== undefined) return reach
  const responseEdits = defaults.get(exchange.endpoint.service)
  return responseEdits === undefined ? reach : { ...reach, responseEdits }
}

const cors: Reach = {
  kind: 'respond',
  status: 200,
  headers: [
    ['access-control-allow-origin', '*'],
    ['access-control-allow-methods', 'GET, OPTIONS'],
    ['access-control-allow-headers', 'accept, content-type'],
  ],
  body: '',
}

function dicomweb(exchange: Exchange): Reach | undefined {
  const { method } = exchange.head
  // by its route the path is one already: here it is one as it is written, too
  if (!serves(exchange.endpoint, exchange.path)) {
    return { kind: 'refuse', refusal: refuse('route/none', 'no DICOMweb resource of this endpoint') }
  }
  if (method === 'OPTIONS') return cors
  if (!dicomwebMethods.has(method)) {
    const allow = { allow: [...dicomwebMethods].join(', ') }
    return { kind: 'refuse', refusal: refuse('route/method', 'DICOMweb endpoints are read only', allow) }
  }
  // an empty 200 would read as "no studies"
  if (exchange.backend === undefined) {
    return { kind: 'refuse', refusal: refuse('service/unimplemented', 'the pipeline has no backend') }
  }
  return undefined
}
