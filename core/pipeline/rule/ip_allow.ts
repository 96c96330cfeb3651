// `ip_allow` (spec 5.6): allows clients whose address is in the list; says nothing about others.
import { compileAddresses } from '../../address.ts'
import type { Evaluate, RuleOf } from './rule.ts'

export function ipAllow(rule: RuleOf<'ip_allow'>): Evaluate {
  const listed = compileAddresses(rule.addresses)
  return ({ clientAddress }) => (listed(clientAddress) === true ? 'allow' : undefined)
}
