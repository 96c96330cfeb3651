// The benchmark's tables.
import type { GatewayName } from './gateways.ts'
import type { Measurement } from './load.ts'
import { medianOf } from './marks.ts'
import type { Verdict } from './marks.ts'
import type { Result } from './run.ts'

const columns = ['cell', 'gateway', 'rate', 'CPU', 'cores', 'p50 µs', 'p99 µs', 'RSS MB', 'foreign', 'CPU: nginx', 'CPU: caddy', 'rate: caddy'] // prettier-ignore

export function showTable(results: readonly Result[]): void {
  const rows = results.flatMap(({ cell, unit, gateways }) =>
    // The keys are the names that the type says.
    (Object.entries(gateways) as [GatewayName, { rounds: Measurement[]; failed?: string }][]).map(([name, of]) => {
      if (of.failed !== undefined) return [cell, name, `failed: ${of.failed}`]
      const figure = (key: Parameters<typeof medianOf>[1]): number => medianOf(of.rounds, key)
      const ratio = (other: GatewayName, key: 'cpu' | 'rate'): string => {
        const others = gateways[other]
        if (other === name || !others?.rounds.length || others.failed !== undefined) return ''
        return `${(figure(key) / medianOf(others.rounds, key)).toFixed(2)}×`
      }
      return [
        cell,
        name,
        unit === 'requests' ? `${round(figure('rate'))} /s` : `${round(figure('rate'))} MB/s`,
        unit === 'requests' ? `${figure('cpu').toFixed(1)} µs` : `${figure('cpu').toFixed(0)} ms/100 MB`,
        figure('cores').toFixed(2),
        micros(figure('p50Micros')),
        micros(figure('p99Micros')),
        figure('rssMb').toFixed(0),
        figure('foreignCores').toFixed(1),
        ratio('nginx', 'cpu'),
        ratio('caddy', 'cpu'),
        ratio('caddy', 'rate'),
      ]
    }),
  )
  console.log(`\n${table([columns, ...rows])}`)
}

export function showMarks(marks: readonly Verdict[]): void {
  console.log('\nmarks')
  for (const mark of marks) showVerdict(mark)
}

export function showVerdict({ mark, median, verdict, why }: Verdict): void {
  const found = median === undefined ? '' : `, found ${median.toFixed(2)}`
  console.log(`  ${verdict.padEnd(11)} ${mark}${found}${why && ` (${why})`}`)
}

function table(rows: readonly (readonly string[])[]): string {
  const full = rows.filter((row) => row.length === columns.length)
  const widths = columns.map((_, index) => Math.max(...full.map((row) => row[index]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((text, index) => (index < 2 ? text.padEnd(widths[index] ?? 0) : text.padStart(widths[index] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function round(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function micros(value: number): string {
  return value > 0 ? round(value) : '-'
}
