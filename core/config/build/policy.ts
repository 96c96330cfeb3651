// [policies.<name>], by name or inside a middleware (spec 5.5, C36).
import type { Place } from '../../finding/finding.ts'
import type { Policy, Rule } from '../middleware.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import { buildRule } from './rule.ts'
import { lookUp } from './scope.ts'
import type { Scope } from './scope.ts'

type Inline = Exclude<Extract<Tables['middleware'], { type: 'policies' }>['options']['policies'][number], string>

export type Policies = {
  /** A policy by its table. */
  named(entry: Entry<Tables['policies']>): Policy
  /** A rule by its table; nothing when it cannot be used. */
  rule(entry: Entry<Tables['rules']>): Rule | undefined
  /** A policy that a middleware holds itself, which stands at `options.policies[index]` of it. */
  inline(middleware: Entry<Tables['middleware']>, policy: Inline, index: number): Policy
  /** Rules of it could not be built: what it allows is not known. */
  isFlawed(policy: Policy): boolean
}

/** Builds each policy and each rule once, whoever names it. */
export function policiesOf(scope: Scope): Policies {
  const policies = new Map<object, Policy>()
  const rules = new Map<object, Rule | undefined>()
  const flawed = new Set<Policy>()

  const rule = (entry: Entry<Tables['rules']>): Rule | undefined => {
    if (!rules.has(entry)) rules.set(entry, buildRule(scope, entry))
    return rules.get(entry)
  }

  /** A dangling name is a warning: the policy works without that rule (C15). */
  const find = (name: string, policy: string, file: string, place: Place): Rule | undefined | 'dangling' => {
    const entry = lookUp(scope, 'rules', { name, who: `policy "${policy}" lists`, file, place })
    return entry === undefined ? 'dangling' : rule(entry)
  }

  const joined = (policy: Omit<Policy, 'rules'>, found: readonly (Rule | undefined | 'dangling')[]): Policy => {
    const usable = found.filter((one) => one !== undefined && one !== 'dangling')
    const whole: Policy = { ...policy, rules: usable }
    if (found.includes(undefined)) flawed.add(whole)
    return whole
  }

  return {
    rule,
    named(entry) {
      const known = policies.get(entry)
      if (known !== undefined) return known
      const { name: id, value, place } = entry
      const found = value.rules.map((one, index) => find(one, id, place.file, entry.at('rules', index)))
      const policy = joined({ id, name: value.name, enabled: value.enabled, place }, found)
      policies.set(entry, policy)
      return policy
    },
    inline(middleware, policy, index) {
      const id = policy.id ?? `${middleware.name}[${index}]`
      const at = (...path: (string | number)[]): Place => middleware.at('options', 'policies', index, ...path)
      const { file } = middleware.place
      const found = policy.rules.map((one, number) => {
        if (typeof one === 'string') return find(one, id, file, at('rules', number))
        const name = one.id ?? `${id}[${number}]`
        const place = at('rules', number)
        return buildRule(scope, { name, value: one, place, at: (...path) => at('rules', number, ...path) })
      })
      return joined({ id, name: policy.name, enabled: policy.enabled, place: at() }, found)
    },
    isFlawed: (policy) => flawed.has(policy),
  }
}

/** Whether a request could pass: some rule that is looked at may allow (5.5). */
export function mayAllow(policies: readonly Policy[]): boolean {
  return policies.some(({ enabled, rules }) => enabled && rules.some(ruleMayAllow))
}

function ruleMayAllow(rule: Rule): boolean {
  if (!rule.enabled || never.has(rule.type)) return false
  return !('mode' in rule) || rule.mode === 'allow'
}

/** Rules that only deny; and those that never match, because nothing says where a client is (policy/no-country). */
const never: ReadonlySet<Rule['type']> = new Set(['deny_all', 'ip_deny', 'rate_limit', 'geo'])
