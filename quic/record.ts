// What is left of an exchange when it has ended: one record, for the access log and the metrics.
import type { ErrorCode } from './errors.ts'
import type { Version } from './head.ts'

/** One exchange, complete or not. Times are in milliseconds; those after `accepted` count from it. */
export type ExchangeRecord = {
  /**
   * That of its `RequestHead`, with which the policy was asked before. A request that was refused before the policy
   * was asked has an id that no head has; one that never became an exchange leaves a `request-refused` event instead.
   */
  readonly id: number
  readonly connection: number
  readonly listener: number
  /** The id of the upstream that was tried last; none without. */
  readonly upstream: number | undefined
  readonly protocolIn: Version
  readonly protocolOut: Version | undefined
  /** The status that the client was sent; 0 when no answer left. */
  readonly status: number
  /** Bytes of content received from the client. */
  readonly bytesIn: number
  /** Bytes of content sent to the client. */
  readonly bytesOut: number
  /** When the head was complete, in Unix time. */
  readonly acceptedMs: number
  readonly decidedMs: number | undefined
  readonly connectedMs: number | undefined
  readonly firstByteMs: number | undefined
  readonly endMs: number | undefined
  /** How often an upstream was tried, whether or not it could be reached. */
  readonly attempts: number
  /** Whether the last attempt took a connection out of the pool. */
  readonly reused: boolean
  /** Why the exchange is incomplete; none when it is complete. */
  readonly code: ErrorCode | undefined
  /** For the operator's log. Never content, never a secret. */
  readonly detail: string
  /** The error code on the wire, when there was one. */
  readonly wireCode: number | undefined
  /** The address and port of the upstream; empty without. */
  readonly upstreamAddress: string
}
