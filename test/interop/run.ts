// The interop table: every peer, every case, through the front. `npm run interop`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { cases } from './cases.ts'
import type { Case } from './cases.ts'
import type { FrontName } from './front.ts'
import { applies, play } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { openStage, rows } from './scenes.ts'
import { playSuite, suites } from './suites.ts'

const usage = `usage: node test/interop/run.ts [options]

  --only PART     only rows, cases and suites whose name contains PART; again for several
  --front caddy   Caddy in our place: tells a fault of ours from one of the harness
  --json FILE     the outcomes as JSON
`

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    front: { type: 'string', default: 'harmony' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})

if (flags.help) process.stdout.write(usage)
else process.exitCode = (await main()) ? 0 : 1

async function main(): Promise<boolean> {
  if (flags.front !== 'harmony' && flags.front !== 'caddy') throw new Error('--front is harmony or caddy')
  const front: FrontName = flags.front
  const wanted = (...names: string[]): boolean =>
    !flags.only || flags.only.every((part) => names.some((name) => name.includes(part)))
  const stage = openStage(front)
  const outcomes: { row: string; name: string; outcome: Outcome }[] = []
  try {
    const width = Math.max(...rows.map(({ name }) => name.length))
    const heading = cases.filter(({ name }) => rows.some((row) => wanted(row.name, name)))
    console.log(`${''.padEnd(width)}  ${heading.map((one) => cell(one.name, one)).join('  ')}`)
    for (const row of rows) {
      const marks: string[] = []
      for (const one of cases) {
        if (!wanted(row.name, one.name)) continue
        if (!applies(row, one)) {
          marks.push(cell('–', one))
          continue
        }
        const outcome = await play(stage, row, one)
        outcomes.push({ row: row.name, name: one.name, outcome })
        marks.push(cell(outcome.kind, one))
      }
      if (marks.length > 0) console.log(`${row.name.padEnd(width)}  ${marks.join('  ')}`.trimEnd())
    }
    for (const suite of suites) {
      if (!wanted(suite.name)) continue
      const outcome = await playSuite(stage, suite)
      outcomes.push({ row: suite.name, name: '', outcome })
      console.log(`${suite.name}: ${outcome.kind}`)
    }
  } finally {
    await stage.close()
  }
  return report(outcomes)
}

/** As wide as the case's name, and at least as `pass`. */
function cell(text: string, { name }: Case): string {
  return text.padEnd(Math.max(name.length, 4))
}

function report(outcomes: readonly { row: string; name: string; outcome: Outcome }[]): boolean {
  const of = (kind: Outcome['kind']) => outcomes.filter(({ outcome }) => outcome.kind === kind)
  for (const kind of ['skip', 'fail'] as const) {
    const reasons = new Map<string, string[]>()
    for (const { row, name, outcome } of of(kind)) {
      if (outcome.kind === 'pass') continue
      reasons.set(outcome.reason, [...(reasons.get(outcome.reason) ?? []), [row, name].filter(Boolean).join(': ')])
    }
    if (reasons.size > 0) console.log(`\n${kind === 'skip' ? 'skipped' : 'failed'}`)
    // Many skips share a reason: how many is enough there, each failure is named.
    for (const [reason, where] of reasons)
      console.log(
        kind === 'skip'
          ? `  ${where.length} × ${reason}`
          : `  ${where.join(', ')}\n    ${reason.replaceAll('\n', '\n    ')}`,
      )
  }
  console.log(`\n${of('pass').length} passed, ${of('fail').length} failed, ${of('skip').length} skipped`)
  if (flags.json) {
    mkdirSync(dirname(flags.json), { recursive: true })
    writeFileSync(flags.json, `${JSON.stringify(outcomes, undefined, 2)}\n`)
  }
  return of('fail').length === 0
}
