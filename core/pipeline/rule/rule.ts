// The interface of a rule (spec 5.6): compiled once per generation, asked for every request.
import type { Rule, RuleMode } from '../../config/middleware.ts'
import type { Exchange } from '../exchange.ts'
import type { RateLimits } from '../ratelimit.ts'

/** What rules see of a request. */
export type Facts = Pick<Exchange, 'head' | 'clientAddress' | 'path' | 'query' | 'metadata'>

/** Nothing: the rule does not speak about this request. */
export type Outcome = 'allow' | 'deny' | undefined

export type Evaluate = (facts: Facts) => Outcome

/** What rules may use. */
export type RuleSurroundings = {
  /** Unix time in ms. */
  readonly now: () => number
  readonly rateLimits: RateLimits
}

export type RuleType = Rule['type']

/** The rule of one type. */
export type RuleOf<T extends RuleType> = Rule extends infer R
  ? R extends { readonly type: infer U }
    ? T extends U
      ? R
      : never
    : never
  : never

/** Whether something matches; nothing when it cannot be told. */
export type Match = boolean | undefined

/** What a rule with a mode says: what cannot be told is denied, and never allowed. */
export function outcome(mode: RuleMode, match: Match): Outcome {
  if (mode === 'deny') return match === false ? undefined : 'deny'
  return match === true ? 'allow' : undefined
}

/** Whether one of them matches. */
export function anyOf<T>(items: readonly T[], test: (item: T) => Match): Match {
  let found: Match = false
  for (const item of items) {
    const match = test(item)
    if (match === true) return true
    if (match === undefined) found = undefined
  }
  return found
}

/** Whether each of them matches; none of them is no match, or a rule without conditions would hold for everything. */
export function allOf<T>(items: readonly T[], test: (item: T) => Match): Match {
  let found: Match = items.length > 0
  for (const item of items) {
    const match = test(item)
    if (match === false) return false
    if (match === undefined) found = undefined
  }
  return found
}
