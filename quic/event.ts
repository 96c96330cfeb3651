// What an engine tells about itself while it runs, for logs and metrics.
import type { ErrorCode } from './errors.ts'
import type { Version } from './head.ts'

/** Which call into the policy failed. */
export type Stage = 'decide' | 'body' | 'response' | 'failure' | 'source'

/** Events may carry further fields, and later versions further types: ignore what you do not know. */
export type EngineEvent = KnownEvent & { readonly [field: string]: unknown }

type KnownEvent =
  | {
      readonly type: 'listener-up'
      readonly listener: number
      readonly address: string
      readonly port: number
      readonly quicPort: number | null
    }
  | { readonly type: 'listener-down'; readonly listener: number; /** Exchanges cut off. */ readonly cut: number }
  | {
      readonly type: 'handshake-failed'
      readonly listener: number
      readonly remoteAddress: string
      readonly transport: 'tcp' | 'quic'
      readonly code: ErrorCode
      readonly reason: string
    }
  | {
      readonly type: 'limit'
      /** The option that was reached, such as `maxConnections`. */
      readonly limit: string
      readonly listener: number | null
      readonly upstream: number | null
      readonly remoteAddress: string | null
    }
  | {
      /** A request that never reached the policy, because its head was refused. */
      readonly type: 'request-refused'
      readonly listener: number
      readonly remoteAddress: string
      readonly protocol: Version
      readonly status: number
      readonly code: ErrorCode
      readonly reason: string
    }
  | {
      /** A client's connection that ended because one side found fault with the other. */
      readonly type: 'connection-failed'
      readonly listener: number
      readonly remoteAddress: string
      readonly protocol: Version
      /** `client/cancelled`: it was the client that found fault. */
      readonly code: ErrorCode
      /** RFC 9113 section 7, RFC 9114 section 8.1 or RFC 9000 section 20. */
      readonly wireCode: number | null
      readonly reason: string
    }
  | {
      readonly type: 'fallback'
      readonly upstream: number
      readonly from: string
      readonly to: string
      readonly code: ErrorCode
      readonly reason: string
      /** Until HTTP/3 is probed again. */
      readonly nextMs: number
    }
  | { readonly type: 'reprobe'; readonly upstream: number; readonly ok: boolean; readonly nextMs: number }
  | {
      readonly type: 'goaway'
      /** False: received. */
      readonly sent: boolean
      readonly listener: number | null
      readonly upstream: number | null
      readonly protocol: Version
    }
  | { readonly type: 'queue-depth'; readonly waiting: number; readonly limit: number }
  | { readonly type: 'accept-failed'; readonly listener: number; readonly reason: string }
  | { readonly type: 'panic'; readonly exchange: number; readonly reason: string }
  | { readonly type: 'records-dropped'; readonly count: number }
  | {
      /** The policy threw, or gave what cannot be sent. The client got a bare 500, or a cut body. */
      readonly type: 'decide-failed'
      readonly listener: number
      readonly exchange: number
      readonly stage: Stage
      readonly error: unknown
    }
  | { /** `onRecord` threw. */ readonly type: 'observer-failed'; readonly error: unknown }
