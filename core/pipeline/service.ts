// The interface of a backend's service: what becomes of a request at the end of the left chain.
import type { HeaderEdit, HeaderInit, ResponseHead, Upstream } from '../../quic/index.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { Exchange } from './exchange.ts'
import type { Budget } from './retry.ts'

export type Reach =
  /** Answered by the gateway itself (echo, management). */
  | {
      readonly kind: 'respond'
      readonly status: number
      readonly headers: HeaderInit
      readonly body: string | Uint8Array
    }
  /** Sent to an upstream. Hop-by-hop fields, `Host`, `Via` and `Forwarded` are not its business. */
  | {
      readonly kind: 'forward'
      readonly upstream: Upstream
      /** The `https://host:port` that it leads to, and the target there: what a mesh token is signed for. */
      readonly origin: string
      readonly target: string
      readonly authority: string
      readonly method: string | undefined
      /** After those of the exchange. */
      readonly edits: readonly HeaderEdit[]
      /** On the upstream's response, before the right chain. */
      readonly responseEdits?: ((response: ResponseHead) => readonly HeaderEdit[] | undefined) | undefined
      /** How often a failed attempt may be repeated, when it is safe. */
      readonly maxRetries: number
      /** What the upstream can bear of that: one for all generations. */
      readonly budget: Budget
      /** Decision 6: HTTP/3 or 502, also where the silence of UDP looks like a time-out. */
      readonly http3Only?: boolean | undefined
    }
  | { readonly kind: 'refuse'; readonly refusal: Refusal }

export type Service = {
  readonly type: string
  /** The most content to gather before `reach`, in bytes; none: content flows. */
  wants?(exchange: Exchange): number | undefined
  reach(exchange: Exchange, viaHttp3: boolean): Reach | Promise<Reach>
}

/** An upstream that is open, and what it can bear of retries. */
export type Opened = { readonly upstream: Upstream; readonly budget: Budget }
