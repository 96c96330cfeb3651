// `user_agent` (spec 5.6): any of the expressions matches.
import { compileRegex } from '../regex/regex.ts'
import { valuesOf } from './field.ts'
import { anyOf, outcome } from './rule.ts'
import type { Evaluate, RuleOf } from './rule.ts'

export function userAgent(rule: RuleOf<'user_agent'>): Evaluate {
  const patterns = rule.patterns.map(compileRegex)
  return ({ head }) =>
    outcome(
      rule.mode,
      anyOf(valuesOf(head, 'user-agent', rule.mode), (value) => anyOf(patterns, (pattern) => pattern.test(value))),
    )
}
