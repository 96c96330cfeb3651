// Values for tests of services: parts of a configuration, and exchanges that no engine made.
import type { Backend, BackendService, Config, Endpoint, Pipeline, UpstreamSpec } from '../../core/config/model.ts'
import type { Exchange } from '../../core/pipeline/exchange.ts'
import { Budget } from '../../core/pipeline/retry.ts'
import type { Opened, Reach } from '../../core/pipeline/service.ts'
import type { Field } from '../../quic/index.ts'
import { configWith, networkWith, proxyWith, upstreamTo } from '../support/config.ts'
import { fakeExchange } from '../support/exchange.ts'

const place = { file: 'config.toml', path: [] }

export function spec(origin = 'https://upstream.test:443', more: Partial<UpstreamSpec> = {}): UpstreamSpec {
  return upstreamTo(origin, more)
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
    networks: [networkWith()],
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
  const { limits } = proxyWith()
  return {
    ...configWith({ proxy: { limits: { ...limits, maxCollected: 1_000 } } }),
    networks: new Map(pipelines.flatMap(({ networks }) => networks.map((one) => [one.name, one] as const))),
    pipelines: new Map(pipelines.map((one) => [one.name, one])),
    ...more,
  }
}

export type Given = Partial<Omit<Exchange, 'head'>> & {
  method?: string
  target?: string
  authority?: string
  scheme?: 'http' | 'https'
  headers?: readonly Field[]
  mayHaveBody?: boolean
}

/** An exchange as the router would make it of a target and a prefix. */
export function exchange(given: Given = {}): Exchange {
  const { method, target = '/api', authority, scheme = 'http', headers, mayHaveBody = false, ...more } = given
  const prefix = given.prefix ?? '/api'
  const [whole = '', ...rest] = target.split('?')
  const behind = prefix === '/' ? whole : whole.slice(prefix.length)
  const path = behind.startsWith('/') ? behind.slice(1) : behind
  const query = target.includes('?') ? `?${rest.join('?')}` : ''
  const parts = { method, target, authority: authority ?? 'gateway.test', scheme, headers, prefix, path, query }
  return { ...fakeExchange({ ...parts, mayHaveBody }), pipeline: pipeline(), endpoint: endpoint(), ...more }
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
