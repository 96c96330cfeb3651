// `method` (spec 5.6). Methods are case-sensitive (RFC 9110 9.1), but not every server behind a gateway knows:
// `delete` is denied where DELETE is, and not allowed where DELETE is.
import { outcome } from './rule.ts'
import type { Evaluate, RuleOf } from './rule.ts'

export function method(rule: RuleOf<'method'>): Evaluate {
  const methods = new Set(rule.methods.map((name) => name.toUpperCase()))
  return ({ head }) => outcome(rule.mode, methods.has(rule.mode === 'deny' ? head.method.toUpperCase() : head.method))
}
