// The access line: what a request was and what became of it, one line for each. Names of the configuration, counts
// and times; of the client's words only the method, the host and the matched prefix, bounded. Values of headers,
// queries and bodies never; the rest of the path only when the operator asked for it, because FHIR and DICOMweb paths
// name patients.
import type { ExchangeRecord, Version } from '../../quic/index.ts'
import type { MeshContext } from '../mesh/context.ts'
import { escapeAll } from './clean.ts'
import type { Fields } from './log.ts'

/** What the engine's record does not say of a request. */
export type AccessFacts = {
  readonly requestId: string
  readonly network: string
  readonly clientAddress: string
  readonly method: string
  readonly authority: string
  /** As it came, with its query. */
  readonly target: string
  readonly prefix: string | undefined
  readonly pipeline: string | undefined
  readonly ingress: string | undefined
  readonly endpoint: string | undefined
  readonly backend: string | undefined
  readonly egress: string | undefined
  /** The mesh that vouched for the request on its way in. */
  readonly mesh: MeshContext | undefined
  /** The mesh that it was signed for on its way out. */
  readonly signedFor: string | undefined
  /** The gateway's own answer: its code, and the reason for the operator. */
  readonly code: string | undefined
  readonly detail: string | undefined
}

export type AccessLine = { readonly fields: Fields; readonly message: string }

const bounds = { method: 32, host: 255, path: 1_024, detail: 512, name: 128 }

const versions: Readonly<Record<Version, string>> = { 10: 'HTTP/1.0', 11: 'HTTP/1.1', 20: 'HTTP/2', 30: 'HTTP/3' }

/** The line of one exchange. Without facts (they are bounded too) it is what the engine knows. */
export function accessLine(record: ExchangeRecord, facts: AccessFacts | undefined, logPaths: boolean): AccessLine {
  const { status, endMs } = record
  const request = facts === undefined ? {} : requestFields(facts, logPaths)
  const fields = {
    event: 'access',
    accepted: new Date(record.acceptedMs).toISOString(),
    ...request,
    protocol: versions[record.protocolIn],
    status,
    bytesIn: record.bytesIn,
    bytesOut: record.bytesOut,
    durationMs: tenths(endMs),
    decidedMs: tenths(record.decidedMs),
    ...upstreamFields(record),
    code: facts?.code ?? record.code,
    detail: bounded(facts?.detail ?? record.detail, bounds.detail),
    transport: facts?.code === undefined ? undefined : record.code,
    wireCode: record.wireCode,
  }
  return { fields, message: sentence(request, status, endMs) }
}

function requestFields(facts: AccessFacts, logPaths: boolean) {
  const { mesh } = facts
  return {
    requestId: bounded(facts.requestId, bounds.name),
    network: facts.network,
    client: facts.clientAddress,
    method: bounded(facts.method, bounds.method),
    host: bounded(facts.authority, bounds.host),
    prefix: bounded(facts.prefix, bounds.path),
    path: logPaths ? bounded(pathOf(facts.target), bounds.path) : undefined,
    pipeline: facts.pipeline,
    ingress: facts.ingress,
    endpoint: facts.endpoint,
    backend: facts.backend,
    egress: facts.egress,
    mesh: mesh?.mesh,
    // of a partner's token: signed, but theirs to choose
    sub: bounded(mesh?.sub, bounds.name),
    signedFor: facts.signedFor,
  }
}

function upstreamFields(record: ExchangeRecord): Fields {
  if (record.attempts === 0) return {}
  const { protocolOut } = record
  return {
    protocolOut: protocolOut === undefined ? undefined : versions[protocolOut],
    upstream: record.upstreamAddress === '' ? undefined : record.upstreamAddress,
    attempts: record.attempts,
    reused: record.reused,
    connectedMs: tenths(record.connectedMs),
    firstByteMs: tenths(record.firstByteMs),
  }
}

function sentence(
  request: Partial<ReturnType<typeof requestFields>>,
  status: number,
  endMs: number | undefined,
): string {
  const { method = '-', host = '-', prefix = '', path } = request
  const outcome = status === 0 ? 'no answer' : status
  return `${method} ${host}${path ?? prefix} ${outcome}${endMs === undefined ? '' : ` ${tenths(endMs)} ms`}`
}

/** Without query and fragment. */
function pathOf(target: string): string {
  const end = target.search(/[?#]/)
  return end < 0 ? target : target.slice(0, end)
}

function bounded(text: string | undefined, length: number): string | undefined {
  if (text === undefined || text === '') return undefined
  return escapeAll(text.length <= length ? text : `${text.slice(0, length)}…`)
}

/** In steps of 0.1 ms. */
function tenths(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10
}
