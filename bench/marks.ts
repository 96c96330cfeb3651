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

/** Beyond this, a machine is shared with others than the three of the benchmark. */
const disturbingCores = 0.2
/** How far beyond the bound every round must lie then. */
const disturbedMargin = 1.25

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
  const foreign = Math.max(...[...ours.rounds, ...theirs.rounds].map(({ foreignCores }) => foreignCores))
  const margin = foreign > disturbingCores ? disturbedMargin : 1
  const inside = sense === 'at most' ? (ratio: number) => bound / ratio : (ratio: number) => ratio / bound
  const list = ratios.map((ratio) => ratio.toFixed(2)).join(', ')
  const busy = margin > 1 ? `; other programs took up to ${foreign.toFixed(1)} cores` : ''
  const told = { mark, ratios, median: median(ratios), why: `rounds ${list}${busy}` }
  if (ratios.every((ratio) => inside(ratio) >= margin)) return { ...told, verdict: 'met' }
  if (ratios.every((ratio) => inside(ratio) < 1 / margin)) return { ...told, verdict: 'missed' }
  return { ...told, verdict: 'cannot tell' }
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
