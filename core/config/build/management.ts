// [management], and the pipeline that it adds (spec 6.10).
import { parsePrefix } from '../../route/url.ts'
import { Secret } from '../../secret.ts'
import type { Backend, Endpoint, Management, Network, Pipeline } from '../model.ts'
import { lookUp } from './scope.ts'
import type { Scope } from './scope.ts'

/** The name of what is added. */
export const managementName = 'management'

/** Nothing when it is not enabled, or cannot be built. */
export function buildManagement(scope: Scope, networks: ReadonlyMap<string, Network>): Management | undefined {
  const entry = scope.raw.management
  if (entry === undefined || !entry.value.enabled) return undefined
  const { value, place } = entry
  checkNames(scope)
  const basePath = value.base_path.replace(/^\/+|\/+$/g, '')
  const prefix = parsePrefix(`/${basePath}`)
  const problem = basePath === '' ? 'must name a path' : typeof prefix === 'string' ? undefined : prefix.problem
  if (problem !== undefined)
    scope.report({
      code: 'management/base-path',
      message: `management.base_path is ${JSON.stringify(value.base_path)}: ${problem}`,
      place: entry.at('base_path'),
    })
  scope.doubts.networks ||= problem !== undefined || value.network === undefined
  if (value.network === undefined) {
    scope.report({
      code: 'management/no-network',
      message: 'management is enabled and has no network: must name the one that serves it',
      place,
      mark: 'key',
      help: 'a network of its own, bound to 127.0.0.1, keeps it from everybody else',
    })
    return undefined
  }
  const use = { name: value.network, who: 'management names', file: place.file, place: entry.at('network') }
  const network = lookUp(scope, 'network', use) && networks.get(value.network)
  if (network === undefined || problem !== undefined) return undefined
  // Decision 9: the variable serves those who keep secrets out of files.
  const token = value.token ?? (scope.env['HARMONY_MANAGEMENT_TOKEN'] || undefined)
  return { network, basePath, token: token === undefined ? undefined : new Secret(token), place }
}

/** The pipeline that serves it. */
export function managementPipeline({ network, basePath, place }: Management): Pipeline {
  const prefix = parsePrefix(`/${basePath}`)
  const endpoint = (name: string, pathPrefix: string): Endpoint => {
    return { name, service: 'management', pathPrefix, methods: undefined, place }
  }
  const backend: Backend = {
    name: managementName,
    service: 'management',
    enabled: true,
    upstream: undefined,
    method: undefined,
    headers: [],
    credentials: undefined,
    place,
  }
  return {
    name: managementName,
    description: 'management interface',
    networks: [network],
    // C54, C55: two of its paths stand outside of the base path
    endpoints: [
      endpoint(managementName, typeof prefix === 'string' ? prefix : `/${basePath}`),
      endpoint(`${managementName}-health`, '/health'),
      endpoint(`${managementName}-reload`, '/api/reload'),
    ],
    backends: [backend],
    left: [],
    right: [],
    ingresses: [],
    egresses: [],
    place,
  }
}

function checkNames(scope: Scope): void {
  for (const section of ['pipelines', 'endpoints', 'backends'] as const)
    for (const { name, place } of scope.raw.all(section))
      if (name === managementName)
        scope.report({
          code: 'name/reserved',
          message: `${section}.${managementName} is defined, and management is enabled: the gateway adds one of that name`,
          place,
          mark: 'key',
          help: 'give it another name',
        })
}
