// How long `harmony check` takes for 1,000 ingresses and 10,000 routes: node bench/check.ts. It takes half a minute.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../core/index.ts'
import { median } from './marks.ts'
import { writeProject } from './project.ts'
import type { Project, Size } from './project.ts'

const runs = 5
const aimMs = 1_000
const root = join(import.meta.dirname, '..')

const sizes: readonly Size[] = [
  { pipelines: 1, endpoints: 10, perFile: 20 },
  { pipelines: 100, endpoints: 10, perFile: 20 },
  { pipelines: 1_000, endpoints: 10, perFile: 20 },
]

type Row = { ingresses: number; routes: number; files: number; kilobytes: number; checkMs: number; loadMs: number }

const rows: Row[] = []
for (const size of sizes) {
  const project = writeProject(size)
  const { pipelines, endpoints } = size
  const row: Row = {
    ingresses: pipelines + 1,
    routes: pipelines * endpoints + 2,
    files: project.files,
    kilobytes: Math.round(project.bytes / 1000),
    checkMs: await typical(async () => checked(project)),
    loadMs: await typical(async () => loaded(project)),
  }
  rows.push(row)
  console.log(
    `${row.routes} routes and ${row.ingresses} ingresses in ${row.files} files of ${row.kilobytes} kB: ` +
      `harmony check ${row.checkMs.toFixed(0)} ms, loadConfig ${row.loadMs.toFixed(0)} ms`,
  )
}
const worst = rows.at(-1)?.checkMs ?? 0
console.log(`aim: check within ${aimMs} ms: ${worst <= aimMs ? 'met' : 'missed'}`)
mkdirSync(join(root, 'dist/bench'), { recursive: true })
writeFileSync(join(root, 'dist/bench/check.json'), `${JSON.stringify({ runs, aimMs, rows }, undefined, 2)}\n`)

/** The whole process, as a user starts it. */
function checked({ folder, file }: Project): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'cli/main.ts'), 'check', file], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`harmony check ended with ${status}:\n${(stdout + stderr).slice(0, 4_000)}`)
}

async function loaded({ folder, file }: Project): Promise<void> {
  const { config } = await loadConfig({ file, env: {}, cwd: folder, now: Date.now() })
  if (config === undefined) throw new Error('the configuration was refused')
}

/** ms of a call: the median of some. */
async function typical(call: () => Promise<void>): Promise<number> {
  const times: number[] = []
  for (let run = 0; run < runs; run++) {
    const started = performance.now()
    await call()
    times.push(performance.now() - started)
  }
  return median(times)
}
