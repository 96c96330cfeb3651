// `policies` (spec 5.5, C37): every enabled rule of every enabled policy is asked. One that denies wins; else one must
// allow; a set that says nothing lets nobody through.
import { refuse } from '../../../refusal/refusal.ts'
import type { Handler, MiddlewareOf, Workshop } from '../../middleware.ts'
import { compileRule } from '../../rule/registry.ts'

export function policies({ name, type, policies }: MiddlewareOf<'policies'>, workshop: Workshop): Handler {
  const rules = policies
    .filter((policy) => policy.enabled)
    .flatMap((policy) =>
      policy.rules
        .filter((rule) => rule.enabled)
        // the order decides which rule the log names, nothing else
        .toSorted((one, other) => other.weight - one.weight)
        .map((rule) => ({ id: rule.id, policy: policy.id, evaluate: compileRule(rule, workshop) })),
    )
  return {
    name,
    type,
    left(exchange) {
      let allowed = false
      let denied: (typeof rules)[number] | undefined
      // all of them, also behind a decision: a limit counts every request
      for (const rule of rules) {
        const outcome = rule.evaluate(exchange)
        if (outcome === 'allow') allowed = true
        else if (outcome === 'deny') denied ??= rule
      }
      if (denied !== undefined) {
        return refuse('policy/denied', `${name}: rule ${denied.id} of policy ${denied.policy} denies`)
      }
      return allowed ? undefined : refuse('policy/denied', `${name}: no rule allows`)
    },
  }
}
