// Policies: a middleware that can let nothing through (spec 5.5).
import type { Built } from '../build/index.ts'
import { mayAllow } from '../build/policy.ts'
import type { Scope } from '../build/scope.ts'
import type { Middleware } from '../middleware.ts'

export function checkPolicies(scope: Scope, { config, policies }: Built): void {
  const seen = new Set<Middleware>()
  for (const { left } of config.pipelines.values())
    for (const middleware of left) {
      if (middleware.type !== 'policies' || seen.has(middleware)) continue
      seen.add(middleware)
      if (mayAllow(middleware.policies) || middleware.policies.some((policy) => policies.isFlawed(policy))) continue
      scope.report({
        code: 'policy/never-allows',
        message: `middleware "${middleware.name}" has no rule that can allow a request: every request gets 403`,
        place: middleware.place,
        mark: 'key',
        help: 'add a rule that allows, such as one of type allow_all',
      })
    }
}
