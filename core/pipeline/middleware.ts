// The interface of a middleware: it is built once per generation and sees each request, and each response, of its
// pipeline. It answers with nothing (go on) or with a refusal; it never answers the client by itself.
import type { ResponseHead, HeaderEdit } from '../../quic/index.ts'
import type { MeshAuth, Middleware, MiddlewareType } from '../config/middleware.ts'
import type { Log } from '../log/log.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { Exchange } from './exchange.ts'
import type { JwksSource } from './jwks.ts'
import type { RateLimits } from './ratelimit.ts'

export type Verdict = Refusal | undefined

export type Handler = {
  readonly name: string
  readonly type: string
  /**
   * The most content to gather before `left`, in bytes, for this request; none: the content is not needed. By the head
   * alone: it is asked more than once.
   */
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
  /** The check, or the signature, of an explicit `mesh_auth` (spec 7.6). */
  readonly meshCheck: (auth: MeshAuth) => MeshCheck
}

export type MeshCheck = (exchange: Exchange) => Verdict | Promise<Verdict>

/** What the builders of handlers get: the surroundings, and what the pipelines add to them. */
export type Workshop = Surroundings & {
  /** The keys of a URL; kept across generations. */
  readonly jwks: (url: string) => JwksSource
  /** Whether a name means that its value is to be hidden (`proxy.sensitive_field_patterns`, and the usual ones). */
  readonly isSensitive: (name: string) => boolean
}

/** The configuration of a middleware of one type. */
export type MiddlewareOf<T extends MiddlewareType> = Extract<Middleware, { readonly type: T }>
