// From the tables that were read to the Config: names resolved, key material read, every mistake a finding. What
// cannot be built is left out; the findings keep it from being used.
import { configHash } from '../hash.ts'
import type { Backend, Config, Endpoint, Proxy } from '../model.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import { buildBackend } from './backend.ts'
import { buildDoors, buildRemotes } from './door.ts'
import type { Naming, Parts } from './door.ts'
import { buildEndpoint } from './endpoint.ts'
import { buildManagement, managementName, managementPipeline } from './management.ts'
import { buildMeshes } from './mesh.ts'
import { middlewaresOf } from './middleware.ts'
import { buildNetworks } from './network.ts'
import { buildPipelines } from './pipeline.ts'
import { policiesOf } from './policy.ts'
import type { Policies } from './policy.ts'
import { buildProviders } from './provider.ts'
import { buildLogging, buildProxy } from './proxy.ts'
import { lookUp } from './scope.ts'
import type { Scope } from './scope.ts'
import { join } from 'node:path'

type Pipeline = Entry<Tables['pipelines']>

/** Which tables a pipeline needs. */
export type Used = {
  readonly endpoints: ReadonlySet<Entry<Tables['endpoints']>>
  readonly backends: ReadonlySet<Entry<Tables['backends']>>
  readonly middleware: ReadonlySet<Entry<Tables['middleware']>>
}

export type Built = { readonly config: Config; readonly used: Used; readonly policies: Policies }

export function build(scope: Scope): Built {
  const { raw } = scope
  const used = usedBy(scope)
  const proxy = buildProxy(scope)
  const providers = buildProviders(scope)
  const networks = buildNetworks(scope)
  const parts = partsOf(scope, used)
  const doors = buildDoors(scope, parts)
  const remotes = buildRemotes(scope)
  const meshes = buildMeshes(scope, { doors, remotes, providers })
  const policies = policiesOf(scope)
  const middlewares = middlewaresOf(scope, policies, meshes)
  const pipelines = buildPipelines(scope, { networks, parts, doors, middlewares })
  const management = buildManagement(scope, networks)
  if (management !== undefined && !pipelines.has(managementName))
    pipelines.set(managementName, managementPipeline(management))

  // What no pipeline uses is checked as well: it will be used one day, and a mistake is found best on the day it is made.
  const both = { left: true, right: true }
  for (const entry of raw.all('middleware')) if (!used.middleware.has(entry)) middlewares.build(entry, both, false)
  for (const section of ['targets', 'peers'] as const)
    for (const entry of raw.all(section)) {
      const { name, value, place } = entry
      const use = { who: `${section === 'targets' ? 'target' : 'peer'} "${name}" names`, file: place.file }
      if (value.authentication !== undefined)
        lookUp(scope, 'authentications', { ...use, name: value.authentication, place: entry.at('authentication') })
    }
  for (const entry of raw.all('policies')) policies.named(entry)
  for (const entry of raw.all('rules')) policies.rule(entry)

  const config: Config = {
    directory: raw.directory,
    files: raw.files,
    hash: configHash(scope.texts, scope.materials.digests),
    watch: [...raw.files.map((file) => join(raw.directory, file)), ...raw.folders, ...scope.materials.paths],
    proxy: proxy ?? nobody,
    management,
    logging: buildLogging(scope),
    providers,
    networks,
    pipelines,
    ingresses: builtOnly(doors.ingresses),
    egresses: builtOnly(doors.egresses),
    meshes,
    remoteIngresses: remotes,
  }
  return { config, used, policies }
}

/** Stands in for a [proxy] that is not there: its finding keeps the configuration from being used. */
const nobody: Proxy = {
  identity: '',
  jwksCacheHours: 24,
  limits: { maxBodySize: undefined, maxCollected: 0, maxHeadBytes: 0, maxFields: 0, maxTargetBytes: 0 },
  requiredEnvVars: [],
  sensitiveFieldPatterns: [],
  primaryProvider: 'local',
  trustedProxies: [],
  place: { file: '', path: [] },
}

/** Endpoints and backends, each table built once, whoever names it. */
function partsOf(scope: Scope, used: Used): Parts {
  const endpoints = new Map<Entry<Tables['endpoints']>, Endpoint | undefined>()
  for (const entry of scope.raw.all('endpoints'))
    endpoints.set(entry, buildEndpoint(scope, entry, used.endpoints.has(entry)))
  const backends = new Map<Entry<Tables['backends']>, Backend | undefined>()
  for (const entry of scope.raw.all('backends'))
    backends.set(entry, buildBackend(scope, entry, used.backends.has(entry)))

  const find = <S extends 'endpoints' | 'backends'>(section: S, name: string, pipeline: Pipeline, naming: Naming) => {
    const { file } = pipeline.place
    return naming === undefined
      ? scope.raw.find(section, name, file)
      : lookUp(scope, section, { name, file, ...naming })
  }
  return {
    endpoint(name, pipeline, naming) {
      const entry = find('endpoints', name, pipeline, naming)
      return entry && endpoints.get(entry)
    },
    backend(name, pipeline, naming) {
      const entry = find('backends', name, pipeline, naming)
      return entry && backends.get(entry)
    },
  }
}

function usedBy({ raw }: Scope): Used {
  const used = {
    endpoints: new Set<Entry<Tables['endpoints']>>(),
    backends: new Set<Entry<Tables['backends']>>(),
    middleware: new Set<Entry<Tables['middleware']>>(),
  }
  for (const { value, place } of raw.all('pipelines')) {
    const { ingress, egress } = value.mesh
    const { middleware } = value
    for (const name of [...value.endpoints, ...Object.values(ingress).map(({ endpoint }) => endpoint)])
      add(used.endpoints, name && raw.find('endpoints', name, place.file))
    for (const name of [...value.backends, ...Object.values(egress).map(({ backend }) => backend)])
      add(used.backends, name && raw.find('backends', name, place.file))
    for (const name of 'left' in middleware ? [...middleware.left, ...middleware.right] : middleware)
      add(used.middleware, raw.find('middleware', name, place.file))
  }
  return used
}

function add<T>(set: Set<T>, item: T | '' | undefined): void {
  if (item !== undefined && item !== '') set.add(item)
}

function builtOnly<T>(doors: ReadonlyMap<string, { readonly built: T | undefined }>): ReadonlyMap<string, T> {
  const built = new Map<string, T>()
  for (const [name, door] of doors) if (door.built !== undefined) built.set(name, door.built)
  return built
}
