// `header` (spec 5.6): all conditions hold. `exact` and `contains` do not look at case.
import { valuesOf } from './field.ts'
import { allOf, anyOf, outcome } from './rule.ts'
import type { Evaluate, RuleOf } from './rule.ts'
import { compileCondition } from './value.ts'

export function header(rule: RuleOf<'header'>): Evaluate {
  const fields = rule.headers.map((match) => ({
    name: match.name.toLowerCase(),
    holds: compileCondition(match, true),
  }))
  return ({ head }) =>
    outcome(
      rule.mode,
      allOf(fields, ({ name, holds }) => anyOf(valuesOf(head, name, rule.mode), holds)),
    )
}
