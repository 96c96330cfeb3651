// The interface of a middleware: it is built once per generation and sees each request, and each response, of its
// pipeline. It answers with nothing (go on) or with a refusal; it never answers the client by itself.
import type { ResponseHead, HeaderEdit } from '../../quic/index.ts'
import type { Exchange } from './exchange.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { Log } from '../log/log.ts'
import type { RateLimits } from './ratelimit.ts'

export type Verdict = Refusal | undefined

export type Handler = {
  readonly name: string
  readonly type: string
  /** The most content to gather before `left`, in bytes, for this request; none: the content is not needed. */
  wants?(exchange: Exchange): number | undefined
  /** On the request. A promise only where something must be waited for. */
  left?(exchange: Exchange): Verdict | Promise<Verdict>
  /** On the head of the response; its edits apply before the client sees it. */
  right?(exchange: Exchange, response: ResponseHead): readonly HeaderEdit[] | undefined
}

/** What a middleware may use of the gateway around it; shared by all generations. */
export type Surroundings = {
  /** Unix time in ms. */
  readonly now: () => number
  readonly log: Log
  readonly rateLimits: RateLimits
  /** Fetches a JWKS document; bounded in time and size by the gateway; throws when it cannot be had. */
  readonly fetchJwks: (url: string) => Promise<unknown>
}
