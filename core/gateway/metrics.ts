// What the gateway counts, as Prometheus text. Labels hold names of the configuration and words of fixed tables,
// never anything of a request, so that nobody outside can make the series grow.
import type { EngineEvent, EngineStats, ExchangeRecord, Version } from '../../quic/index.ts'
import type { TokenCode } from '../mesh/reason.ts'
import { refusals as refusalTable } from '../refusal/table.ts'
import { engineSeries, upstreamSeries } from './gauges.ts'
import { bounded, statusLabel } from './labels.ts'

/** What a record does not say of a request. */
export type RequestFacts = {
  /** The name of the pipeline; none: no route was found. */
  readonly pipeline: string | undefined
  /** Why the gateway itself answered: a code of the table of refusals. */
  readonly code: string | undefined
}

/** `accepted`: at an ingress. `attached`, `withheld`: at an egress. */
export type TokenOutcome = 'accepted' | 'attached' | 'withheld'

export type MetricsOptions = {
  readonly version: string
  /** The engine's own counts, asked for when the metrics are read. */
  readonly stats?: (() => EngineStats) | undefined
  /** Where an upstream leads, by its id. */
  readonly originOf?: ((upstream: number) => string | undefined) | undefined
}

export type Metrics = {
  /** An exchange has ended. */
  request(record: ExchangeRecord, facts: RequestFacts): void
  /** An attempt at an upstream failed, whatever became of the request. */
  upstreamFailure(backend: string, code: string): void
  /** A failed attempt was made again. */
  retry(backend: string): void
  token(mesh: string, outcome: TokenOutcome): void
  /** An ingress, or an endpoint that it guards, got no token that a mesh accepts; `reason` is a code of mesh/reason.ts. */
  untrusted(ingress: string, reason: TokenCode): void
  /** A middleware of type `policies` denied a request. */
  denial(pipeline: string): void
  reload(ok: boolean): void
  /** The generation that runs from now on. */
  generation(number: number, hash: string, loadedAtMs: number): void
  event(event: EngineEvent): void
  render(): Promise<string>
}

/** In seconds: from what a cache answers to what a timeout ends. */
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Names of one kind beyond which they are counted together; the SDK's own bound, of series, is above it. */
const maxNames = 2_000
const maxSeries = 50_000

const versions: Readonly<Record<Version, string>> = { 10: '1.0', 11: '1.1', 20: '2', 30: '3' }

/** Makes the metrics. The libraries behind them are loaded here, because only a gateway that serves needs them. */
export async function createMetrics(options: MetricsOptions): Promise<Metrics> {
  const [sdk, { PrometheusSerializer }] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-prometheus'),
  ])
  // the exporter of that package would bring an HTTP server of its own
  class Reader extends sdk.MetricReader {
    protected async onForceFlush(): Promise<void> {}
    protected async onShutdown(): Promise<void> {}
  }
  const reader = new Reader({
    // what is asked for at each reading must not outlive its subject: an upstream that was closed, a configuration
    aggregationTemporalitySelector: (type) =>
      type === sdk.InstrumentType.OBSERVABLE_GAUGE
        ? sdk.AggregationTemporality.DELTA
        : sdk.AggregationTemporality.CUMULATIVE,
    cardinalitySelector: () => maxSeries,
  })
  const meter = new sdk.MeterProvider({ readers: [reader] }).getMeter('harmony')
  const serializer = new PrometheusSerializer('harmony', false, undefined, true, true)

  const counter = (name: string, description: string) => meter.createCounter(name, { description })
  const histogram = (name: string, description: string) =>
    meter.createHistogram(name, { description, advice: { explicitBucketBoundaries: durations } })

  const requests = counter('requests', 'Requests that ended, by pipeline, status and protocol of the client.')
  const duration = histogram('request_duration_seconds', 'From the whole head of a request to the end of its answer.')
  const firstByte = histogram('upstream_first_byte_seconds', 'From the decision to the head of the response.')
  const refusals = counter('refusals', 'Requests that the gateway itself answered, by reason.')
  const incomplete = counter('requests_incomplete', 'Requests that did not end as they should, by code.')
  const failures = counter('upstream_failures', 'Attempts at an upstream that failed, by backend and code.')
  const retries = counter('upstream_retries', 'Failed attempts that were made again.')
  const tokens = counter('mesh_tokens', 'Mesh tokens checked at an ingress or attached at an egress, by outcome.')
  const untrusted = counter('mesh_ingress_untrusted', 'Requests at an ingress without a token that a mesh accepts.')
  const denials = counter('policy_denials', 'Requests that a policies middleware denied.')
  const reloads = counter('config_reloads', 'Configurations loaded while running, by outcome.')
  const generation = meter.createGauge('config_generation', { description: 'The number of the running generation.' })
  const loadedAt = meter.createGauge('config_loaded_timestamp_seconds', { description: 'When it was loaded.' })
  const lastOk = meter.createGauge('config_last_reload_ok', { description: '1 when the last reload took effect.' })
  const events = counter('engine_events', 'Events of the engine, by type and what they name.')
  const fallbacks = counter('http3_fallbacks', 'HTTP/3 upstreams that are reached over TCP, by origin and cause.')
  const reprobes = counter('http3_reprobes', 'Probes of HTTP/3 upstreams after a failure, by outcome.')
  // a label, so its value changes: asked for when the metrics are read
  let hash: string | undefined
  meter.createObservableGauge('config_info', { description: 'The configuration that runs.' }).addCallback((result) => {
    if (hash !== undefined) result.observe(1, { hash, version: options.version })
  })
  engineSeries(meter, options.stats)
  upstreamSeries(meter, options.stats)

  const pipelines = bounded(maxNames)
  const backends = bounded(maxNames)
  const meshes = bounded(maxNames)
  const ingresses = bounded(maxNames)
  const origins = bounded(maxNames)
  const originOf = (id: number): string => origins(options.originOf?.(id) ?? 'unknown')

  return {
    request: (record, facts) => {
      const pipeline = facts.pipeline === undefined ? 'none' : pipelines(facts.pipeline)
      const protocol = versions[record.protocolIn]
      requests.add(1, { pipeline, status: statusLabel(record.status), protocol })
      if (record.endMs !== undefined) duration.record(record.endMs / 1_000, { pipeline, protocol })
      const { decidedMs, firstByteMs, code } = record
      if (record.upstream !== undefined && firstByteMs !== undefined && decidedMs !== undefined) {
        firstByte.record(Math.max(0, firstByteMs - decidedMs) / 1_000, { pipeline })
      }
      if (facts.code !== undefined) {
        refusals.add(1, { code: Object.hasOwn(refusalTable, facts.code) ? facts.code : 'other' })
      }
      if (code !== undefined) incomplete.add(1, { code })
    },
    upstreamFailure: (backend, code) => failures.add(1, { backend: backends(backend), code }),
    retry: (backend) => retries.add(1, { backend: backends(backend) }),
    token: (mesh, outcome) => tokens.add(1, { mesh: meshes(mesh), outcome }),
    untrusted: (ingress, reason) => untrusted.add(1, { ingress: ingresses(ingress), reason }),
    denial: (pipeline) => denials.add(1, { pipeline: pipelines(pipeline) }),
    reload: (ok) => {
      reloads.add(1, { outcome: ok ? 'ok' : 'failed' })
      lastOk.record(ok ? 1 : 0)
    },
    generation: (number, is, loadedAtMs) => {
      hash = is
      generation.record(number)
      loadedAt.record(loadedAtMs / 1_000)
    },
    event: (event) => {
      if (event.type === 'fallback') fallbacks.add(1, { origin: originOf(event.upstream), code: event.code })
      else if (event.type === 'reprobe') {
        reprobes.add(1, { origin: originOf(event.upstream), outcome: event.ok ? 'ok' : 'failed' })
      } else events.add(1, { type: event.type, detail: detailOf(event) })
    },
    render: async () => {
      const { resourceMetrics } = await reader.collect()
      return serializer.serialize(resourceMetrics)
    },
  }
}

/** The word of an event that is of a fixed table. */
function detailOf(event: EngineEvent): string {
  if (event.type === 'limit') return event.limit
  if (event.type === 'decide-failed') return event.stage
  if (event.type === 'goaway') return event.sent ? 'sent' : 'received'
  // handshake-failed, request-refused and connection-failed have a code of the engine's table
  return 'code' in event && typeof event.code === 'string' ? event.code : ''
}
