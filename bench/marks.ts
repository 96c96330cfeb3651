// The marks that the library has to reach on a machine, as ratios to the others in the same round.
import type { GatewayName } from './gateways.ts'
import type { Measurement } from './load.ts'
import type { Result } from './run.ts'

export type Verdict = {
  mark: string
  /** One ratio per round, and their median. */
  ratios: number[]
  median: number | undefined
  verdict: 'met' | 'missed' | 'cannot tell'
  why: string
}

type Mark = {
  cells: readonly string[]
  metric: 'cpu' | 'rate'
  against: GatewayName
  bound: number
  sense: 'at most' | 'at least'
}

const marks: readonly Mark[] = [
  { cells: ['get-small/h1/64', 'get-small/h1/1', 'get-small/tls/64', 'get-small/h2/64', 'get-small/h2/1'],
    metric: 'cpu', against: 'nginx', bound: 2.2, sense: 'at most' },
  { cells: ['get-small/h3/64', 'get-small/h3/1'], metric: 'cpu', against: 'caddy', bound: 0.4, sense: 'at most' },
  { cells: ['get-10mb/h3/64', 'get-10mb/h3/1'], metric: 'rate', against: 'caddy', bound: 1.2, sense: 'at least' },
  { cells: ['get-10mb/h3/64', 'get-10mb/h3/1'], metric: 'cpu', against: 'caddy', bound: 0.75, sense: 'at most' },
] // prettier-ignore

export function judge(results: readonly Result[]): Verdict[] {
  return marks.flatMap((mark) => mark.cells.map((cell) => verdict(mark, cell, results)))
}

function verdict({ metric, against, bound, sense }: Mark, cell: string, results: readonly Result[]): Verdict {
  const what = metric === 'cpu' ? (cell.startsWith('get-small') ? 'CPU per request' : 'CPU per byte') : 'throughput'
  const mark = `${cell}: ${what} ${sense} ${bound} × ${against}`
  const gateways = results.find((result) => result.cell === cell)?.gateways
  const [ours, theirs] = [gateways?.harmony, gateways?.[against]]
  const failed = ours?.failed ?? theirs?.failed
  if (!ours?.rounds.length || !theirs?.rounds.length) {
    return { mark, ratios: [], median: undefined, verdict: 'cannot tell', why: failed ?? 'not measured' }
  }
  const ratios = ours.rounds.flatMap((one, round) => {
    const other = theirs.rounds[round]
    return other === undefined ? [] : [one[metric] / other[metric]]
  })
  const met = ratios.filter((ratio) => (sense === 'at most' ? ratio <= bound : ratio >= bound)).length
  if (met === ratios.length) return { mark, ratios, median: median(ratios), verdict: 'met', why: '' }
  if (met === 0) return { mark, ratios, median: median(ratios), verdict: 'missed', why: '' }
  const why = `the rounds disagree: ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}`
  return { mark, ratios, median: median(ratios), verdict: 'cannot tell', why }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

/** The median of one figure over the rounds. */
export function medianOf(rounds: readonly Measurement[], figure: keyof Omit<Measurement, 'errorSamples'>): number {
  return median(rounds.map((round) => round[figure]))
}
