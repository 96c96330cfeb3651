// The configuration as the rest of the gateway sees it: names resolved to what they name, defaults applied, key
// material read and checked. Nobody past this point checks it again.
import type { KeyObject } from 'node:crypto'
import type { Place } from '../finding/finding.ts'
import type { Reference } from '../reference/reference.ts'
import type { Secret } from '../secret.ts'
import type { Middleware } from './middleware.ts'

export type Config = {
  /** Absolute: the directory of config.toml. */
  readonly directory: string
  /** Every file that was read, relative to `directory`; and the folders to watch are in `watch`. */
  readonly files: readonly string[]
  /** Of the content of the files and of the key material, truncated: tells configurations apart, and nothing more. */
  readonly hash: string
  /** Absolute paths whose change means a new configuration: files, folders, certificates and keys. */
  readonly watch: readonly string[]
  readonly proxy: Proxy
  readonly management: Management | undefined
  readonly logging: Logging
  /** `local` is among them. */
  readonly providers: ReadonlyMap<string, Provider>
  readonly networks: ReadonlyMap<string, Network>
  /** In the order of their definition: file name, then place in the file. */
  readonly pipelines: ReadonlyMap<string, Pipeline>
  /** Of all pipelines, disabled ones too. */
  readonly ingresses: ReadonlyMap<string, Ingress>
  readonly egresses: ReadonlyMap<string, Egress>
  /** Disabled ones too. */
  readonly meshes: ReadonlyMap<string, Mesh>
  readonly remoteIngresses: ReadonlyMap<string, RemoteIngress>
}

export type Proxy = {
  /** `id`, else `name`: the `sub` of tokens. */
  readonly identity: string
  readonly jwksCacheHours: number
  readonly limits: ContentLimits
  readonly requiredEnvVars: readonly string[]
  readonly sensitiveFieldPatterns: readonly string[]
  readonly primaryProvider: string
  /** CIDR; addresses whose `Forwarded` and `X-Forwarded-*` are believed. */
  readonly trustedProxies: readonly string[]
  readonly place: Place
}

/** Decisions 5 and 19. Bytes and counts. */
export type ContentLimits = {
  /** Set explicitly: larger request bodies get 413, streamed ones too. Unset: no limit on what is streamed. */
  readonly maxBodySize: number | undefined
  /** Bound of bodies held in memory: `maxBodySize`, else 10 MiB. */
  readonly maxCollected: number
  readonly maxHeadBytes: number
  readonly maxFields: number
  readonly maxTargetBytes: number
}

export type Management = {
  readonly network: Network
  /** Without slashes around it. */
  readonly basePath: string
  readonly token: Secret | undefined
  readonly place: Place
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

export type Logging = {
  readonly level: LogLevel
  /** Absolute. */
  readonly file: string | undefined
  readonly logPaths: boolean
}

export type Provider = {
  readonly name: string
  readonly kind: 'local' | 'runbeam'
  readonly api: string | undefined
  readonly pollIntervalSecs: number
  readonly enabled: boolean
  readonly place: Place | undefined
}

export type Network = {
  readonly name: string
  readonly tcp: TcpBind | undefined
  readonly http3: QuicBind | undefined
  /** Overrides of `proxy.limits` for this network. */
  readonly limits: NetworkLimits
  readonly place: Place
}

export type TcpBind = {
  readonly address: string
  readonly port: number
  readonly tls: Identity | undefined
  readonly forceHttps: boolean
  readonly place: Place
}

export type QuicBind = {
  readonly address: string
  readonly port: number
  readonly tls: Identity
  readonly place: Place
}

export type NetworkLimits = {
  readonly maxHeadBytes: number
  readonly maxFields: number
  readonly maxTargetBytes: number
  /** Those of quic/'s `ListenerLimits`, where given. */
  readonly maxConnections: number | undefined
  readonly maxConnectionsPerAddress: number | undefined
  readonly maxStreams: number | undefined
}

/** A certificate chain and its key, read and checked to belong together. */
export type Identity = {
  readonly certificate: Buffer
  readonly key: Secret<Buffer>
  /** Absolute. */
  readonly certificatePath: string
  readonly keyPath: string
  readonly place: Place
}

export type Pipeline = {
  readonly name: string
  readonly description: string | undefined
  readonly networks: readonly Network[]
  readonly endpoints: readonly Endpoint[]
  /** The first is the default; may be empty. */
  readonly backends: readonly Backend[]
  /** As they run: the left chain on requests, the right chain on responses. */
  readonly left: readonly Middleware[]
  readonly right: readonly Middleware[]
  readonly ingresses: readonly Ingress[]
  readonly egresses: readonly Egress[]
  readonly place: Place
}

export type EndpointService = 'http' | 'http3' | 'fhir' | 'dicomweb' | 'echo' | 'management'

export type Endpoint = {
  readonly name: string
  readonly service: EndpointService
  /** Starts with `/`, does not end with one, unless it is `/`. None: bound through ingress URLs alone. */
  readonly pathPrefix: string | undefined
  /** Upper case; none: all. */
  readonly methods: readonly string[] | undefined
  readonly place: Place
}

export type BackendService = 'http' | 'http3' | 'fhir' | 'dicomweb' | 'echo' | 'management'

export type Backend = {
  readonly name: string
  readonly service: BackendService
  /** False: its target is disabled; requests get 503. */
  readonly enabled: boolean
  /** Where it leads; none for `echo` and `management`. */
  readonly upstream: UpstreamSpec | undefined
  /** `options.method`: replaces the request's. */
  readonly method: string | undefined
  /** `options.headers`: set on every request. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly credentials: Credentials | undefined
  readonly place: Place
}

export type UpstreamSpec = {
  /** `https://host:port`: lower case, the port always there. */
  readonly origin: string
  readonly scheme: 'http' | 'https'
  /** IPv6 in brackets. */
  readonly host: string
  readonly port: number
  /** What `Host` says: without the scheme's default port. */
  readonly authority: string
  /** base_path and path_prefix together: empty, or starts with `/` and does not end with one. */
  readonly basePath: string
  /** `protocol = "h3"` or service `http3`: HTTP/3 is preferred. */
  readonly http3: boolean
  /** False: HTTP/3 or 502. */
  readonly fallback: boolean
  /** PEM; none: the system's authorities. */
  readonly ca: Buffer | undefined
  readonly clientCertificate: Identity | undefined
  readonly connectSecs: number
  /** From the request sent to the head of the response. */
  readonly timeoutSecs: number
  /** A body that does not move. */
  readonly idleSecs: number
  readonly maxRetries: number
}

export type Credentials =
  | { readonly kind: 'bearer'; readonly token: Secret }
  | { readonly kind: 'basic'; readonly username: string; readonly password: Secret }

export type Transport = 'http' | 'http3'
export type Mode = 'default' | 'mesh'

export type Ingress = {
  readonly name: string
  /** The name of the pipeline. */
  readonly pipeline: string
  readonly type: Transport
  readonly urls: readonly UrlPattern[]
  readonly endpoint: Endpoint
  readonly mode: Mode
  /** Decision 3. */
  readonly enforce: 'endpoint' | 'url'
  readonly enabled: boolean
  readonly description: string | undefined
  readonly place: Place
}

/** A URL of an ingress or of a destination. */
export type UrlPattern = {
  /** As written. */
  readonly text: string
  readonly scheme: 'http' | 'https'
  /** Lower case, IPv6 in brackets, no dot at the end. */
  readonly host: string
  /** None: any port (ingress), or the scheme's default (destination). */
  readonly port: number | undefined
  /** Starts with `/`, does not end with one, unless it is `/`. */
  readonly path: string
}

export type Egress = {
  readonly name: string
  readonly pipeline: string
  readonly type: Transport
  readonly backend: Backend
  readonly mode: Mode
  readonly enabled: boolean
  readonly description: string | undefined
  readonly place: Place
}

export type RemoteIngress = { readonly name: string; readonly urls: readonly UrlPattern[]; readonly place: Place }

export type Mesh = {
  readonly name: string
  /** The `mesh_id` claim: `id`, else the name. */
  readonly id: string
  readonly type: Transport
  /** The name of its provider. */
  readonly provider: string
  /** Of a local mesh, pinned: RS256 when an RSA key is configured, else HS256. */
  readonly algorithm: 'HS256' | 'RS256'
  /** None: this gateway cannot sign for the mesh. */
  readonly signing: MeshKey | undefined
  /** The current key first, then those of a rotation under way. Empty: this gateway cannot verify for the mesh. */
  readonly verification: readonly MeshKey[]
  readonly leewaySecs: number
  readonly verifyAudience: boolean
  readonly jwksUrl: string | undefined
  readonly ingress: readonly IngressMember[]
  readonly egress: readonly EgressMember[]
  readonly enabled: boolean
  readonly description: string | undefined
  readonly place: Place
}

/** Decision 12: the thumbprint of a public key, or a truncated hash of a secret under a fixed label. */
export type MeshKey = { readonly kid: string; readonly key: KeyObject }

export type IngressMember =
  | { readonly kind: 'ingress'; readonly ingress: Ingress; readonly place: Place }
  | { readonly kind: 'catalogue'; readonly remote: RemoteIngress; readonly place: Place }
  | { readonly kind: 'reference'; readonly reference: Reference; readonly place: Place }

export type EgressMember =
  | { readonly kind: 'egress'; readonly egress: Egress; readonly place: Place }
  /** An ingress reference in an egress list denotes a remote destination (C62). */
  | { readonly kind: 'reference'; readonly reference: Reference; readonly place: Place }
