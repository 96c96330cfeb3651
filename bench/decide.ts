// What decisions cost in JavaScript, without an engine, by the number of routes: node bench/decide.ts. It takes a
// minute. The aim for a request with a mesh token that is known: 15 µs.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { median } from './marks.ts'
import { casesOf } from './passage.ts'
import type { Case } from './passage.ts'
import { writeProject } from './project.ts'
import { searchesOf } from './routes.ts'

const counts = [10, 1_000, 10_000]
const aimMicros = 15
const runs = 15
const runMs = 40
/** Heads that are made at once, before the clock runs. */
const batch = 500

type Row = { what: string; micros: number[] }

const found: Row[] = []
const decided: Row[] = []
const compiled: number[] = []
for (const count of counts) {
  for (const { what, find, found: kind } of searchesOf(count)) add(found, `${what} (${kind})`, searching(find))
  // pipelines of ten endpoints, each a route
  const pipelines = count / 10
  const { cases, compiledMs, close } = await casesOf(writeProject({ pipelines, endpoints: 10, perFile: 20 }), pipelines)
  for (const one of cases) add(decided, one.what, deciding(one))
  compiled.push(compiledMs)
  await close()
}
show('finding a route, µs', found)
show('the whole decision, µs', decided)
console.log(`\ncompiling a generation of them, ms: ${compiled.map((ms) => ms.toFixed(1)).join(', ')}`)
const mesh = decided.find(({ what }) => what.startsWith('mesh in:'))?.micros ?? []
const worst = Math.max(...mesh)
console.log(`\naim: a request with a known mesh token within ${aimMicros} µs: ${worst <= aimMicros ? 'met' : 'missed'}`)
const file = join(import.meta.dirname, '../dist/bench/decide.json')
mkdirSync(join(file, '..'), { recursive: true })
writeFileSync(
  file,
  `${JSON.stringify({ counts, runs, aimMicros, found, decided, compiledMs: compiled }, undefined, 2)}\n`,
)

function add(rows: Row[], what: string, micros: number): void {
  const row = rows.find((one) => one.what === what)
  if (row === undefined) rows.push({ what, micros: [micros] })
  else row.micros.push(micros)
}

function show(title: string, rows: readonly Row[]): void {
  const widths = { what: Math.max(...rows.map(({ what }) => what.length)), cell: 9 }
  const cells = (list: readonly string[]): string => list.map((text) => text.padStart(widths.cell)).join('')
  console.log(`\n${title.padEnd(widths.what)}${cells(counts.map((count) => count.toLocaleString('en')))}`)
  for (const { what, micros } of rows)
    console.log(`${what.padEnd(widths.what)}${cells(micros.map((value) => value.toFixed(2)))}`)
}

/** µs of a call: the median of the runs, after as many to get warm. */
function searching(find: () => unknown): number {
  return typical(() => {
    let calls = 0
    const started = performance.now()
    let took = 0
    while (took < runMs) {
      for (let left = 100; left > 0; left--) find()
      calls += 100
      took = performance.now() - started
    }
    return (took / calls) * 1_000
  })
}

/** The same of a decision about a head that has just come; making and forgetting it is not counted. */
function deciding({ heads, decide, end }: Case): number {
  return typical(() => {
    let calls = 0
    let took = 0
    while (took < runMs) {
      const list = heads(batch)
      const started = performance.now()
      for (const head of list) void decide(head)
      took += performance.now() - started
      calls += batch
      for (const head of list) end(head)
    }
    return (took / calls) * 1_000
  })
}

function typical(run: () => number): number {
  for (let left = runs; left > 0; left--) run()
  return median(Array.from({ length: runs }, run))
}
