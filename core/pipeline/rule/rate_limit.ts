// `rate_limit` (spec 5.6, G25): denies a client's requests beyond a number in a window; never allows. Counters go by
// the rule's id, so pipelines that use the same rule share them, and a reload keeps them.
import type { Evaluate, RuleOf, RuleSurroundings } from './rule.ts'

export function rateLimit(rule: RuleOf<'rate_limit'>, { now, rateLimits }: RuleSurroundings): Evaluate {
  const windowMs = rule.windowSeconds * 1000
  return ({ clientAddress }) =>
    rateLimits.take(rule.id, clientAddress, rule.maxRequests, windowMs, now()) ? undefined : 'deny'
}
