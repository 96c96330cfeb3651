// Configurations for routing tests, written in few words.
import type { Config, Endpoint, Ingress, Pipeline } from '../../core/config/model.ts'
import { hostOf } from '../../core/route/host.ts'
import { splitTarget } from '../../core/route/path.ts'
import type { Outcome, Routes } from '../../core/route/table.ts'
import { networkWith, urlPattern } from '../support/config.ts'

export type EndpointSpec = Partial<Pick<Endpoint, 'service' | 'methods' | 'pathPrefix'>>
export type IngressSpec = { endpoint: string; urls: readonly string[] } & Partial<
  Pick<Ingress, 'mode' | 'enforce' | 'enabled'>
>
export type PipelineSpec = {
  networks?: readonly string[]
  endpoints?: Readonly<Record<string, EndpointSpec>>
  ingresses?: Readonly<Record<string, IngressSpec>>
}

/** An endpoint named alike in two pipelines of one configuration is one endpoint, of which each has a copy. */
export function config(pipelines: Readonly<Record<string, PipelineSpec>>): Config {
  const shared = new Map<string, EndpointSpec>()
  for (const { endpoints = {} } of Object.values(pipelines))
    for (const [name, spec] of Object.entries(endpoints)) shared.set(name, spec)
  const built = Object.entries(pipelines).map(([name, spec]): Pipeline => {
    const file = `pipelines/${name}.toml`
    return {
      name,
      description: undefined,
      networks: (spec.networks ?? ['public']).map((network) => networkWith(network)),
      endpoints: Object.keys(spec.endpoints ?? {}).map((endpoint) => endpointOf(endpoint, shared)),
      backends: [],
      left: [],
      right: [],
      ingresses: Object.entries(spec.ingresses ?? {}).map(([ingress, given]) =>
        ingressOf(ingress, given, endpointOf(given.endpoint, shared), name),
      ),
      egresses: [],
      place: { file, path: ['pipelines', name] },
    }
  })
  const parts = { pipelines: new Map(built.map((pipeline) => [pipeline.name, pipeline])) }
  // routing reads the pipelines alone
  return parts as unknown as Config
}

/** Finds the route of a request as the gateway does; `listener` is the port of the socket. */
export function ask(
  routes: Routes,
  authority: string,
  target: string,
  method = 'GET',
  listener = 8080,
): Outcome | string {
  const host = hostOf(authority)
  if (host === undefined) return 'host'
  const split = splitTarget(target)
  return typeof split === 'string' ? split : routes.find(host.host, host.port ?? listener, split, method)
}

/** The same in a few words: `pipeline/endpoint [ingress] prefix|rest guarded`. */
export function told(routes: Routes, authority: string, target: string, method = 'GET', listener = 8080): string {
  const outcome = ask(routes, authority, target, method, listener)
  if (typeof outcome === 'string') return `400 ${outcome}`
  if (outcome.kind === 'none') return '404'
  if (outcome.kind === 'ambiguous') return '400 ambiguous'
  if (outcome.kind === 'method') return `405 ${outcome.allow}`
  const { pipeline, endpoint, ingress, guard, prefix } = outcome.route
  const by = ingress === undefined ? '' : ` [${ingress.name}]`
  const needs = guard === undefined ? '' : ` guarded by ${guard.ingresses.map(({ name }) => name).join(' ')}`
  return `${pipeline.name}/${endpoint.name}${by} ${prefix}|${outcome.rest}${needs}`
}

function ingressOf(name: string, given: IngressSpec, endpoint: Endpoint, pipeline: string): Ingress {
  return {
    name,
    pipeline,
    type: 'http',
    urls: given.urls.map(urlPattern),
    endpoint,
    mode: given.mode ?? 'default',
    enforce: given.enforce ?? 'endpoint',
    enabled: given.enabled ?? true,
    description: undefined,
    place: { file: `pipelines/${pipeline}.toml`, path: ['pipelines', pipeline, 'mesh', 'ingress', name] },
  }
}

function endpointOf(name: string, shared: ReadonlyMap<string, EndpointSpec>): Endpoint {
  return {
    name,
    service: 'http',
    pathPrefix: undefined,
    methods: undefined,
    place: { file: 'config.toml', path: ['endpoints', name] },
    ...shared.get(name),
  }
}
