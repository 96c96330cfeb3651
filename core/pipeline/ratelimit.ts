// Counters of rate limits: one bounded store for all rules and generations (spec 5.6, G25).
export type RateLimits = {
  /** Counts one request; false when it is over the limit. `nowMs` is Unix time. */
  take(rule: string, client: string, maxRequests: number, windowMs: number, nowMs: number): boolean
}
