// Endpoints: whether requests can reach them, and whether two claim the same path.
import { overlappingRoutes } from '../../route/overlap.ts'
import type { RouteOverlap } from '../../route/overlap.ts'
import { spot } from '../../finding/locate.ts'
import type { Severity } from '../../finding/finding.ts'
import type { Built } from '../build/index.ts'
import { managementName } from '../build/management.ts'
import type { Scope } from '../build/scope.ts'
import type { Config, Endpoint } from '../model.ts'
import { below } from '../path.ts'

export function checkPaths(scope: Scope, { config }: Built): void {
  const bound = new Set([...config.ingresses.values()].map(({ endpoint }) => endpoint))
  const seen = new Set<Endpoint>()
  for (const { endpoints } of config.pipelines.values())
    for (const endpoint of endpoints) {
      if (endpoint.pathPrefix !== undefined || bound.has(endpoint) || seen.has(endpoint)) continue
      seen.add(endpoint)
      // An ingress that binds it may be the one with a finding.
      if (!scope.whole || scope.doubts.ingresses) continue
      scope.report({
        code: 'route/no-path',
        message: `endpoint "${endpoint.name}" has no path_prefix, and no ingress binds it: no request reaches it`,
        place: endpoint.place,
        mark: 'key',
        help: 'add options.path_prefix = "/..."',
      })
    }
}

/** An endpoint on the very path of the management interface would take its place, or never be reached. */
export function checkManagement(scope: Scope, { config }: Built): void {
  const prefix = config.pipelines.get(managementName)?.endpoints[0]?.pathPrefix
  if (prefix === undefined || config.management === undefined) return
  const { network } = config.management
  for (const pipeline of config.pipelines.values()) {
    if (pipeline.name === managementName || !pipeline.networks.includes(network)) continue
    for (const endpoint of pipeline.endpoints)
      if (endpoint.pathPrefix === prefix)
        scope.report({
          code: 'management/overlap',
          message: `endpoint "${endpoint.name}" answers on ${prefix}, the path of the management interface, on network "${network.name}"`,
          place: below(endpoint.place, 'options', 'path_prefix'),
          help: 'give one of them another path, or management a network of its own',
        })
  }
}

/**
 * Warns of endpoints on one path. The later pipeline is left out as a whole (spec 1.10, 4.2): half a pipeline would
 * serve what its operator never meant. Returns the configuration without such pipelines.
 */
export function dropShadowed(scope: Scope, config: Config): Config {
  let left = config
  // A pipeline that is left out may have hidden another overlap: again, until there is none.
  for (let round = 0; round < maxRounds; round++) {
    const dropped = new Set<string>()
    for (const overlap of overlappingRoutes(left)) {
      const { first, second } = overlap
      const names = [first.pipeline.name, second.pipeline.name]
      if (names.includes(managementName) || names.some((name) => dropped.has(name))) continue
      if (first.pipeline === second.pipeline) {
        if (round === 0) sayOverlap(scope, overlap, 'it gets none of their requests')
        continue
      }
      dropped.add(second.pipeline.name)
      // left out, a mesh-only ingress would no longer guard the endpoint that another pipeline serves (decision 3)
      const guards = second.pipeline.ingresses.find(({ enabled, mode }) => enabled && mode === 'mesh')
      const loss = guards === undefined ? '' : `, and its mesh-only ingress "${guards.name}" cannot be`
      sayOverlap(scope, overlap, `pipeline "${second.pipeline.name}" is left out${loss}`, guards && 'error')
    }
    if (dropped.size === 0) return left
    left = without(left, dropped)
  }
  return left
}

const maxRounds = 16

function sayOverlap(scope: Scope, overlap: RouteOverlap, effect: string, severity?: Severity): void {
  const { network, prefix, first, second, methods } = overlap
  const { endpoint } = second
  const shared = methods === undefined ? '' : ` for ${methods.join(', ')}`
  const [found, place, other] =
    endpoint === first.endpoint
      ? [
          `endpoint "${endpoint.name}" is in pipeline "${first.pipeline.name}" too, on the same network "${network}"`,
          below(second.pipeline.place, 'endpoints'),
          first.pipeline.place,
        ]
      : [
          `endpoint "${endpoint.name}" answers on ${prefix} of network "${network}"${shared}, as endpoint "${first.endpoint.name}" does`,
          below(endpoint.place, 'options', 'path_prefix'),
          first.endpoint.place,
        ]
  const help = `the other is defined at ${spot(other, scope.sources)}`
  scope.report({ code: 'route/overlap', message: `${found}: ${effect}`, place, severity, help })
}

function without(config: Config, dropped: ReadonlySet<string>): Config {
  const keep = <T>(map: ReadonlyMap<string, T>, of: (value: T) => string): ReadonlyMap<string, T> =>
    new Map([...map].filter(([, value]) => !dropped.has(of(value))))
  return {
    ...config,
    pipelines: keep(config.pipelines, ({ name }) => name),
    ingresses: keep(config.ingresses, ({ pipeline }) => pipeline),
    egresses: keep(config.egresses, ({ pipeline }) => pipeline),
  }
}
