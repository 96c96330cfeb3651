// What each rule of a `policies` says by itself, at the moment when the middleware asks it.
import type { Rule } from '../../config/middleware.ts'
import type { Exchange } from '../../pipeline/exchange.ts'
import type { MiddlewareOf, Workshop } from '../../pipeline/middleware.ts'
import { compilePolicies } from '../../pipeline/rule/registry.ts'

export type Said = {
  readonly policy: string
  readonly rule: Rule
  readonly says: 'allows' | 'denies' | 'is not counted' | undefined
}

/** Every enabled rule of every enabled policy, in the order in which they are asked. */
export function sayings({ policies }: MiddlewareOf<'policies'>, workshop: Workshop): (exchange: Exchange) => Said[] {
  const rules = compilePolicies(policies, workshop)
  return (exchange) =>
    rules.map(({ policy, rule, evaluate }) => ({ policy, rule, says: saysOf(rule, evaluate(exchange)) }))
}

function saysOf({ type }: Rule, outcome: 'allow' | 'deny' | undefined): Said['says'] {
  if (type === 'rate_limit') return 'is not counted'
  return outcome === undefined ? undefined : outcome === 'allow' ? 'allows' : 'denies'
}
