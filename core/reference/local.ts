// Answers a reference from the configuration (`harmony resolve`): what it names, which meshes list it, and the steps
// that led there. A name without a type is looked up as the gateway does it: what meshes may list comes first.
import type { Config, Ingress, Mesh, Pipeline, Provider } from '../config/model.ts'
import type { Place } from '../finding/finding.ts'
import { closest } from '../finding/typo.ts'
import { quoted } from '../finding/words.ts'
import { formatReference, parseReference } from './parse.ts'
import type { Reference, ResourceType } from './reference.ts'

/** A resource of this configuration; the same fields as a provider's, where they mean something. */
export type LocalResource = {
  readonly type: ResourceType | 'remote_ingress'
  readonly id: string | undefined
  readonly name: string
  readonly team: undefined
  readonly enabled: boolean
  readonly urls: readonly string[]
  /** `http` or `http3`; the service of endpoints and backends. */
  readonly protocol: string | undefined
  readonly mode: string | undefined
  readonly pipeline: string | undefined
  readonly endpoint: string | undefined
  readonly backend: string | undefined
  readonly description: string | undefined
  /** This gateway. */
  readonly gateway: string
  /** Enabled ones; those that are not stand in the steps. */
  readonly meshes: readonly string[]
  readonly provider: string
  readonly source: 'config'
  /** Where it is defined. */
  readonly defined: string
}

export type ResolveCode =
  | 'reference/malformed'
  | 'reference/not-found'
  | 'reference/disabled'
  | 'reference/unknown-provider'
  | 'reference/provider-disabled'
  | 'reference/inactive'
  | 'reference/unsupported'

export type Resolved = { readonly steps: readonly string[] } & (
  | { readonly ok: true; readonly resource: LocalResource }
  | { readonly ok: false; readonly code: ResolveCode; readonly message: string; readonly help: string | undefined }
)

/**
 * Resolves a reference without asking any provider.
 *
 * @param where writes out a place, such as `pipelines/a.toml:8:1`; the file alone when it is left out
 */
export function resolveLocal(config: Config, text: string, where: (place: Place) => string = fileOf): Resolved {
  const steps: string[] = []
  const refuse = (code: ResolveCode, message: string, help?: string): Resolved => {
    return { ok: false, steps, code, message, help }
  }
  const reference = read(config, text, steps)
  if ('problem' in reference) return refuse('reference/malformed', `${quoted(text)} ${reference.problem}`)
  if (reference.kind !== 'local') {
    const [code, message, help] = elsewhere(config, reference, steps)
    return refuse(code, message, help)
  }
  const { name } = reference
  steps.push(`provider local: ${name} is looked up in the configuration`)
  const [found, ...others] = candidates(config, name)
  if (found === undefined) {
    const guess = closest(name, known(config))
    const help = guess === undefined ? undefined : `did you mean ${quoted(guess)}?`
    return refuse('reference/not-found', `the configuration has no resource ${quoted(name)}`, help)
  }
  const defined = where(found.place)
  steps.push(`found ${found.type} ${name}, defined at ${defined}`)
  for (const { type, place } of others) steps.push(`not taken: ${type} ${name}, defined at ${where(place)}`)
  const listing = [...config.meshes.values()].filter((mesh) => lists(mesh, found))
  for (const { enabled, place, name: mesh } of listing)
    steps.push(`listed by mesh ${mesh}${enabled ? '' : ', which is disabled'} (${where(place)})`)
  if (listing.length === 0 && listable.has(found.type)) steps.push('no mesh lists it')
  if (!found.enabled) {
    return refuse('reference/disabled', `${found.type} ${quoted(name)} is disabled`, `enable it at ${defined}`)
  }
  const { place: _, ...facts } = found
  const meshes = listing.filter((mesh) => mesh.enabled).map((mesh) => mesh.name)
  const gateway = config.proxy.identity
  return { ok: true, steps, resource: { ...facts, gateway, meshes, provider: 'local', source: 'config', defined } }
}

type Candidate = Omit<LocalResource, 'gateway' | 'meshes' | 'provider' | 'source' | 'defined'> & {
  readonly place: Place
}

const listable: ReadonlySet<string> = new Set(['ingress', 'egress', 'remote_ingress'])

function read(config: Config, text: string, steps: string[]): Reference | { readonly problem: string } {
  // C08: a name with dots is no reference, and still the name of something
  if (text.includes('.') && (config.ingresses.has(text) || config.egresses.has(text))) {
    steps.push(`${quoted(text)} is the name of a resource of this configuration`)
    return { text, kind: 'local', name: text }
  }
  const reference = parseReference(text)
  if (!('problem' in reference)) steps.push(`read as ${parts(reference)}`)
  return reference
}

/** What must be asked elsewhere, and why it is not. */
function elsewhere(
  { providers, proxy }: Config,
  reference: Exclude<Reference, { kind: 'local' }>,
  steps: string[],
): readonly [code: ResolveCode, message: string, help?: string] {
  const name = reference.provider
  const provider = providers.get(name)
  if (provider === undefined) {
    const guess = closest(name, providers.keys())
    const help = guess === undefined ? `define it as [provider.${name}]` : `did you mean ${quoted(guess)}?`
    return ['reference/unknown-provider', `the configuration has no provider ${quoted(name)}`, help]
  }
  steps.push(`provider ${name}: ${describe(provider)}`)
  if (!provider.enabled) return ['reference/provider-disabled', `provider ${quoted(name)} is disabled`]
  if (proxy.primaryProvider === 'local') {
    const message = `provider ${quoted(name)} is not asked, because proxy.primary_provider is "local"`
    return ['reference/inactive', message, `set proxy.primary_provider to ${quoted(name)}`]
  }
  return ['reference/unsupported', `references of provider ${quoted(name)} are not supported by this version`]
}

// --- candidates ---

/** Everything of this name, in the order of the lookup. */
function candidates(config: Config, name: string): Candidate[] {
  const { ingresses, egresses, remoteIngresses, meshes, pipelines } = config
  const found: Candidate[] = []
  const add = (candidate: Partial<Candidate> & Pick<Candidate, 'type' | 'place'>): void => {
    found.push({ ...nothing, name, ...candidate })
  }
  const ingress = ingresses.get(name)
  if (ingress !== undefined) add({ type: 'ingress', ...ingressFacts(ingress) })
  const remote = remoteIngresses.get(name)
  if (remote !== undefined)
    add({ type: 'remote_ingress', urls: remote.urls.map(({ text }) => text), place: remote.place })
  const egress = egresses.get(name)
  if (egress !== undefined) {
    const { enabled, type: protocol, mode, pipeline, backend, description, place } = egress
    add({ type: 'egress', enabled, protocol, mode, pipeline, backend: backend.name, description, place })
  }
  const mesh = meshes.get(name)
  if (mesh !== undefined) {
    const { id, enabled, type: protocol, description, place } = mesh
    add({ type: 'mesh', id, enabled, protocol, description, place })
  }
  const pipeline = pipelines.get(name)
  if (pipeline !== undefined) add({ type: 'pipeline', description: pipeline.description, place: pipeline.place })
  for (const of of pipelines.values()) for (const part of partsOf(of, name)) add({ ...part, pipeline: of.name })
  return found
}

const nothing = {
  id: undefined,
  team: undefined,
  enabled: true,
  urls: [],
  protocol: undefined,
  mode: undefined,
  pipeline: undefined,
  endpoint: undefined,
  backend: undefined,
  description: undefined,
} as const

function ingressFacts({ enabled, urls, type, mode, pipeline, endpoint, description, place }: Ingress) {
  const texts = urls.map(({ text }) => text)
  return { enabled, urls: texts, protocol: type, mode, pipeline, endpoint: endpoint.name, description, place }
}

function partsOf(
  { endpoints, backends }: Pipeline,
  name: string,
): (Partial<Candidate> & Pick<Candidate, 'type' | 'place'>)[] {
  const own = endpoints.filter((endpoint) => endpoint.name === name)
  const reached = backends.filter((backend) => backend.name === name)
  return [
    ...own.map(({ service, place }) => ({ type: 'endpoint' as const, protocol: service, place })),
    ...reached.map(({ service, enabled, upstream, place }) => {
      const urls = upstream === undefined ? [] : [`${upstream.origin}${upstream.basePath}`]
      return { type: 'backend' as const, protocol: service, enabled, urls, place }
    }),
  ]
}

/** Every name that could have been meant. */
function known({ ingresses, egresses, remoteIngresses, meshes, pipelines }: Config): Set<string> {
  return new Set([
    ...ingresses.keys(),
    ...egresses.keys(),
    ...remoteIngresses.keys(),
    ...meshes.keys(),
    ...pipelines.keys(),
    ...[...pipelines.values()].flatMap(({ endpoints, backends }) =>
      [...endpoints, ...backends].map(({ name }) => name),
    ),
  ])
}

function lists(mesh: Mesh, { type, name }: Candidate): boolean {
  return [...mesh.ingress, ...mesh.egress].some((member) => {
    if (member.kind === 'ingress') return type === 'ingress' && member.ingress.name === name
    if (member.kind === 'egress') return type === 'egress' && member.egress.name === name
    if (member.kind === 'catalogue') return type === 'remote_ingress' && member.remote.name === name
    return type === 'remote_ingress' && member.reference.kind === 'local' && member.reference.name === name
  })
}

// --- words ---

function parts(reference: Reference): string {
  if (reference.kind === 'local') return `provider local, name ${reference.name}`
  const team = reference.team === undefined ? '' : `, team ${reference.team}`
  const rest =
    reference.kind === 'id' ? `id ${reference.id}` : `type ${reference.type}, ${reference.by} ${reference.value}`
  return `provider ${reference.provider}${team}, ${rest} (${formatReference(reference)})`
}

function describe({ kind, api, enabled }: Provider): string {
  return `kind ${kind}${api === undefined ? '' : ` at ${api}`}${enabled ? '' : ', disabled'}`
}

function fileOf({ file }: Place): string {
  return file
}
