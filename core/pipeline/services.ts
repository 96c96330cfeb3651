// What becomes of a request behind the left chain: backends and their services, built once for a generation.
import type { Backend, BackendService, Config, UpstreamSpec } from '../config/model.ts'
import { refuse } from '../refusal/refusal.ts'
import type { Exchange } from './exchange.ts'
import type { Opened, Reach, Service } from './service.ts'
import { echoService } from './service/echo.ts'
import { endpointAnswer, endpointDefaults } from './service/endpoint.ts'
import type { ManagementFacts } from './service/facts.ts'
import { httpService } from './service/http.ts'
import type { HttpService } from './service/http.ts'
import { managementService } from './service/management.ts'

/** What services are built with. */
export type Around = {
  readonly open: (spec: UpstreamSpec, preferHttp3: boolean) => Opened
  readonly management: ManagementFacts | undefined
}

export type Services = {
  /** The most content to gather before `reach`, in bytes; none: content flows. */
  wants(exchange: Exchange): number | undefined
  /** `viaHttp3`: an egress of type `http3` leads there. */
  reach(exchange: Exchange, viaHttp3: boolean): Reach | Promise<Reach>
}

type Build = (backend: Backend, config: Config, around: Around, viaHttp3: boolean) => Service

const builders: Readonly<Record<BackendService, Build>> = {
  http: http('http'),
  http3: http('http3'),
  fhir: http('fhir'),
  dicomweb: http('dicomweb'),
  echo: (_backend, config) => echoService(config.proxy.limits.maxCollected),
  management: (_backend, config, around) => managementService(config.management, around.management),
}

/** Builds the services of every backend that a request may reach, and opens their upstreams. */
export function buildServices(config: Config, around: Around): Services {
  const pipelines = [...config.pipelines.values()]
  const egresses = [...config.egresses.values(), ...pipelines.flatMap(({ egresses }) => egresses)]
  const viaHttp3 = new Set(egresses.filter(({ type }) => type === 'http3').map(({ backend }) => backend))
  const backends = new Set([
    ...pipelines.flatMap(({ backends }) => backends),
    ...egresses.map(({ backend }) => backend),
  ])
  const services = new Map<Backend, Service>()
  for (const backend of backends) {
    if (backend.enabled) {
      services.set(backend, builders[backend.service](backend, config, around, viaHttp3.has(backend)))
    }
  }

  const reach = (exchange: Exchange, viaHttp3: boolean): Reach | Promise<Reach> => {
    const own = endpointAnswer(exchange)
    if (own !== undefined) return own
    const { backend } = exchange
    if (backend === undefined) return nothing
    if (!backend.enabled) {
      return { kind: 'refuse', refusal: refuse('backend/disabled', `backend ${backend.name} is disabled`) }
    }
    const service = services.get(backend)
    if (service === undefined) throw new Error(`backend ${backend.name} is not of this generation`)
    const reached = service.reach(exchange, viaHttp3)
    return reached instanceof Promise
      ? reached.then((late) => endpointDefaults(exchange, late))
      : endpointDefaults(exchange, reached)
  }
  const wants = (exchange: Exchange): number | undefined =>
    exchange.backend === undefined ? undefined : services.get(exchange.backend)?.wants?.(exchange)
  return { wants, reach }
}

/** Spec 4.4: a pipeline without backends. */
const nothing: Reach = { kind: 'respond', status: 200, headers: [], body: '' }

function http(type: HttpService): Build {
  return (backend, _config, { open }, viaHttp3) => {
    const { upstream: spec } = backend
    if (spec === undefined) throw new Error(`backend ${backend.name} leads nowhere`)
    const direct = open(spec, spec.http3)
    // decision 6: there is no HTTP/3 without TLS
    const http3 = !viaHttp3 || spec.scheme === 'http' ? undefined : spec.http3 ? direct : open(spec, true)
    return httpService(backend, type, spec, { direct, http3 })
  }
}
