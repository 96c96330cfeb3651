// One test file in a process of its own: what it reported, what it printed, and whether it ended well.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { Report } from '../support/suite.ts'

export type Failure = { test: string; error: string }

export type FileResult = {
  passed: number
  failures: Failure[]
  skips: { test: string; reason: string }[]
  /** The end of what the file printed, for a reader who looks for the cause of a failure. */
  output: string
  ms: number
}

/** What a file asks of the runner in its first lines: `// deadline: 300 s` and `// alone` (with a reason, at best). */
export type Wishes = { path: string; deadlineMs: number; alone: boolean }

const outputBytes = 64 * 1024

export function wishes(path: string): Wishes {
  const head = readFileSync(path, 'utf8').split('\n').slice(0, 12).join('\n')
  const seconds = /^\/\/ deadline: (\d+) s\b/m.exec(head)?.[1]
  return { path, deadlineMs: Number(seconds ?? 120) * 1000, alone: /^\/\/ alone\b/m.test(head) }
}

const running = new Set<number>()

/** Ends every process that a test file started: called when the runner itself is interrupted. */
export function endAll(): void {
  for (const pid of running) endGroup(pid)
}

/** Runs the file to its end or its deadline; never throws for what the file does. */
export async function runFile(path: string, deadlineMs: number, env: Record<string, string>): Promise<FileResult> {
  const started = performance.now()
  const child = spawn(process.execPath, [path], {
    // A group of its own, so that whatever the file started can be ended with it.
    detached: true,
    env: { ...process.env, ...env, HARMONY_TEST_FD: '3', NO_COLOR: '1', FORCE_COLOR: '0' },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  if (child.pid !== undefined) running.add(child.pid)
  // Pipes, all three, by the `stdio` above; the types do not follow it.
  const [, stdout, stderr, results] = child.stdio as unknown as [null, Readable, Readable, Readable]
  const printed = [tail(stdout), tail(stderr)]
  const reports = collect(results)
  // Not the child's `close`: the fourth pipe has two directions, and ours stays open.
  const closed = Promise.all([stdout, stderr, results].map(async (stream) => once(stream, 'end')))

  let late = false
  const timer = setTimeout(() => {
    late = true
    if (child.pid !== undefined) endGroup(child.pid)
  }, deadlineMs)
  const ended = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(code === 0 ? '' : `ended with ${signal ?? `code ${code}`}`))
  })
  clearTimeout(timer)
  if (child.pid !== undefined) {
    endGroup(child.pid)
    running.delete(child.pid)
  }
  // A process that left the group may hold the pipes open: what was written is there by now.
  await Promise.race([closed, pause(1000, undefined, { ref: false })])
  for (const stream of [stdout, stderr, results]) stream.destroy()

  const end = late ? `hung: ended after its deadline of ${deadlineMs / 1000} s` : ended
  return {
    ...judge(reports, end),
    output: ownOutput(printed.map((take) => take()).join('')),
    ms: performance.now() - started,
  }
}

/** A crash, a hang, a leak, tests that never ran, and a file without tests are failures, like a failed test. */
export function judge(reports: Report[], end: string): Pick<FileResult, 'passed' | 'failures' | 'skips'> {
  const failures: Failure[] = []
  const skips: FileResult['skips'] = []
  let planned = 0
  let passed = 0
  let ran = 0
  let open: string | undefined
  for (const line of reports) {
    if (line.kind === 'planned') planned += line.tests
    if (line.kind === 'started') open = line.test
    if (line.kind === 'failed') failures.push({ test: line.test, error: line.error })
    if (line.kind === 'skipped') skips.push({ test: line.test, reason: line.reason })
    if (line.kind === 'passed') passed += 1
    if (line.kind === 'lingers')
      failures.push({
        test: 'the end of the file',
        error: `left open after the last test: ${line.resources.join(', ')}`,
      })
    if (line.kind === 'passed' || line.kind === 'skipped' || line.kind === 'failed') {
      if (line.test === open) ran += 1
      open = undefined
    }
  }
  if (open !== undefined) failures.push({ test: open, error: end || 'the process ended during the test' })
  else if (planned === 0)
    failures.push({
      test: 'the file',
      error: `${end || 'no test reported'}: tests come from suite() in test/support/suite.ts`,
    })
  else if (ran < planned) failures.push({ test: 'the file', error: `${planned - ran} of ${planned} tests did not run` })
  // A process that fails though no test did: an unhandled rejection, or an error in a hook.
  if (end && failures.length === 0) failures.push({ test: 'the file', error: end })
  return { passed, failures, skips }
}

/** Without uvu's report at the end, whose failures were reported already. */
function ownOutput(output: string): string {
  return output
    .replace(/\n+ {3}FAIL {2}[\s\S]*?(?=\n {2}Total: )/g, '')
    .replace(/\n {2}Total: [\s\S]*?Duration: .*\n*/, '\n')
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group is gone: the usual case.
  }
}

/** Keeps the last bytes of a stream. */
function tail(stream: Readable): () => string {
  let kept = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    kept = (kept + chunk).slice(-outputBytes)
  })
  return () => kept
}

function collect(stream: Readable): Report[] {
  const reports: Report[] = []
  let rest = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    // Written by test/support/suite.ts and nobody else.
    for (const line of lines) reports.push(JSON.parse(line) as Report)
  })
  return reports
}
