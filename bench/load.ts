// The load generator: built on demand, run once per measurement.
import { spawnSync } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { run } from '../test/peers/index.ts'
import type { Running } from '../test/peers/index.ts'
import { loadArguments } from './cells.ts'
import type { Cell } from './cells.ts'
import type { Gateway } from './gateways.ts'
import { machine, usage } from './usage.ts'

/** What bench/load prints. */
type LoadReport = {
  seconds: number
  answers: number
  errors: number
  reconnects: number
  errorSamples: string[]
  bytesReceived: number
  bytesSent: number
  p50Micros: number
  p90Micros: number
  p99Micros: number
  maxMicros: number
}

export type Measurement = LoadReport & {
  /** Requests, or MB (10^6 bytes) of the body in question, per second. */
  rate: number
  /** CPU time of the gateway: microseconds per request, or milliseconds per 100 MB. */
  cpu: number
  /** Cores that the gateway kept busy. */
  cores: number
  rssMb: number
  peakMb: number
  /** Cores that other programs, and the machine's host, took meanwhile. */
  foreignCores: number
}

const folder = join(import.meta.dirname, 'load')
const target =
  process.env['HARMONY_BENCH'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(process.env['HOME'] ?? homedir(), '.cache'), 'harmony-bench')

/** The program, built if its sources changed. */
export function buildLoad(): string {
  const args = ['build', '--release', '--locked', '--quiet', '--manifest-path', join(folder, 'Cargo.toml')]
  const built = spawnSync('cargo', args, { env: { ...process.env, CARGO_TARGET_DIR: target }, stdio: 'inherit' })
  if (built.status !== 0) throw new Error('the load generator in bench/load did not build')
  return join(target, 'release/load')
}

/** Measures one cell once. Throws where an answer was wrong or none came. */
export async function measure(
  program: string,
  gateway: Gateway,
  origin: Running,
  cell: Cell,
  ca: string,
  seconds: number,
): Promise<Measurement> {
  const port = gateway.ports[cell.protocol] ?? 0
  const authorization = await gateway.authorization?.()
  const args = [
    ...loadArguments(cell, port, ca),
    ...(authorization === undefined ? [] : ['--authorization', authorization]),
    '--seconds',
    String(seconds),
    '--warmup',
    String(Math.min(1, seconds / 3)),
  ]
  const read = (load: number) => ({
    gateway: usage(gateway.pid),
    othersMs: usage(origin.pid).cpuMs + (load === 0 ? 0 : usage(load).cpuMs),
    machine: machine(),
  })
  let before = read(0)
  let after = before
  const ended = await run(program, args, {
    deadlineMs: (seconds + 45) * 1000,
    onLine(line, load) {
      if (line === 'measure') before = read(load)
      if (line === 'over') after = read(load)
    },
  })
  const last = ended.stdout.trim().split('\n').at(-1) ?? ''
  if (!last.startsWith('{'))
    throw new Error(`the load generator failed: ${ended.stderr.trim() || `code ${ended.code}`}`)
  // What bench/load prints last.
  const report = JSON.parse(last) as LoadReport
  if (report.errors > 0) throw new Error(`${report.errors} errors, ${report.errorSamples.join('; ')}`)
  const requests = cell.workload.unit === 'requests'
  const bytes = cell.workload.unit === 'sent' ? report.bytesSent : report.bytesReceived
  if ((requests ? report.answers : bytes) === 0) throw new Error('nothing moved within the time')

  const cpuMs = after.gateway.cpuMs - before.gateway.cpuMs
  const oursMs = cpuMs + after.othersMs - before.othersMs
  const usedMs = after.machine.usedMs - before.machine.usedMs
  const stolenMs = after.machine.stolenMs - before.machine.stolenMs
  return {
    ...report,
    rate: (requests ? report.answers : bytes / 1e6) / report.seconds,
    cpu: requests ? (cpuMs * 1000) / report.answers : cpuMs / (bytes / 1e8),
    cores: cpuMs / (report.seconds * 1000),
    rssMb: after.gateway.rssMb,
    peakMb: after.gateway.peakMb,
    foreignCores: (Math.max(0, usedMs - oursMs) + stolenMs) / (report.seconds * 1000),
  }
}
