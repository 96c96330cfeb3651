// deadline: 600 s
// The cases of the interop table as tests: each row's peer asks through a gateway built on the library.
import { suite } from '../support/suite.ts'
import { cases } from './cases.ts'
import { applies, play } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { needsPeers } from '../peers/index.ts'
import { missing, openStage, rows } from './scenes.ts'
import type { Stage } from './scenes.ts'
import { playSuite, suites } from './suites.ts'

const test = suite('interop')
let stage: Stage | undefined
const opened = (): Stage => (stage ??= openStage('harmony'))

for (const row of rows) {
  for (const one of cases) {
    if (!applies(row, one)) continue
    test(`${row.name}: ${one.name}`, async () => verify(await play(opened(), row, one)), { skip: missing(row) })
  }
}

for (const one of suites) {
  test(one.name, async () => verify(await playSuite(opened(), one)), {
    skip: needsPeers(...one.needs),
    withinMs: 300_000,
  })
}

test.after(async () => stage?.close())

function verify(outcome: Outcome): void {
  if (outcome.kind !== 'pass') throw new Error(outcome.reason)
}

test.run()
