// Values for tests of services: parts of a configuration, and exchanges that no engine made.
import type {
  Backend,
  BackendService,
  Config,
  Endpoint,
  Network,
  Pipeline,
  UpstreamSpec,
} from '../../core/config/model.ts'
import type { Log } from '../../core/log/log.ts'
import type { Exchange } from '../../core/pipeline/exchange.ts'
import { Budget } from '../../core/pipeline/retry.ts'
import type { Opened, Reach } from '../../core/pipeline/service.ts'
import type { Field, ResponseHead } from '../../quic/index.ts'

const place = { file: 'config.toml', path: [] }

export const silent: Log = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, child: () => silent }

export function network(name = 'public'): Network {
  const limits = {
    maxHeadBytes: 65_536,
    maxFields: 200,
    maxTargetBytes: 16_384,
    maxConnections: undefined,
    maxConnectionsPerAddress: undefined,
    maxStreams: undefined,
  }
  return { name, tcp: undefined, http3: undefined, limits, place }
}

export function spec(origin = 'https://upstream.test:443', more: Partial<UpstreamSpec> = {}): UpstreamSpec {
  const url = new URL(origin)
  return {
    origin,
    scheme: url.protocol === 'http:' ? 'http' : 'https',
    host: url.hostname,
    port: Number(/:(\d+)$/.exec(origin)?.[1]),
    authority: url.host,
    basePath: '',
    http3: false,
    fallback: true,
    ca: undefined,
    clientCertificate: undefined,
    connectSecs: 10,
    timeoutSecs: 30,
    idleSecs: 60,
    maxRetries: 3,
    ...more,
  }
}

export function backend(service: BackendService = 'http', more: Partial<Backend> = {}): Backend {
  return {
    name: `${service}-backend`,
    service,
    enabled: true,
    upstream: service === 'echo' || service === 'management' ? undefined : spec(),
    method: undefined,
    headers: [],
    credentials: undefined,
    place,
    ...more,
  }
}

export function endpoint(service: Endpoint['service'] = 'http', pathPrefix: string | undefined = '/api'): Endpoint {
  return { name: `${service}-endpoint`, service, pathPrefix, methods: undefined, place }
}

export function pipeline(more: Partial<Pipeline> = {}): Pipeline {
  return {
    name: 'main',
    description: undefined,
    networks: [network()],
    endpoints: [endpoint()],
    backends: [],
    left: [],
    right: [],
    ingresses: [],
    egresses: [],
    place,
    ...more,
  }
}

export function config(pipelines: readonly Pipeline[], more: Partial<Config> = {}): Config {
  return {
    directory: '/etc/harmony',
    files: ['config.toml'],
    hash: '0',
    watch: [],
    proxy: {
      identity: 'gateway-a',
      jwksCacheHours: 24,
      limits: {
        maxBodySize: undefined,
        maxCollected: 1_000,
        maxHeadBytes: 65_536,
        maxFields: 200,
        maxTargetBytes: 16_384,
      },
      requiredEnvVars: [],
      sensitiveFieldPatterns: [],
      primaryProvider: 'local',
      trustedProxies: [],
      place,
    },
    management: undefined,
    logging: { level: 'info', file: undefined, logPaths: false },
    providers: new Map(),
    networks: new Map(pipelines.flatMap(({ networks }) => networks.map((one) => [one.name, one] as const))),
    pipelines: new Map(pipelines.map((one) => [one.name, one])),
    ingresses: new Map(),
    egresses: new Map(),
    meshes: new Map(),
    remoteIngresses: new Map(),
    ...more,
  }
}

export type Given = Partial<Omit<Exchange, 'head'>> & {
  method?: string
  target?: string
  authority?: string
  scheme?: string
  headers?: readonly Field[]
  mayHaveBody?: boolean
}

/** An exchange as the router would make it of a target and a prefix. */
export function exchange(given: Given = {}): Exchange {
  const { method = 'GET', target = '/api', authority = 'gateway.test', scheme = 'http', headers = [], ...more } = given
  const prefix = given.prefix ?? '/api'
  const [whole = '', ...rest] = target.split('?')
  const behind = prefix === '/' ? whole : whole.slice(prefix.length)
  return {
    id: 'request-1',
    // what services read of a head
    head: {
      method,
      target,
      authority,
      scheme,
      headers,
      mayHaveBody: given.mayHaveBody ?? false,
      header: (name: string) => headers.find(([known]) => known === name)?.[1],
      headerAll: (name: string) => headers.filter(([known]) => known === name).map(([, value]) => value),
    } as unknown as Exchange['head'],
    clientAddress: '192.0.2.1',
    peerAddress: '192.0.2.1',
    network: network(),
    pipeline: pipeline(),
    endpoint: endpoint(),
    ingress: undefined,
    prefix,
    path: behind.startsWith('/') ? behind.slice(1) : behind,
    query: target.includes('?') ? `?${rest.join('?')}` : '',
    mesh: undefined,
    edits: [],
    signer: undefined,
    backend: undefined,
    metadata: new Map(),
    body: undefined,
    log: silent,
    ...more,
  }
}

/** A response head of an upstream. */
export function response(status: number, headers: readonly Field[] = [], contentLength?: number): ResponseHead {
  // what services read of it
  return {
    status,
    headers,
    contentLength,
    header: (name: string) => headers.find(([known]) => known === name)?.[1],
  } as unknown as ResponseHead
}

/** Upstreams that were opened, with how; nothing is behind them. */
export function opener() {
  const calls: { spec: UpstreamSpec; preferHttp3: boolean; opened: Opened }[] = []
  const open = (spec: UpstreamSpec, preferHttp3: boolean): Opened => {
    // nothing is sent to it
    const upstream = { id: calls.length + 1, origin: spec.origin, close() {} } as unknown as Opened['upstream']
    const opened = { upstream, budget: new Budget(0) }
    calls.push({ spec, preferHttp3, opened })
    return opened
  }
  return { open, calls }
}

/** The reach, when it forwards. */
export function forwarded(reach: Reach): Extract<Reach, { kind: 'forward' }> {
  if (reach.kind !== 'forward') throw new Error(`it is ${reach.kind}: ${JSON.stringify(reach)}`)
  return reach
}

export function responded(reach: Reach): Extract<Reach, { kind: 'respond' }> {
  if (reach.kind !== 'respond') throw new Error(`it is ${reach.kind}: ${JSON.stringify(reach)}`)
  return reach
}

/** The code of the refusal. */
export function refused(reach: Reach): string {
  if (reach.kind !== 'refuse') throw new Error(`it is ${reach.kind}`)
  return reach.refusal.code
}
