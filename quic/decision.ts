// What a policy may answer: to a request, to an upstream's response, and to a failure.
import type { Failure } from './errors.ts'
import type { Field, HeaderInit, RequestHead, ResponseHead } from './head.ts'
import type { Upstream } from './upstream.ts'

/** One change to a list of fields. `set` replaces every field of that name. */
export type HeaderEdit = { readonly remove: string } | { readonly set: Field } | { readonly append: Field }

/** Content to send: text leaves as UTF-8; an iterable is pulled as fast as the client reads. */
export type Body = Uint8Array | string | AsyncIterable<Uint8Array | string>

/** Answers the client. */
export type Respond = {
  readonly kind: 'respond'
  /** 200 to 599. */
  readonly status: number
  readonly headers?: HeaderInit | undefined
  readonly body?: Body | undefined
  /** Called when the body has ended; its fields follow as trailers. */
  readonly trailers?: (() => HeaderInit) | undefined
}

/** Sends the request to an upstream; content flows natively both ways. */
export type Forward = {
  readonly kind: 'forward'
  readonly upstream: Upstream
  readonly method?: string | undefined
  /** The request target: an absolute path with its query, or `*`. */
  readonly target?: string | undefined
  readonly authority?: string | undefined
  /** Replaces every field of the request; `edit` applies after it. */
  readonly headers?: HeaderInit | undefined
  readonly edit?: readonly HeaderEdit[] | undefined
  /** Replaces the request's content. */
  readonly body?: Uint8Array | string | undefined
  /**
   * Bytes of content that the client may send, 0 to 2^53 - 1; no bound when left out. A request that
   * announces more fails with `body/too-large` before the upstream hears of it, another one as soon as
   * it passes the bound: the upstream's request is aborted, and the client gets 413, or is cut off
   * when its answer had begun.
   */
  readonly maxBodyBytes?: number | undefined
  /**
   * Changes to the upstream's final response, that of an accepted upgrade too, which cost no call. They
   * come last: `onResponse` sees the response as the upstream sent it, and what it answers `pass` with
   * applies before them. Answers of the policy's or the engine's own are not changed. Fields of the
   * connection, of framing and of a handshake stay as they are.
   */
  readonly responseEdit?: readonly HeaderEdit[] | undefined
  /** Called with the head of the final response, before any of it goes to the client. */
  readonly onResponse?: ((response: ResponseHead) => ResponseDecision | Promise<ResponseDecision>) | undefined
  /** Called when no response came, before anything went to the client. */
  readonly onFailure?: ((failure: Failure) => FailureDecision | Promise<FailureDecision>) | undefined
}

/**
 * Gathers the request's content first. A longer one is answered 413 without a call. When `onBody`
 * answers `forward` without a body, the gathered content is what is forwarded.
 */
export type Collect = {
  readonly kind: 'collect'
  /** 0 to 2^31 - 1 bytes. */
  readonly maxBytes: number
  readonly onBody: (body: Uint8Array, trailers: readonly Field[]) => BodyDecision | Promise<BodyDecision>
}

/** Ends the exchange without an answer. HTTP/1.1 can only close the connection. */
export type Reset = { readonly kind: 'reset'; readonly reason: ResetReason }

/** Lets an upstream's response through, with changes. */
export type Pass = {
  readonly kind: 'pass'
  /** 200 to 599; as it is when left out. */
  readonly status?: number | undefined
  /** Replaces every field of the response; `edit` applies after it. */
  readonly headers?: HeaderInit | undefined
  readonly edit?: readonly HeaderEdit[] | undefined
}

export type ResetReason = 'no-error' | 'cancel' | 'internal' | 'refused' | 'malformed' | 'excessive-load' | 'connect'

/** The answer to a request. */
export type Decision = Respond | Forward | Collect | Reset
/** The answer to gathered content. */
export type BodyDecision = Respond | Forward | Reset
/** The answer to an upstream's response; nothing lets it through as it is. `forward` needs a replayable request. */
export type ResponseDecision = Pass | Respond | Forward | Reset | undefined
/** The answer to a failure; `forward` needs a replayable request (`failure.replayable`). */
export type FailureDecision = Respond | Forward | Reset

/** A policy. It may answer at once (fastest) or later; when it throws, the client gets a bare 500. */
export type Decide = (request: RequestHead) => Decision | Promise<Decision>
