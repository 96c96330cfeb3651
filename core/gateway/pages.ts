// What the management service shows of a configuration: built field by field, so that no secret can slip in.
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import type { Config, Egress, Endpoint, Ingress, Mesh, Network, Pipeline } from '../config/model.ts'
import { managementPaths } from '../pipeline/service/management.ts'
import { shown } from '../pipeline/service/facts.ts'
import type { Info, PipelineFacts, RouteFacts, Running, StatusFacts } from '../pipeline/service/facts.ts'
import { answered, methodsOf } from '../route/method.ts'

/** The program and the machine. */
export function infoFacts(version: string, config: Config, startedAtMs: number, nowMs: number): Info {
  return {
    version,
    uptime: Math.floor((nowMs - startedAtMs) / 1_000),
    os: platform(),
    arch: arch(),
    proxy_id: config.proxy.identity,
    started_at: new Date(startedAtMs).toISOString(),
  }
}

/** The pipelines, in the order of their definition. */
export function pipelineFacts(config: Config): PipelineFacts[] {
  return [...config.pipelines.values()].map((pipeline) => {
    const left = names(pipeline.left)
    const right = names(pipeline.right)
    return {
      id: pipeline.name,
      description: pipeline.description ?? null,
      networks: names(pipeline.networks),
      endpoints: names(pipeline.endpoints),
      backends: names(pipeline.backends),
      middleware: [...new Set([...left, ...right])],
      middleware_left: left,
      middleware_right: right,
    }
  })
}

/** The routes, sorted by path: those of endpoints, and the URLs of enabled ingresses. */
export function routeFacts(config: Config): RouteFacts[] {
  const pipelines = [...config.pipelines.values()]
  const routes = pipelines
    .flatMap((pipeline) => pipeline.endpoints.flatMap((endpoint) => endpointRoutes(config, pipeline, endpoint)))
    .concat(pipelines.flatMap((pipeline) => pipeline.ingresses.flatMap((ingress) => ingressRoutes(pipeline, ingress))))
  return routes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

/** The configuration that runs, and how it came to. */
export function statusFacts(config: Config, running: Running): StatusFacts {
  const { lastReload } = running
  return {
    generation: running.generation,
    config_hash: running.hash,
    config_loaded_at: running.loadedAt,
    config_file_path: join(config.directory, config.files[0] ?? 'config.toml'),
    config_files: config.files,
    last_reload: lastReload && { ...lastReload, findings: lastReload.findings.map(shown) },
    proxy_id: config.proxy.identity,
    log_level: config.logging.level,
    current_networks: byName(config.networks, networkFacts),
    pipelines: config.pipelines.size,
    mesh: byName(config.meshes, meshFacts),
    ingress: byName(config.ingresses, ingressFacts),
    egress: byName(config.egresses, egressFacts),
    remote_ingress: byName(config.remoteIngresses, ({ urls }) => ({ urls: urls.map(({ text }) => text) })),
  }
}

function endpointRoutes(config: Config, pipeline: Pipeline, endpoint: Endpoint): RouteFacts[] {
  const route = (path: string, methods: readonly string[]): RouteFacts => ({
    path,
    methods,
    description: pipeline.description ?? null,
    endpoint_name: endpoint.name,
    service_type: endpoint.service,
    pipeline: pipeline.name,
    ingress: null,
  })
  if (endpoint.service === 'management') {
    const { management } = config
    return management === undefined
      ? []
      : managementPaths(management.basePath).map(({ path, method }) => route(path, [method]))
  }
  const { pathPrefix } = endpoint
  if (pathPrefix === undefined) return []
  const methods = methodsIn(endpoint)
  return pathPrefix === '/'
    ? [route('/{*path}', methods)]
    : [route(pathPrefix, methods), route(`${pathPrefix}/{*path}`, methods)]
}

function ingressRoutes(pipeline: Pipeline, ingress: Ingress): RouteFacts[] {
  if (!ingress.enabled) return []
  return ingress.urls.map(({ text }) => ({
    path: `${text.replace(/\/$/, '')}/{*path}`,
    methods: methodsIn(ingress.endpoint),
    description: ingress.description ?? null,
    endpoint_name: ingress.endpoint.name,
    service_type: ingress.endpoint.service,
    pipeline: pipeline.name,
    ingress: ingress.name,
  }))
}

function methodsIn(endpoint: Endpoint): readonly string[] {
  return answered(methodsOf(endpoint) ?? ['*'])
}

function networkFacts({ tcp, http3 }: Network) {
  return {
    bind_address: tcp?.address ?? null,
    bind_port: tcp?.port ?? null,
    tls: tcp?.tls !== undefined,
    force_https: tcp?.forceHttps ?? false,
    http3: http3 === undefined ? null : { bind_address: http3.address, bind_port: http3.port },
  }
}

function meshFacts(mesh: Mesh) {
  return {
    id: mesh.id,
    type: mesh.type,
    provider: mesh.provider,
    algorithm: mesh.algorithm,
    enabled: mesh.enabled,
    can_sign: mesh.signing !== undefined,
    can_verify: mesh.verification.length > 0,
    ingress: mesh.ingress.map(memberName),
    egress: mesh.egress.map(memberName),
  }
}

function ingressFacts({ pipeline, type, urls, endpoint, mode, enabled }: Ingress) {
  return { pipeline, type, urls: urls.map(({ text }) => text), endpoint: endpoint.name, mode, enabled }
}

function egressFacts({ pipeline, type, backend, mode, enabled }: Egress) {
  return { pipeline, type, backend: backend.name, mode, enabled }
}

function memberName(member: Mesh['ingress'][number] | Mesh['egress'][number]): string {
  if (member.kind === 'ingress') return member.ingress.name
  if (member.kind === 'egress') return member.egress.name
  return member.kind === 'catalogue' ? member.remote.name : member.reference.text
}

function names(list: readonly { readonly name: string }[]): string[] {
  return list.map(({ name }) => name)
}

function byName<T>(map: ReadonlyMap<string, T>, facts: (value: T) => unknown): Record<string, unknown> {
  return Object.fromEntries([...map].map(([name, value]) => [name, facts(value)]))
}
