// Configurations as values, without files: what is left out has its default, and names that nothing defines throw.
import type { Middleware } from '../../core/config/middleware.ts'
import type {
  Backend,
  Config,
  Egress,
  EgressMember,
  Endpoint,
  Ingress,
  IngressMember,
  Mesh,
  MeshKey,
  Network,
  Pipeline,
  Provider,
  Proxy,
  RemoteIngress,
  UpstreamSpec,
  UrlPattern,
} from '../../core/config/model.ts'
import type { Place } from '../../core/finding/finding.ts'
import { parseReference } from '../../core/reference/parse.ts'
import { defaultPort, parseUrlPattern } from '../../core/route/url.ts'
import { defaultSecret, secretKey } from './keys.ts'
import type { KeyPair } from './keys.ts'

type Named<T> = Readonly<Record<string, T>>

export type EndpointParts = Partial<Omit<Endpoint, 'name'>>
/** A URL is an `http` backend that leads there. */
export type BackendParts =
  | string
  | (Partial<Omit<Backend, 'name' | 'upstream'>> & { readonly url?: string | undefined })
export type IngressParts = Partial<Omit<Ingress, 'name' | 'pipeline' | 'urls' | 'endpoint'>> & {
  readonly urls: readonly string[]
  /** By name; the first of the pipeline. */
  readonly endpoint?: string | undefined
}
export type EgressParts = Partial<Omit<Egress, 'name' | 'pipeline' | 'backend'>> & {
  /** By name; the first of the pipeline. */
  readonly backend?: string | undefined
}

export type PipelineParts = {
  /** Names; all. */
  readonly networks?: readonly string[] | undefined
  /** Names of `endpoints` and of `backends`, in order. */
  readonly endpoints?: readonly string[] | undefined
  readonly backends?: readonly string[] | undefined
  readonly ingresses?: Named<IngressParts> | undefined
  readonly egresses?: Named<EgressParts> | undefined
  readonly left?: readonly Middleware[] | undefined
  readonly right?: readonly Middleware[] | undefined
  readonly description?: string | undefined
}

export type MeshParts = Partial<Omit<Mesh, 'name' | 'ingress' | 'egress' | 'signing' | 'verification'>> & {
  /** HS256: signs and verifies; one is made when no key is given. */
  readonly secret?: string | undefined
  /** RS256: a key pair that signs and verifies. */
  readonly rsa?: KeyPair | undefined
  /** In place of what `secret` and `rsa` say. */
  readonly signing?: MeshKey | 'none' | undefined
  readonly verification?: readonly MeshKey[] | undefined
  /** Names of ingresses and of the catalogue; references. */
  readonly ingress?: readonly string[] | undefined
  readonly egress?: readonly string[] | undefined
}

export type ConfigParts = {
  readonly proxy?: Partial<Proxy> | undefined
  readonly networks?: Named<Partial<Network>> | undefined
  readonly providers?: Named<Partial<Provider>> | undefined
  readonly endpoints?: Named<EndpointParts> | undefined
  readonly backends?: Named<BackendParts> | undefined
  readonly pipelines?: Named<PipelineParts> | undefined
  readonly meshes?: Named<MeshParts> | undefined
  /** `[remote_ingress.<name>]`: their URLs. */
  readonly remotes?: Named<readonly string[]> | undefined
}

/** A configuration with one network `public`, unless others are given. */
export function configWith(parts: ConfigParts = {}): Config {
  const networks = mapOf(parts.networks ?? { public: {} }, (name, value) => networkWith(name, value))
  const endpoints = mapOf(parts.endpoints ?? {}, (name, value): Endpoint => {
    return { name, service: 'http', pathPrefix: undefined, methods: undefined, place: at('endpoints', name), ...value }
  })
  const backends = mapOf(parts.backends ?? {}, backendWith)
  const pipelines = mapOf(parts.pipelines ?? {}, (name, value): Pipeline => {
    const own = (value.endpoints ?? []).map((of) => named(endpoints, 'endpoint', of))
    const reached = (value.backends ?? []).map((of) => named(backends, 'backend', of))
    return {
      name,
      description: value.description,
      networks: (value.networks ?? [...networks.keys()]).map((of) => named(networks, 'network', of)),
      endpoints: own,
      backends: reached,
      left: value.left ?? [],
      right: value.right ?? [],
      ingresses: [
        ...mapOf(value.ingresses ?? {}, (of, parts) => ingressWith(of, parts, name, own, endpoints)).values(),
      ],
      egresses: [
        ...mapOf(value.egresses ?? {}, (of, parts) => egressWith(of, parts, name, reached, backends)).values(),
      ],
      place: at('pipelines', name),
    }
  })
  const ingresses = byName([...pipelines.values()].flatMap((pipeline) => pipeline.ingresses))
  const egresses = byName([...pipelines.values()].flatMap((pipeline) => pipeline.egresses))
  const remoteIngresses = mapOf(parts.remotes ?? {}, (name, urls): RemoteIngress => {
    return { name, urls: urls.map(urlPattern), place: at('remote_ingress', name) }
  })
  const meshes = mapOf(parts.meshes ?? {}, (name, value) =>
    meshWith(name, value, { ingresses, egresses, remoteIngresses }),
  )
  return {
    directory: '/etc/harmony',
    files: ['config.toml'],
    hash: 'test',
    watch: [],
    proxy: proxyWith(parts.proxy),
    management: undefined,
    logging: { level: 'info', file: undefined, logPaths: false },
    providers: mapOf({ local: {}, ...parts.providers }, providerWith),
    networks,
    pipelines,
    ingresses,
    egresses,
    meshes,
    remoteIngresses,
  }
}

/** Reads a URL of an ingress or a destination. */
export function urlPattern(text: string): UrlPattern {
  const pattern = parseUrlPattern(text)
  if ('problem' in pattern) throw new Error(`${text} ${pattern.problem}`)
  return pattern
}

export function proxyWith(parts: Partial<Proxy> = {}): Proxy {
  return {
    identity: 'gateway-a',
    jwksCacheHours: 24,
    limits: { maxBodySize: undefined, maxCollected: 10_485_760, ...headLimits },
    requiredEnvVars: [],
    sensitiveFieldPatterns: [],
    primaryProvider: 'local',
    trustedProxies: [],
    place: at('proxy'),
    ...parts,
  }
}

export function networkWith(name = 'public', parts: Partial<Network> = {}): Network {
  const limits = {
    ...headLimits,
    maxConnections: undefined,
    maxConnectionsPerAddress: undefined,
    maxStreams: undefined,
  }
  return { name, tcp: undefined, http3: undefined, limits, place: at('network', name), ...parts }
}

const headLimits = { maxHeadBytes: 65_536, maxFields: 200, maxTargetBytes: 16_384 }

/** Where a backend leads. */
export function upstreamTo(text: string, parts: Partial<UpstreamSpec> = {}): UpstreamSpec {
  const { scheme, host, port = defaultPort(scheme), path } = urlPattern(text)
  return {
    origin: `${scheme}://${host}:${port}`,
    scheme,
    host,
    port,
    authority: port === defaultPort(scheme) ? host : `${host}:${port}`,
    basePath: path === '/' ? '' : path,
    http3: false,
    fallback: true,
    ca: undefined,
    clientCertificate: undefined,
    connectSecs: 10,
    timeoutSecs: 30,
    idleSecs: 60,
    maxRetries: 3,
    ...parts,
  }
}

// --- parts ---

type World = Pick<Config, 'ingresses' | 'egresses' | 'remoteIngresses'>

function meshWith(name: string, parts: MeshParts, world: World): Mesh {
  const { secret = defaultSecret, rsa, signing, verification, ingress = [], egress = [], ...rest } = parts
  const own = rsa === undefined ? secretKey(secret) : rsa.signing
  return {
    name,
    id: name,
    type: 'http',
    provider: 'local',
    algorithm: rsa === undefined ? 'HS256' : 'RS256',
    signing: signing === 'none' ? undefined : (signing ?? own),
    verification: verification ?? [rsa === undefined ? own : rsa.verification],
    leewaySecs: 30,
    verifyAudience: true,
    jwksUrl: undefined,
    ingress: ingress.map((text, index) => ingressMember(text, world, at('mesh', name, 'ingress', index))),
    egress: egress.map((text, index) => egressMember(text, world, at('mesh', name, 'egress', index))),
    enabled: true,
    description: undefined,
    place: at('mesh', name),
    ...rest,
  }
}

function ingressMember(text: string, { ingresses, remoteIngresses }: World, place: Place): IngressMember {
  const reference = referenceTo(text)
  if (reference.kind !== 'local') return { kind: 'reference', reference, place }
  const ingress = ingresses.get(reference.name)
  if (ingress !== undefined) return { kind: 'ingress', ingress, place }
  return { kind: 'catalogue', remote: named(remoteIngresses, 'ingress', reference.name), place }
}

function egressMember(text: string, { egresses, remoteIngresses }: World, place: Place): EgressMember {
  const reference = referenceTo(text)
  if (reference.kind !== 'local' || remoteIngresses.has(reference.name)) return { kind: 'reference', reference, place }
  return { kind: 'egress', egress: named(egresses, 'egress', reference.name), place }
}

function referenceTo(text: string) {
  const reference = parseReference(text)
  if ('problem' in reference) throw new Error(`${text} ${reference.problem}`)
  return reference
}

function ingressWith(
  name: string,
  { endpoint, urls, ...rest }: IngressParts,
  pipeline: string,
  own: readonly Endpoint[],
  all: ReadonlyMap<string, Endpoint>,
): Ingress {
  const bound = endpoint === undefined ? own[0] : named(all, 'endpoint', endpoint)
  return {
    name,
    pipeline,
    type: 'http',
    urls: urls.map(urlPattern),
    endpoint: bound ?? missing('endpoint', `of pipeline ${pipeline}`),
    mode: 'default',
    enforce: 'endpoint',
    enabled: true,
    description: undefined,
    place: at('pipelines', pipeline, 'mesh', 'ingress', name),
    ...rest,
  }
}

function egressWith(
  name: string,
  { backend, ...rest }: EgressParts,
  pipeline: string,
  own: readonly Backend[],
  all: ReadonlyMap<string, Backend>,
): Egress {
  const chosen = backend === undefined ? own[0] : named(all, 'backend', backend)
  return {
    name,
    pipeline,
    type: 'http',
    backend: chosen ?? missing('backend', `of pipeline ${pipeline}`),
    mode: 'default',
    enabled: true,
    description: undefined,
    place: at('pipelines', pipeline, 'mesh', 'egress', name),
    ...rest,
  }
}

function backendWith(name: string, parts: BackendParts): Backend {
  const { url, ...rest } = typeof parts === 'string' ? { url: parts } : parts
  return {
    name,
    service: url === undefined ? 'echo' : 'http',
    enabled: true,
    upstream: url === undefined ? undefined : upstreamTo(url),
    method: undefined,
    headers: [],
    credentials: undefined,
    place: at('backends', name),
    ...rest,
  }
}

function providerWith(name: string, parts: Partial<Provider>): Provider {
  const local = name === 'local'
  return {
    name,
    kind: local ? 'local' : 'runbeam',
    api: local ? undefined : 'https://provider.example/api',
    pollIntervalSecs: 30,
    enabled: true,
    place: local ? undefined : at('provider', name),
    ...parts,
  }
}

function at(...path: (string | number)[]): Place {
  return { file: 'config.toml', path }
}

function mapOf<P, T>(parts: Named<P>, make: (name: string, parts: P) => T): Map<string, T> {
  return new Map(Object.entries(parts).map(([name, value]) => [name, make(name, value)]))
}

function byName<T extends { readonly name: string }>(values: readonly T[]): Map<string, T> {
  const map = new Map(values.map((value) => [value.name, value]))
  if (map.size < values.length) throw new Error('two have one name')
  return map
}

function named<T>(map: ReadonlyMap<string, T>, kind: string, name: string): T {
  return map.get(name) ?? missing(kind, name)
}

function missing(kind: string, name: string): never {
  throw new Error(`there is no ${kind} ${name}`)
}
