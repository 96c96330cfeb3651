// Why the gateway itself answers a request. The code is stable and in the log; the status and the text for the
// client stand in table.ts, in one table.
import type { HeaderInit } from '../../quic/index.ts'
import type { RefusalCode } from './table.ts'

export type Refusal = {
  readonly code: RefusalCode
  /** For the operator's log, never for the client. No secret, no value of a header, query or body. */
  readonly detail: string
  /** Fields of the answer beyond those that every refusal has, such as `www-authenticate`. */
  readonly headers?: HeaderInit | undefined
}

/** Makes a refusal. */
export function refuse(code: RefusalCode, detail: string, headers?: HeaderInit): Refusal {
  return headers === undefined ? { code, detail } : { code, detail, headers }
}
