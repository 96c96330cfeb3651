// [endpoints.<name>]: what pipelines answer at.
import { parsePrefix } from '../../route/url.ts'
import type { Endpoint } from '../model.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import { lookUp } from './scope.ts'
import type { Scope } from './scope.ts'
import { serviceOf } from './service.ts'
import { isToken } from './token.ts'

type Source = Entry<Tables['endpoints']>

/** Nothing when it cannot be built; findings say why. `used`: a pipeline needs it. */
export function buildEndpoint(scope: Scope, entry: Source, used: boolean): Endpoint | undefined {
  const { name, value, place } = entry
  const { peer_ref: peer, authentication } = value
  const who = `endpoint "${name}" names`
  if (peer !== undefined) lookUp(scope, 'peers', { name: peer, who, file: place.file, place: entry.at('peer_ref') })
  if (authentication !== undefined)
    lookUp(scope, 'authentications', { name: authentication, who, file: place.file, place: entry.at('authentication') })
  const service = serviceOf(scope, {
    side: 'endpoint',
    name,
    service: value.service,
    used,
    place: entry.at('service'),
  })
  if (service === undefined) return undefined
  const pathPrefix = prefixOf(scope, entry)
  if (pathPrefix === false) return undefined
  const methods = methodsOf(scope, entry)
  return methods === false ? undefined : { name, service, pathPrefix, methods, place }
}

/** False: it cannot be used. */
function prefixOf(scope: Scope, entry: Source): string | undefined | false {
  const text = entry.value.options.path_prefix
  if (text === undefined || text === '') return undefined
  const prefix = parsePrefix(text)
  if (typeof prefix === 'string') return prefix
  scope.report({
    code: 'route/path',
    message: `endpoint "${entry.name}" has path_prefix ${JSON.stringify(text)}: ${prefix.problem}`,
    place: entry.at('options', 'path_prefix'),
    help: /^[\w-]/.test(text) ? `write "/${text}"` : undefined,
  })
  return false
}

function methodsOf(scope: Scope, entry: Source): readonly string[] | undefined | false {
  const { method, methods } = entry.value.options
  const listed = methods ?? (method === undefined ? undefined : [method])
  if (listed === undefined) return undefined
  const wrong = listed.findIndex((one) => !isToken(one))
  if (wrong === -1) return [...new Set(listed.map((one) => one.toUpperCase()))]
  scope.report({
    code: 'route/method',
    message: `endpoint "${entry.name}" has method ${JSON.stringify(listed[wrong])}: must be a method, such as GET`,
    place: methods === undefined ? entry.at('options', 'method') : entry.at('options', 'methods', wrong),
  })
  return false
}
