// The rules that look at the whole: one row each, in the order of the parts that they are about.
import type { Built } from '../build/index.ts'
import type { Scope } from '../build/scope.ts'
import type { Config } from '../model.ts'
import { checkEgresses } from './egress.ts'
import { checkModes, checkUrls } from './ingress.ts'
import { checkAmbiguity, checkDestinations, checkKeys } from './mesh.ts'
import { checkNames } from './name.ts'
import { checkNetworks, checkPorts } from './network.ts'
import { checkPolicies } from './policy.ts'
import { checkManagement, checkPaths, dropShadowed } from './route.ts'
import { checkRegistered } from './support.ts'

type Rule = (scope: Scope, built: Built) => void

const rules: readonly Rule[] = [
  checkNames,
  checkRegistered,
  checkNetworks,
  checkPorts,
  checkPaths,
  checkManagement,
  checkPolicies,
  checkUrls,
  checkModes,
  checkKeys,
  checkEgresses,
  checkAmbiguity,
  checkDestinations,
]

/** Reports what is wrong with the whole; returns what of it is served. */
export function check(scope: Scope, built: Built): Config {
  const config = dropShadowed(scope, built.config)
  for (const rule of rules) rule(scope, { ...built, config })
  return config
}
