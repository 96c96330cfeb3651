// Counters of rate limits: one bounded store for all rules and generations (spec 5.6, G25). A window starts with the
// first request after the last one ended (C38).
import { LRUCache } from 'lru-cache'
import { clientKey } from '../address.ts'

export type RateLimits = {
  /** Counts one request; false when it is over the limit. `nowMs` is Unix time. */
  take(rule: string, client: string, maxRequests: number, windowMs: number, nowMs: number): boolean
}

type Window = { startMs: number; count: number }

/**
 * Makes the store. `maxEntries` bounds each of its two halves: those that are still within their limit, and those
 * that are over it. Whoever is over the limit is pushed out only by as many others who are over theirs: sending from
 * many addresses makes room among the former alone. A counter that is pushed out starts again at zero, which costs
 * `maxEntries` requests from as many addresses, each of which could have asked in its own name.
 */
export function createRateLimits(maxEntries = 100_000): RateLimits {
  const within = new LRUCache<string, Window>({ max: maxEntries })
  const over = new LRUCache<string, Window>({ max: maxEntries })
  return {
    take(rule, client, maxRequests, windowMs, nowMs) {
      const key = `${clientKey(client)} ${rule}`
      let window = over.get(key) ?? within.get(key)
      if (window === undefined || ended(window, windowMs, nowMs)) {
        over.delete(key)
        window = { startMs: nowMs, count: 0 }
        within.set(key, window)
      }
      window.count += 1
      if (window.count <= maxRequests) return true
      if (within.delete(key)) over.set(key, window)
      return false
    },
  }
}

/** A clock that was set back would lengthen the window: that ends it too. */
function ended(window: Window, windowMs: number, nowMs: number): boolean {
  return nowMs >= window.startMs + windowMs || nowMs < window.startMs
}
