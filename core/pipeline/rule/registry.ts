// Every type of rule, one row each; and the rules of policies, ready to be asked.
import type { Policy, Rule } from '../../config/middleware.ts'
import { allowAll } from './allow_all.ts'
import { contentType } from './content_type.ts'
import { denyAll } from './deny_all.ts'
import { geo } from './geo.ts'
import { header } from './header.ts'
import { ipAllow } from './ip_allow.ts'
import { ipDeny } from './ip_deny.ts'
import { method } from './method.ts'
import { path } from './path.ts'
import { queryParameter } from './query_parameter.ts'
import { rateLimit } from './rate_limit.ts'
import type { Evaluate, RuleOf, RuleSurroundings, RuleType } from './rule.ts'
import { timeBased } from './time_based.ts'
import { userAgent } from './user_agent.ts'

type Rows = { readonly [T in RuleType]: (rule: RuleOf<T>, surroundings: RuleSurroundings) => Evaluate }

export const rules: Rows = {
  allow_all: allowAll,
  deny_all: denyAll,
  ip_allow: ipAllow,
  ip_deny: ipDeny,
  rate_limit: rateLimit,
  path,
  geo,
  header,
  time_based: timeBased,
  method,
  user_agent: userAgent,
  content_type: contentType,
  query_parameter: queryParameter,
}

/** Compiles a rule; throws for a pattern, an expression, an address or a zone that is none. */
export function compileRule(rule: Rule, surroundings: RuleSurroundings): Evaluate {
  // the row of a type takes the rules of that type, which a lookup by type cannot tell the compiler
  const row = rules[rule.type] as (rule: Rule, surroundings: RuleSurroundings) => Evaluate
  return row(rule, surroundings)
}

/** A rule in a `policies`. */
export type Compiled = { readonly policy: string; readonly rule: Rule; readonly evaluate: Evaluate }

/** Every enabled rule of every enabled policy, in the order in which they are asked: the heaviest of a policy first. */
export function compilePolicies(policies: readonly Policy[], surroundings: RuleSurroundings): readonly Compiled[] {
  return policies
    .filter((policy) => policy.enabled)
    .flatMap((policy) =>
      policy.rules
        .filter((rule) => rule.enabled)
        .toSorted((one, other) => other.weight - one.weight)
        .map((rule) => ({ policy: policy.id, rule, evaluate: compileRule(rule, surroundings) })),
    )
}
