// The whole suite: build, checks, cargo's tests, test files. Closes with `N passed, N failed, N skipped`.
import { globSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCargo } from './runner/cargo.ts'
import { runCommand } from './runner/command.ts'
import { endAll, runFile, wishes } from './runner/file.ts'
import { checks } from './runner/lint.ts'
import { show, totalsLine } from './runner/show.ts'

const usage = `usage: node test/run.ts [--lint | --coverage] [part of a path]...

  (nothing)       everything: build, checks, cargo's tests, test files, coverage
  part of a path  only the test files whose path contains it (build first)
  --lint          only the checks
  --coverage      only the test files, with coverage of quic/
`

const minute = 60_000
const atOnce = 2
const root = join(import.meta.dirname, '..')
const coverage = join(root, 'dist/coverage')
const totals = { passed: 0, failed: 0, skipped: 0 }

process.chdir(root)
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    endAll()
    process.exit(1)
  })

const { values: flags, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { lint: { type: 'boolean' }, coverage: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
})
if (flags.help) process.stdout.write(usage)
else {
  await run()
  process.exitCode = totals.failed > 0 ? 1 : 0
}

async function run(): Promise<void> {
  const everything = !flags.lint && !flags.coverage && filters.length === 0
  const built = flags.lint || (await check('build', [process.execPath, 'build.mjs'], 30 * minute))
  if (everything || flags.lint) await lint()
  // Without an engine each of its tests would say the same once more.
  if (everything && built) await cargo()
  if (built && !flags.lint) await files(everything || flags.coverage === true)
  console.log(totalsLine(totals))
}

async function check(name: string, command: readonly string[], deadlineMs: number): Promise<boolean> {
  const { ok, output, ms } = await runCommand(command, deadlineMs)
  const failures = ok ? [] : [{ test: command.join(' '), error: output }]
  show(name, { passed: ok ? 1 : 0, failures, skips: [], ms }, totals)
  return ok
}

async function lint(): Promise<void> {
  for (const { name, command, optional } of checks) {
    if (optional === undefined || (await runCommand(optional, minute)).ok) await check(name, command, 20 * minute)
    else {
      const skips = [{ test: name, reason: `${optional.join(' ')} does not run here` }]
      show(name, { passed: 0, failures: [], skips, ms: 0 }, totals)
    }
  }
}

async function cargo(): Promise<void> {
  const command = ['cargo', 'test', '--workspace', '--locked', '--no-fail-fast']
  const result = await runCommand(command, 30 * minute, 'quic/native')
  show('cargo test', { ...readCargo(result), ms: result.ms }, totals)
}

async function files(withCoverage: boolean): Promise<void> {
  const all = globSync('test/**/*.test.ts').toSorted()
  const chosen = all.filter((path) => filters.length === 0 || filters.some((part) => path.includes(part)))
  if (chosen.length === 0) {
    const error = `no test file${filters.length > 0 ? ` has ${filters.join(' or ')} in its path` : ''}`
    show('test files', { passed: 0, failures: [{ test: 'test/**/*.test.ts', error }], skips: [], ms: 0 }, totals)
    return
  }
  rmSync(coverage, { recursive: true, force: true })
  mkdirSync(coverage, { recursive: true })
  const env: Record<string, string> = withCoverage ? { NODE_V8_COVERAGE: coverage } : {}

  const queue = chosen.map(wishes)
  const work = async (list: typeof queue): Promise<void> => {
    for (let next = list.shift(); next; next = list.shift())
      show(next.path, await runFile(next.path, next.deadlineMs, env), totals)
  }
  const shared = queue.filter(({ alone }) => !alone)
  await Promise.all(Array.from({ length: atOnce }, async () => work(shared)))
  await work(queue.filter(({ alone }) => alone))
  if (withCoverage) await showCoverage()
}

async function showCoverage(): Promise<void> {
  const options = ['--temp-directory', coverage, '--include', 'quic/**/*.ts', '--reporter', 'text']
  const { output } = await runCommand(['node_modules/.bin/c8', 'report', ...options], 5 * minute)
  console.log(`coverage of quic/ by the test files (shown, not enforced)\n${output.trimEnd()}`)
}
