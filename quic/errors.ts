// Error codes: their names, what the engine's table says of them, and the error that carries one.

/** Whose doing a failure is. */
export type Fault = 'client' | 'config' | 'upstream' | 'internal'

/** Every code of the engine's table (a test compares both). */
export type ErrorCode = (typeof errorCodes)[number]

/** What a call to set something up may fail with; no exchange ever does. */
export type SetupCode = (typeof setupCodes)[number]

/** One row of the engine's table of codes. */
export type ErrorEntry = {
  readonly code: ErrorCode
  readonly fault: Fault
  /** Whether sending the same request again may succeed. */
  readonly retry: boolean
  /** The status that the engine answers by itself; 0 when nobody is left to answer. */
  readonly status: number
  readonly meaning: string
}

/** Why a forwarded request got no response. */
export type Failure = {
  readonly code: ErrorCode
  /** For the operator's log, not for the client. Never content, never a secret. */
  readonly detail: string
  /** The error code on the wire (RFC 9113 section 7, RFC 9114 section 8.1, RFC 9000 section 20). */
  readonly wireCode: number | undefined
  /** Whether the request may be forwarded again: nothing of its content is lost. */
  readonly replayable: boolean
  /** The upstream's id. */
  readonly upstream: number
  readonly fault: Fault
  readonly retry: boolean
  /** The status that fits: what the engine would answer by itself. */
  readonly status: number
}

/** An error of the library, with a code of the table when the engine gave one. */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  readonly code: ErrorCode | SetupCode | undefined
  /** The text after the code: for the operator, never for a peer. */
  readonly detail: string

  constructor(code: ErrorCode | SetupCode | undefined, detail: string, options?: ErrorOptions) {
    super(code === undefined ? detail : `${code}: ${detail}`, options)
    this.code = code
    this.detail = detail
  }
}

/** The codes by name, ordered as in the engine's table. */
export const errorCodes = [
  'body/too-large',
  'client/cancelled',
  'client/truncated',
  'client/malformed',
  'connect/closed',
  'connect/dns',
  'connect/refused',
  'connect/timeout',
  'connect/unreachable',
  'drain/cut',
  'internal/answer',
  'internal/panic',
  'overload/pool',
  'overload/queue',
  'request/connect',
  'request/head-too-large',
  'request/malformed',
  'request/target-too-long',
  'reset/decision',
  'stream/source',
  'timeout/decision',
  'timeout/first-byte',
  'timeout/handshake',
  'timeout/head',
  'timeout/idle',
  'timeout/client-idle',
  'timeout/rate',
  'tls/alpn',
  'tls/client-certificate',
  'tls/expired',
  'tls/handshake',
  'tls/name-mismatch',
  'tls/revoked',
  'tls/untrusted',
  'upgrade/refused',
  'upstream/closed',
  'upstream/head-too-large',
  'upstream/protocol',
  'upstream/refused',
  'upstream/reset',
  'upstream/truncated',
  'upstream/unknown',
] as const

/** The codes of calls, ordered by name. */
export const setupCodes = [
  'config/invalid',
  'engine/stopped',
  'engine/threads',
  'engine/turn',
  'listen/denied',
  'listen/failed',
  'listen/in-use',
  'listen/unavailable',
  'listener/unknown',
  'tls/invalid',
  'upstream/invalid',
] as const

/** What the engine's table says of each code. */
export type ErrorTable = ReadonlyMap<string, ErrorEntry>

export function readErrorTable(json: string): ErrorTable {
  // the engine writes the table; the test of the codes checks its shape
  const rows = JSON.parse(json) as ErrorEntry[]
  return new Map(rows.map((row) => [row.code, row]))
}

/** Turns an error out of the engine (`code: detail`) into one of the library. */
export function fromNative(error: unknown): TransportError {
  const message = error instanceof Error ? error.message : String(error)
  const colon = message.indexOf(': ')
  const code = [...errorCodes, ...setupCodes].find((known) => known === message.slice(0, colon))
  return new TransportError(code, code === undefined ? message : message.slice(colon + 2), { cause: error })
}
