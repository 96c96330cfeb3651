// What the engine counts by itself, read when the metrics are.
import type { Meter } from '@opentelemetry/api'
import type { EngineStats } from '../../quic/index.ts'

type Stats = (() => EngineStats) | undefined

/** `open…`, `waiting…` and `owed…` go up and down; all others only up. */
const gauge = /^(?:open|waiting|owed)/

/** One counter or gauge for each number of the engine: `harmony_engine_bytes_in_total`. */
export function engineSeries(meter: Meter, stats: Stats): void {
  if (stats === undefined) return
  const names = Object.keys(stats().counts)
  const instruments = names.map((name) => {
    const id = `engine_${snake(name)}`
    const description = `The engine's ${name}.`
    const instrument = gauge.test(name)
      ? meter.createObservableGauge(id, { description })
      : meter.createObservableCounter(id, { description })
    return { name, instrument }
  })
  meter.addBatchObservableCallback(
    (result) => {
      const { counts } = stats()
      for (const { name, instrument } of instruments) result.observe(instrument, counts[name] ?? 0)
    },
    instruments.map(({ instrument }) => instrument),
  )
}

const states = ['idle', 'active', 'waiting', 'connections', 'connecting'] as const

/** What upstreams say of themselves, by origin: several ways to one origin are one series. */
export function upstreamSeries(meter: Meter, stats: Stats): void {
  if (stats === undefined) return
  const pool = meter.createObservableGauge('upstream_pool', {
    description: 'Connections of an upstream, and requests that wait for one, by state.',
  })
  const http3 = meter.createObservableGauge('upstream_http3_usable', {
    description: '0 while HTTP/3 to the origin fails and TCP is used, or nothing.',
  })
  meter.addBatchObservableCallback(
    (result) => {
      for (const [origin, all] of byOrigin(stats())) {
        for (const state of states) {
          const value = all.reduce((sum, upstream) => sum + number(upstream[state]), 0)
          result.observe(pool, value, { origin, state })
        }
        const probed = all.map((upstream) => record(upstream['http3'])).filter((state) => state !== undefined)
        if (probed.length > 0)
          result.observe(http3, probed.every((state) => state['usable'] === true) ? 1 : 0, { origin })
      }
    },
    [pool, http3],
  )
}

type Fields = Readonly<Record<string, unknown>>

function byOrigin({ upstreams }: EngineStats): Map<string, Fields[]> {
  const map = new Map<string, Fields[]>()
  for (const value of Object.values(upstreams)) {
    const upstream = record(value)
    const origin = upstream?.['origin']
    if (upstream === undefined || typeof origin !== 'string') continue
    const list = map.get(origin)
    if (list === undefined) map.set(origin, [upstream])
    else list.push(upstream)
  }
  return map
}

function record(value: unknown): Fields | undefined {
  // an object that is no list has string keys
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
