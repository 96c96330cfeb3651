// Metrics: what is counted, that the text is Prometheus's, and that nobody outside makes the series grow.
import * as assert from 'uvu/assert'
import { bounded, statusLabel } from '../../core/gateway/labels.ts'
import { createMetrics } from '../../core/gateway/metrics.ts'
import type { Metrics } from '../../core/gateway/metrics.ts'
import type { ExchangeRecord } from '../../quic/index.ts'
import { until } from '../support/deadline.ts'
import { withRig } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('metrics')

const complete: ExchangeRecord = {
  id: 1,
  connection: 1,
  listener: 1,
  upstream: 1,
  protocolIn: 20,
  protocolOut: 30,
  status: 200,
  bytesIn: 0,
  bytesOut: 0,
  acceptedMs: 1_700_000_000_000,
  decidedMs: 1,
  connectedMs: 2,
  firstByteMs: 21,
  endMs: 30,
  attempts: 1,
  reused: false,
  code: undefined,
  detail: '',
  wireCode: undefined,
  upstreamAddress: '',
}

const make = () => createMetrics({ version: '0.1.0', originOf: (id) => (id === 1 ? 'https://a.test:443' : undefined) })

/** Samples by name and labels; throws where the text is not the format. */
// https://prometheus.io/docs/instrumenting/exposition_formats/
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  const typed = new Set<string>()
  for (const line of text.split('\n')) {
    const type = /^# TYPE ([a-z][a-z0-9_]*) (?:counter|gauge|histogram)$/.exec(line)?.[1]
    if (type !== undefined) {
      assert.not.ok(typed.has(type), `${type} is typed twice`)
      typed.add(type)
    } else if (line !== '' && !line.startsWith('# ')) {
      const sample = /^([a-z][a-z0-9_]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[0-9.e+-]+|\+Inf|NaN)$/.exec(
        line,
      )
      assert.ok(sample, `is no sample: ${line}`)
      const key = `${sample?.[1]}${sample?.[2] ?? ''}`
      assert.not.ok(samples.has(key), `${key} is there twice`)
      samples.set(key, Number(sample?.[3]))
    }
  }
  return samples
}

const samples = async (metrics: Metrics) => parse(await metrics.render())

test('requests by pipeline, status and protocol, and how long they took', async () => {
  const metrics = await make()
  metrics.request(complete, { pipeline: 'fhir', code: undefined })
  metrics.request({ ...complete, endMs: 700 }, { pipeline: 'fhir', code: undefined })
  metrics.request(
    { ...complete, status: 404, protocolIn: 11, upstream: undefined },
    { pipeline: undefined, code: 'route/none' },
  )
  metrics.request({ ...complete, status: 0, code: 'client/cancelled' }, { pipeline: 'fhir', code: 'toString' })
  const all = await samples(metrics)
  assert.is(all.get('harmony_requests_total{pipeline="fhir",status="200",protocol="2"}'), 2)
  assert.is(all.get('harmony_requests_total{pipeline="none",status="404",protocol="1.1"}'), 1)
  assert.is(all.get('harmony_requests_total{pipeline="fhir",status="none",protocol="2"}'), 1)
  assert.is(all.get('harmony_refusals_total{code="route/none"}'), 1)
  assert.is(all.get('harmony_refusals_total{code="other"}'), 1, 'a code of no table')
  assert.is(all.get('harmony_requests_incomplete_total{code="client/cancelled"}'), 1)
  const bucket = (le: string) =>
    all.get(`harmony_request_duration_seconds_bucket{pipeline="fhir",protocol="2",le="${le}"}`)
  assert.equal([bucket('0.025'), bucket('0.05'), bucket('0.5'), bucket('1'), bucket('+Inf')], [0, 2, 2, 3, 3])
  assert.is(all.get('harmony_request_duration_seconds_count{pipeline="fhir",protocol="2"}'), 3)
  // 20 ms from the decision; nothing of a request that no upstream saw
  assert.is(all.get('harmony_upstream_first_byte_seconds_bucket{pipeline="fhir",le="0.025"}'), 3)
  assert.is(all.get('harmony_upstream_first_byte_seconds_count{pipeline="none"}'), undefined)
})

test('upstreams, tokens, policies and reloads', async () => {
  const metrics = await make()
  metrics.upstreamFailure('clinic', 'connect/refused')
  metrics.retry('clinic')
  metrics.token('prod', 'accepted')
  metrics.token('prod', 'accepted')
  metrics.token('prod', 'withheld')
  metrics.untrusted('fhir-api', 'token/expired')
  metrics.denial('fhir')
  metrics.reload(true)
  metrics.reload(false)
  metrics.generation(3, 'abc123', 1_700_000_000_500)
  const all = await samples(metrics)
  const expected = {
    'harmony_upstream_failures_total{backend="clinic",code="connect/refused"}': 1,
    'harmony_upstream_retries_total{backend="clinic"}': 1,
    'harmony_mesh_tokens_total{mesh="prod",outcome="accepted"}': 2,
    'harmony_mesh_tokens_total{mesh="prod",outcome="withheld"}': 1,
    'harmony_mesh_ingress_untrusted_total{ingress="fhir-api",reason="token/expired"}': 1,
    'harmony_policy_denials_total{pipeline="fhir"}': 1,
    'harmony_config_reloads_total{outcome="ok"}': 1,
    'harmony_config_reloads_total{outcome="failed"}': 1,
    harmony_config_last_reload_ok: 0,
    harmony_config_generation: 3,
    harmony_config_loaded_timestamp_seconds: 1_700_000_000.5,
    'harmony_config_info{hash="abc123",version="0.1.0"}': 1,
  }
  for (const [name, value] of Object.entries(expected)) assert.is(all.get(name), value, name)
})

test('the configuration that ran before is not shown beside the one that runs', async () => {
  const metrics = await make()
  metrics.generation(1, 'old', 0)
  await metrics.render()
  metrics.generation(2, 'new', 0)
  const infos = [...(await samples(metrics)).keys()].filter((name) => name.startsWith('harmony_config_info'))
  assert.equal(infos, ['harmony_config_info{hash="new",version="0.1.0"}'])
})

test('counts go on from one reading to the next', async () => {
  const metrics = await make()
  metrics.retry('clinic')
  await metrics.render()
  metrics.retry('clinic')
  assert.is((await samples(metrics)).get('harmony_upstream_retries_total{backend="clinic"}'), 2)
})

test('events of the engine, with the origin of the upstream', async () => {
  const metrics = await make()
  const fallback = { type: 'fallback', from: 'h3', to: 'h2', code: 'connect/timeout', reason: 'x', nextMs: 1 } as const
  metrics.event({ ...fallback, upstream: 1 })
  metrics.event({ ...fallback, upstream: 99 })
  metrics.event({ type: 'reprobe', upstream: 1, ok: false, nextMs: 1 })
  metrics.event({ type: 'limit', limit: 'maxConnections', listener: 1, upstream: null, remoteAddress: '192.0.2.1' })
  metrics.event({ type: 'listener-up', listener: 1, address: '::', port: 1, quicPort: null })
  const refused = {
    type: 'request-refused',
    listener: 1,
    remoteAddress: '192.0.2.1',
    protocol: 11,
    status: 400,
  } as const
  metrics.event({ ...refused, code: 'request/malformed', reason: 'SECRET' })
  const all = await samples(metrics)
  assert.is(all.get('harmony_http3_fallbacks_total{origin="https://a.test:443",code="connect/timeout"}'), 1)
  assert.is(all.get('harmony_http3_fallbacks_total{origin="unknown",code="connect/timeout"}'), 1)
  assert.is(all.get('harmony_http3_reprobes_total{origin="https://a.test:443",outcome="failed"}'), 1)
  assert.is(all.get('harmony_engine_events_total{type="limit",detail="maxConnections"}'), 1)
  assert.is(all.get('harmony_engine_events_total{type="listener-up",detail=""}'), 1)
  assert.is(all.get('harmony_engine_events_total{type="request-refused",detail="request/malformed"}'), 1)
  assert.not.match(await metrics.render(), /192\.0\.2\.1|SECRET/)
})

// --- bounds ---

test('names of a configuration cannot break out of their label', async () => {
  const metrics = await make()
  metrics.token('a"} 1\nharmony_fake{x="\\', 'accepted')
  const all = await samples(metrics)
  assert.is(all.get('harmony_mesh_tokens_total{mesh="a\\"} 1\\nharmony_fake{x=\\"\\\\",outcome="accepted"}'), 1)
})

test('any status has a series of a fixed table', () => {
  const labels = new Set(Array.from({ length: 100_000 }, (_, status) => statusLabel(status - 1_000)))
  assert.ok(labels.size <= 64, `${labels.size} labels`)
  assert.equal([200, 299, 451, 999, 0, -1].map(statusLabel), ['200', '2xx', '451', 'none', 'none', 'none'])
})

test('names beyond the bound are counted together, those known before keep their own', () => {
  const label = bounded(2)
  assert.equal(['a', 'b', 'c', 'a', 'd'].map(label), ['a', 'b', 'other', 'a', 'other'])
})

test('reloads that rename everything for years do not grow without end', async () => {
  const metrics = await make()
  for (let index = 0; index < 10_000; index++) metrics.retry(`backend-${index}`)
  const all = await samples(metrics)
  assert.ok(all.size <= 2_010, `${all.size} series`)
  assert.is(all.get('harmony_upstream_retries_total{backend="other"}'), 8_000)
})

test('10,000 paths, methods, hosts and fields through a gateway make no series', async () => {
  const metrics = await make()
  await withRig(
    {
      from: 'h1',
      to: 'h1',
      handler: (request, response) => {
        request.resume()
        response.end()
      },
      engine: {},
    },
    async ({ client, records }) => {
      const ask = async (index: number) => {
        const reply = await client.send({
          method: `M${index}`,
          path: `/path-${index}?query=${index}`,
          headers: { host: `host-${index}.test`, [`x-${index}`]: `value-${index}` },
        })
        await reply.bytes()
      }
      const series: number[] = []
      let counted = 0
      for (const upTo of [50, 10_000]) {
        for (let at = counted; at < upTo; at += 50) {
          await Promise.all(Array.from({ length: Math.min(50, upTo - at) }, (_, index) => ask(at + index)))
        }
        await until(10_000, 'the records', () => records.length === upTo)
        for (const record of records.slice(counted)) metrics.request(record, { pipeline: 'fhir', code: undefined })
        counted = upTo
        series.push((await samples(metrics)).size)
      }
      assert.is(series[0], series[1])
      assert.not.match(await metrics.render(), /path-|query|host-|value-|M1/)
      const total = [...(await samples(metrics))].filter(([name]) => name.startsWith('harmony_requests_total'))
      assert.is(
        total.reduce((sum, [, value]) => sum + value, 0),
        10_000,
      )
    },
  )
})

// --- the engine ---

test("the engine's own counts and upstreams are read when the metrics are", async () => {
  await withRig(
    { from: 'h1', to: 'h1', handler: (_request, response) => response.end('fine') },
    async ({ client, engine, origin, record }) => {
      const metrics = await createMetrics({ version: '0.1.0', stats: () => engine.stats() })
      assert.is((await samples(metrics)).get('harmony_engine_exchanges_total'), 0)
      await (await client.send({ path: '/' })).bytes()
      await record()
      const all = await samples(metrics)
      assert.is(all.get('harmony_engine_exchanges_total'), 1)
      assert.is(all.get('harmony_engine_open_exchanges'), 0, 'a gauge has no _total')
      assert.is(all.get('harmony_engine_bytes_out_total'), 4)
      assert.is(all.get(`harmony_upstream_pool{origin="${origin.url}",state="idle"}`), 1)
    },
  )
})

test('an upstream that was closed is no longer shown', async () => {
  await withRig(
    { from: 'h1', to: 'h1', handler: (_request, response) => response.end('fine') },
    async ({ engine, upstream }) => {
      const metrics = await createMetrics({ version: '0.1.0', stats: () => engine.stats() })
      assert.match(await metrics.render(), 'harmony_upstream_pool{')
      upstream.close()
      assert.not.match(await metrics.render(), 'harmony_upstream_pool{')
    },
  )
})

test('an engine that has stopped leaves the rest readable', async () => {
  const metrics = await createMetrics({
    version: '0.1.0',
    stats: (() => {
      let asked = 0
      return () => {
        if (asked++ > 0) throw new Error('engine/stopped')
        return { counts: { exchanges: 1 }, upstreams: {} }
      }
    })(),
  })
  metrics.retry('clinic')
  assert.is((await samples(metrics)).get('harmony_upstream_retries_total{backend="clinic"}'), 1)
})

test('a request costs microseconds', async () => {
  const metrics = await make()
  const facts = { pipeline: 'fhir', code: undefined }
  const rounds = Array.from({ length: 5 }, () => {
    const started = performance.now()
    for (let index = 0; index < 20_000; index++) metrics.request(complete, facts)
    return (performance.now() - started) / 20
  })
  // about 1; far from it only when something is wrong
  assert.ok(Math.min(...rounds) < 20, `${Math.min(...rounds)} microseconds`)
})

test.run()
