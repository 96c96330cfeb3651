// `ip_deny` (spec 5.6): denies clients whose address is in the list, and those whose address cannot be read.
import { compileAddresses } from '../../address.ts'
import type { Evaluate, RuleOf } from './rule.ts'

export function ipDeny(rule: RuleOf<'ip_deny'>): Evaluate {
  const listed = compileAddresses(rule.addresses)
  return ({ clientAddress }) => (listed(clientAddress) === false ? undefined : 'deny')
}
