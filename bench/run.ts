// The benchmark: ours, nginx and Caddy side by side in one run, each answer verified, medians of interleaved rounds.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { authority, needsPeers, startNginxOrigin } from '../test/peers/index.ts'
import type { Running } from '../test/peers/index.ts'
import { cells } from './cells.ts'
import type { Cell } from './cells.ts'
import { gatewayNames, startGateway } from './gateways.ts'
import type { Gateway, GatewayName } from './gateways.ts'
import { buildLoad, measure } from './load.ts'
import type { Measurement } from './load.ts'
import { judge } from './marks.ts'
import { showMarks, showTable, showVerdict } from './report.ts'
import { judgeSoak, soak } from './soak.ts'

/** Who takes part unless others are named: those that the library is held against. */
const usual: readonly GatewayName[] = ['harmony', 'nginx', 'caddy', 'caddy-debian']

const usage = `usage: node bench/run.ts [options]

  --quick           one round of 1 s, 64 concurrent alone
  --only PART       only cells whose name contains PART (get-small/h2/64); again for several
  --gateway NAME    only these: ${gatewayNames.join(', ')}; again for several.
                    ${usual.join(', ')} when left out
  --rounds N        3 when left out
  --seconds N       measured time of each cell in each round, 3 when left out
  --soak MINUTES    instead: mixed load on ours, and its memory
  --json FILE       dist/bench.json when left out
`

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string', multiple: true },
    gateway: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    soak: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})

/** The measurements of one cell, for each gateway one per round; or why there are none. */
export type Result = {
  cell: string
  unit: Cell['workload']['unit']
  gateways: Partial<Record<GatewayName, { rounds: Measurement[]; failed?: string }>>
}

const settings: Record<GatewayName, string> = {
  harmony: ', defaults; a completion record for each exchange',
  serve: ': harmony serve, everything forwarded, no access lines',
  'serve-mesh': ': harmony serve, a mesh token checked with each request, no access lines',
  nginx: ', 2 workers, access log off, 128 upstream connections kept, request buffering and temporary files off',
  caddy: ', defaults but for the admin endpoint, which is off',
  'caddy-debian': ', defaults but for the admin endpoint, which is off',
}

if (flags.help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  const missing = needsPeers('nginx', 'openssl')
  if (missing) throw new Error(`the benchmark needs an origin and certificates: ${missing}`)
  const seconds = Number(flags.seconds ?? (flags.quick ? 1 : 3))
  const rounds = Number(flags.rounds ?? (flags.quick ? 1 : 3))
  const program = buildLoad()
  const ca = authority()
  const identity = ca.issue('localhost')
  const origin = await startNginxOrigin(identity, 2)

  const wanted = flags.soak ? ['harmony'] : (flags.gateway ?? usual)
  const gateways: Gateway[] = []
  for (const name of gatewayNames.filter((name) => wanted.includes(name))) {
    const gateway = await startGateway(name, origin.plain, identity)
    if ('missing' in gateway) console.log(`${name} takes no part: ${gateway.missing.split('\n').slice(0, 3).join(' ')}`)
    else gateways.push(gateway)
  }
  if (gateways.length === 0) throw new Error('no gateway to measure')

  const environment = describe(gateways, rounds, seconds)
  console.log(environment.join('\n'))
  let json: object
  if (flags.soak) {
    const samples = await soak(program, gateways[0] as Gateway, ca.ca, Number(flags.soak))
    const verdict = judgeSoak(samples)
    showVerdict(verdict)
    json = { environment, soak: samples, marks: [verdict] }
  } else {
    const results = await rounded(program, gateways, origin, ca.ca, rounds, seconds)
    showTable(results)
    // the marks are the library's
    const marks = gateways.some(({ name }) => name === 'harmony') ? judge(results) : []
    if (marks.length > 0) showMarks(marks)
    json = { environment, results, marks }
  }
  const file = flags.json ?? join(import.meta.dirname, '../dist/bench.json')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(json, undefined, 2)}\n`)
  console.log(`\nwritten to ${file}`)
  await Promise.all([...gateways, origin].map(async (one) => one.stop()))
}

/** Every round measures every cell, and a cell one gateway after the other, so that drift hits all alike. */
async function rounded(
  program: string,
  gateways: readonly Gateway[],
  origin: Running,
  ca: string,
  rounds: number,
  seconds: number,
): Promise<Result[]> {
  const chosen = cells.filter(
    ({ name }) =>
      (!flags.only || flags.only.some((part) => name.includes(part))) && (!flags.quick || name.endsWith('/64')),
  )
  const results: Result[] = chosen.map(({ name, workload }) => ({ cell: name, unit: workload.unit, gateways: {} }))
  for (let round = 0; round < rounds; round++) {
    for (const [index, cell] of chosen.entries()) {
      const result = results[index]
      for (const gateway of rotate(gateways, round)) {
        if (result === undefined || gateway.ports[cell.protocol] === undefined) continue
        const of = (result.gateways[gateway.name] ??= { rounds: [] })
        if (of.failed !== undefined) continue
        progress(`round ${round + 1} of ${rounds}: ${cell.name} ${gateway.name}`)
        try {
          of.rounds.push(await measure(program, gateway, origin, cell, ca, seconds))
        } catch (error) {
          of.failed = error instanceof Error ? error.message : String(error)
        }
      }
    }
  }
  progress('')
  return results
}

function rotate<T>(list: readonly T[], by: number): T[] {
  return list.map((_, index) => list[(index + by) % list.length] as T)
}

function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`)
}

/** What a reader must know to believe the figures. */
function describe(gateways: readonly Gateway[], rounds: number, seconds: number): string[] {
  return [
    `${new Date().toISOString().slice(0, 16)}Z, ${cpus()[0]?.model ?? 'unknown CPU'}, Linux ${release()}`,
    `${availableParallelism()} cores, shared by origin, gateway and load: rates are bounded by all three, CPU per request is the gateway's own`,
    `medians of ${rounds} interleaved rounds of ${seconds} s; status and length of each answer checked, SHA-256 of the first on each connection`,
    `origin: ${version()} with 2 workers, files and a read-through POST, over HTTP/1.1 with connections kept`,
    ...gateways.map(({ name, version }) => `${name}: ${version}${settings[name]}`),
    'foreign: cores that other programs took meanwhile; beyond 0.2, a mark is only judged where every round is 25 % beyond it',
    '64 concurrent are 64 connections over HTTP/1.1, 8 connections of 8 streams over HTTP/2 and HTTP/3; TLS 1.3, AES-128-GCM',
  ]
}

function version(): string {
  return execFileSync('/bin/sh', ['-c', 'nginx -v 2>&1 || /usr/sbin/nginx -v 2>&1'], { encoding: 'utf8' }).trim()
}
