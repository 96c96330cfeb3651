// [services] and [middleware_types]: what is registered is built in, or not there (spec 1.10, C14).
import { oneOf } from '../build/scope.ts'
import type { Scope } from '../build/scope.ts'
import { knownServices } from '../build/service.ts'
import { middlewareTypes, typeSpellings } from '../schema/middleware/index.ts'

/** Where something of an unknown type is used, that has its own finding. */
export function checkRegistered(scope: Scope): void {
  for (const entry of scope.raw.all('services')) {
    const { name } = entry
    if (entry.value.module !== '') refuseModule(scope, `services.${name}`, entry)
    else if (!knownServices.includes(name) && !['dicom', 'dimse'].includes(name))
      scope.report({
        code: 'support/unknown-service',
        message: `services registers "${name}", which does not exist`,
        place: entry.place,
        mark: 'key',
        severity: 'warning',
        help: oneOf(name, knownServices),
      })
  }
  const types = [...middlewareTypes, ...Object.keys(typeSpellings)]
  for (const entry of scope.raw.all('middleware_types')) {
    const { name } = entry
    if (entry.value.module !== '') refuseModule(scope, `middleware_types.${name}`, entry)
    else if (!types.includes(name))
      scope.report({
        code: 'middleware/unknown-type',
        message: `middleware_types registers "${name}", which does not exist`,
        place: entry.place,
        mark: 'key',
        severity: 'warning',
        help: oneOf(name, types),
      })
  }
}

type Registered = ReturnType<Scope['raw']['all']>[number]

function refuseModule(scope: Scope, what: string, entry: Registered): void {
  scope.report({
    code: 'support/module',
    message: `${what} names a module: this version loads none`,
    place: entry.at('module'),
    help: 'set module = "" for what is built in',
  })
}
