// `policies` (spec 5.5, C37): every enabled rule of every enabled policy is asked. One that denies wins; else one must
// allow; a set that says nothing lets nobody through.
import { refuse } from '../../../refusal/refusal.ts'
import type { Handler, MiddlewareOf, Workshop } from '../../middleware.ts'
import { compilePolicies } from '../../rule/registry.ts'
import type { Compiled } from '../../rule/registry.ts'

export function policies({ name, type, policies }: MiddlewareOf<'policies'>, workshop: Workshop): Handler {
  const rules = compilePolicies(policies, workshop)
  return {
    name,
    type,
    left(exchange) {
      let allowed = false
      let denied: Compiled | undefined
      // all of them, also behind a decision: a limit counts every request. Their order decides which one the log names.
      for (const one of rules) {
        const outcome = one.evaluate(exchange)
        if (outcome === 'allow') allowed = true
        else if (outcome === 'deny') denied ??= one
      }
      if (denied !== undefined) {
        return refuse('policy/denied', `${name}: rule ${denied.rule.id} of policy ${denied.policy} denies`)
      }
      return allowed ? undefined : refuse('policy/denied', `${name}: no rule allows`)
    },
  }
}
