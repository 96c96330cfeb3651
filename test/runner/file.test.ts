// The runner sees every way in which a test file can fail.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { until } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'
import { runFile, wishes } from './file.ts'
import type { FileResult } from './file.ts'

const test = suite('a test file')
const folder = mkdtempSync(join(tmpdir(), 'harmony-runner-'))
const support = join(import.meta.dirname, '../support/suite.ts')

test.after(() => rmSync(folder, { recursive: true, force: true }))

function ps(pid: number): string {
  return spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
}

let count = 0
function write(source: string): string {
  const path = join(folder, `${(count += 1)}.ts`)
  writeFileSync(path, `import { suite } from ${JSON.stringify(support)}\nconst test = suite('s')\n${source}\n`)
  return path
}

async function run(source: string, deadlineMs = 30_000): Promise<FileResult> {
  return runFile(write(source), deadlineMs, { HARMONY_TEST_LINGER_MS: '200' })
}

function failed({ failures }: FileResult): string[] {
  return failures.map(({ test: name }) => name)
}

test('counts what passes, fails and is skipped, with the reason', async () => {
  const result = await run(`
    test('a', () => {})
    test('b', () => { throw new Error('broken') })
    test('c', () => { throw new Error('never runs') }, { skip: 'no peer' })
    test.skip('d', 'known defect', () => { throw new Error('as ever') })
    test.run()`)
  assert.is(result.passed, 1)
  assert.equal(failed(result), ['s: b'])
  assert.match(result.failures[0]?.error ?? '', 'broken')
  assert.equal(result.skips, [
    { test: 's: c', reason: 'no peer' },
    { test: 's: d', reason: 'known defect' },
  ])
})

test('fails where a skipped test would pass', async () => {
  const result = await run(`test.skip('a', 'known defect', () => {}); test.run()`)
  assert.match(result.failures[0]?.error ?? '', 'passes, though it is skipped: known defect')
})

test('fails by its name where a test does not end in time', async () => {
  const result = await run(`
    test('a', () => new Promise((resolve) => setTimeout(resolve, 60_000).unref()), { withinMs: 50 })
    test('b', () => {})
    test.run()`)
  assert.equal(failed(result), ['s: a'])
  assert.is(result.passed, 1)
})

test('fails by the open test where it blocks until the deadline', async () => {
  const result = await run(`test('a', () => { for (;;); }); test.run()`, 1500)
  assert.equal(failed(result), ['s: a'])
  assert.match(result.failures[0]?.error ?? '', 'hung')
})

test('fails where the process crashes in a test', async () => {
  const result = await run(`test('a', () => process.abort()); test('b', () => {}); test.run()`)
  assert.equal(failed(result), ['s: a'])
})

test('fails where the process ends before its tests ran', async () => {
  const result = await run(`test('a', () => {}); test.run(); process.exit(0)`)
  assert.equal(failed(result), ['the file'])
  assert.match(result.failures[0]?.error ?? '', '1 of 1 tests did not run')
})

test('fails on an unhandled rejection, though its tests pass', async () => {
  const result = await run(`test('a', () => { Promise.reject(new Error('lost')) }); test.run()`)
  assert.is(result.failures.length, 1)
  assert.match(result.output, 'lost')
})

test('fails where it has no tests', async () => {
  assert.match((await run(`test.run()`)).failures[0]?.error ?? '', 'no test reported')
})

test('fails where it cannot be loaded', async () => {
  const result = await run(`import './nowhere.ts'`)
  assert.equal(failed(result), ['the file'])
  assert.match(result.output, 'nowhere.ts')
})

test('fails where a hook fails, which bare uvu forgets', async () => {
  const before = await run(`test.before(() => { throw new Error('no engine') }); test('a', () => {}); test.run()`)
  assert.is(before.passed, 0)
  assert.ok(failed(before).includes('s: before'))
  const after = await run(`test.after(() => { throw new Error('no end') }); test('a', () => {}); test.run()`)
  assert.ok(failed(after).includes('s: after'))
})

test('fails where something is left open after the last test', async () => {
  const result = await run(`test('a', () => { setInterval(() => {}, 1000) }); test.run()`)
  assert.equal(failed(result), ['the end of the file'])
  assert.match(result.failures[0]?.error ?? '', /left open after the last test: .*Timeout/)
})

test('takes the processes that it started with it when it is ended', async () => {
  const result = await run(
    `
    import { spawn } from 'node:child_process'
    test('a', async () => {
      console.log('pid ' + spawn('sleep', ['600']).pid)
      for (;;);
    })
    test.run()`,
    1500,
  )
  const pid = Number(/pid (\d+)/.exec(result.output)?.[1])
  // Gone, or a zombie that nobody has reaped yet.
  await until(5000, 'the end of the process', () => !/^[^Z\s]/.test(ps(pid)))
})

test('says in its first lines how long it may take and whether it runs alone', () => {
  const path = write('')
  assert.equal(wishes(path), { path, deadlineMs: 120_000, alone: false })
  writeFileSync(path, '// What it is for.\n// deadline: 300 s\n// alone: it measures\n')
  assert.equal(wishes(path), { path, deadlineMs: 300_000, alone: true })
})

test.run()
