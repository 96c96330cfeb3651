// Mixed load on our gateway for minutes, and whether its memory stays where it was after the first one.
import { run } from '../test/peers/index.ts'
import { cells, loadArguments } from './cells.ts'
import type { Gateway } from './gateways.ts'
import { median } from './marks.ts'
import type { Verdict } from './marks.ts'
import { usage } from './usage.ts'

export type Sample = { second: number; rssMb: number; peakMb: number; cpuMs: number }

const everyMs = 2_000
/** What runs at once, for the whole time: all protocols, small and large, up and down. */
const mixed = new Set([
  'get-small/h1/64',
  'get-small/h2/64',
  'get-small/h3/64',
  'get-10mb/tls/1',
  'get-10mb/h3/1',
  'post-1mb/h2/1',
  'post-1mb/h3/1',
])

export async function soak(program: string, gateway: Gateway, ca: string, minutes: number): Promise<Sample[]> {
  const seconds = minutes * 60
  const samples: Sample[] = []
  const started = performance.now()
  const timer = setInterval(() => {
    const second = (performance.now() - started) / 1000
    samples.push({ second, ...usage(gateway.pid) })
  }, everyMs)
  try {
    await Promise.all(
      cells
        .filter(({ name }) => mixed.has(name))
        .map(async (cell) => {
          const args = [...loadArguments(cell, gateway.ports[cell.protocol] ?? 0, ca), '--threads', '1']
          const { stdout, stderr } = await run(program, [...args, '--warmup', '0', '--seconds', String(seconds)], {
            deadlineMs: (seconds + 60) * 1000,
          })
          const last = stdout.trim().split('\n').at(-1) ?? ''
          // What bench/load prints last.
          const report = JSON.parse(last || '{}') as { errors?: number; errorSamples?: string[]; answers?: number }
          if (report.errors !== 0) throw new Error(`${cell.name}: ${report.errorSamples?.join('; ') ?? stderr}`)
          console.log(`${cell.name}: ${report.answers ?? 0} answers`)
        }),
    )
  } finally {
    clearInterval(timer)
  }
  return samples
}

/** Memory around the first minute against memory at the end, each the median of half a minute. */
export function judgeSoak(samples: readonly Sample[]): Verdict {
  const end = samples.at(-1)?.second ?? 0
  const between = (from: number, to: number): number =>
    median(samples.filter(({ second }) => second >= from && second <= to).map(({ rssMb }) => rssMb))
  const mark = `memory after ${Math.round(end / 60)} minutes of mixed load within 10 % of that after the first`
  if (end < 120) return { mark, ratios: [], median: undefined, verdict: 'cannot tell', why: 'less than two minutes' }
  const [early, late] = [between(45, 75), between(end - 30, end)]
  const ratio = late / early
  const verdict = Math.abs(ratio - 1) <= 0.1 ? 'met' : 'missed'
  return { mark, ratios: [ratio], median: ratio, verdict, why: `${early.toFixed(0)} MB, then ${late.toFixed(0)} MB` }
}
