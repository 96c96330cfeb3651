// `query_parameter` (spec 5.6): all conditions hold, case-sensitive, each for any of the parameter's values. Names and
// values are compared as they mean: with `+` and percent-escapes decoded.
import { lenient } from './field.ts'
import { allOf, anyOf, outcome } from './rule.ts'
import type { Evaluate, RuleOf } from './rule.ts'
import { compileCondition } from './value.ts'

export function queryParameter(rule: RuleOf<'query_parameter'>): Evaluate {
  const wanted = rule.parameters.map((match) => ({ name: match.name, holds: compileCondition(match, false) }))
  return ({ query }) => {
    // the form parser of URLs never throws: an escape that is none stays as it is
    const given = new URLSearchParams(lenient(query))
    return outcome(
      rule.mode,
      allOf(wanted, ({ name, holds }) => anyOf(given.getAll(name), holds)),
    )
  }
}
