// uvu's suites with results that the runner reads: each test's name, time, error, or reason for a skip.
// A file that is run by hand (node test/….test.ts) prints uvu's own report instead.
import { writeSync } from 'node:fs'
import { inspect } from 'node:util'
import { suite as uvu } from 'uvu'
import { compare } from 'uvu/diff'
import { within } from './deadline.ts'

/** What a test file tells the runner, one JSON line each. */
export type Report =
  | { kind: 'planned'; tests: number }
  | { kind: 'started'; test: string }
  | { kind: 'passed'; test: string; ms: number }
  | { kind: 'failed'; test: string; ms: number; error: string }
  | { kind: 'skipped'; test: string; reason: string }
  | { kind: 'lingers'; resources: string[] }

type Body<C> = (context: C) => void | Promise<void>

type Options = {
  /** Why the test cannot run here; `undefined` runs it. See `needsPeers` in test/peers/find.ts. */
  skip?: string | undefined
  /** How long the test may take, in ms. */
  withinMs?: number
}

type Hook<C> = { (body: Body<C>): void; each(body: Body<C>): void }

export type Suite<C> = {
  (name: string, body: Body<C>, options?: Options): void
  /** A test known to fail, and why. It is run, and fails once its body passes: then the skip must go. */
  skip(name: string, reason: string, body: Body<C>): void
  before: Hook<C>
  after: Hook<C>
  run(): void
}

const fd = process.env['HARMONY_TEST_FD']
// Not for the processes that a test starts: they would write into this file's report.
delete process.env['HARMONY_TEST_FD']

/** How long a file may stay alive after its last test, in ms: it has left something open. */
const lingerMs = Number(process.env['HARMONY_TEST_LINGER_MS'] ?? 10_000)
let pending = 0
let linger: NodeJS.Timeout | undefined

function report(line: Report): void {
  if (fd !== undefined) writeSync(Number(fd), `${JSON.stringify(line)}\n`)
}

/** A suite of tests; its name is put before theirs. Ends with `run()`. */
export function suite<C extends Record<string, unknown>>(name: string, context?: C): Suite<C> {
  const inner = uvu<C>(name, context)
  let planned = 0

  const add = (test: string, options: Options, body: Body<C>, judge: Judge = plain): void => {
    const title = name ? `${name}: ${test}` : test
    planned += 1
    // Reported when its turn comes, so that the order of the report is the order of the file.
    inner(test, async (state) => {
      clearTimeout(linger)
      report({ kind: 'started', test: title })
      const started = performance.now()
      const outcome =
        options.skip === undefined
          ? judge(await attempt(async () => body(state), options.withinMs ?? 60_000))
          : { reason: options.skip }
      const ms = performance.now() - started
      if ('reason' in outcome) report({ kind: 'skipped', test: title, reason: outcome.reason })
      else if ('error' in outcome) report({ kind: 'failed', test: title, ms, error: text(outcome.error) })
      else report({ kind: 'passed', test: title, ms })
      settle(1)
      if ('error' in outcome) throw outcome.error
    })
  }

  // uvu forgets an error of a hook around tests (it returns from `finally`): say it before it is lost.
  const guarded =
    (hook: string, body: Body<C>): Body<C> =>
    async (state) => {
      const outcome = await attempt(async () => body(state), 60_000)
      if (!('error' in outcome)) return
      report({ kind: 'failed', test: `${name}: ${hook}`, ms: 0, error: text(outcome.error) })
      process.exitCode = 1
      throw outcome.error
    }
  const hook = (when: 'before' | 'after'): Hook<C> =>
    Object.assign((body: Body<C>) => inner[when](guarded(when, body)), {
      each: (body: Body<C>) => inner[when].each(guarded(`${when} each`, body)),
    })

  return Object.assign((test: string, body: Body<C>, options: Options = {}) => add(test, options, body), {
    skip: (test: string, reason: string, body: Body<C>) => add(test, {}, body, knownToFail(reason)),
    before: hook('before'),
    after: hook('after'),
    run: () => {
      pending += planned
      report({ kind: 'planned', tests: planned })
      planned = 0
      inner.run()
    },
  })
}

// --- outcomes ---

type Outcome = { ok: true } | { error: unknown } | { reason: string }
type Judge = (outcome: Outcome) => Outcome

const plain: Judge = (outcome) => outcome

function knownToFail(reason: string): Judge {
  return (outcome) =>
    'error' in outcome ? { reason } : { error: new Error(`passes, though it is skipped: ${reason}`) }
}

async function attempt(body: () => Promise<void>, ms: number): Promise<Outcome> {
  try {
    await within(ms, 'the test', body())
    return { ok: true }
  } catch (error) {
    return { error }
  }
}

/** After the last test nothing may keep the process alive: an open handle is a leak, and leaks fail. */
function settle(tests: number): void {
  pending -= tests
  if (pending > 0 || fd === undefined) return
  linger = setTimeout(() => {
    report({ kind: 'lingers', resources: process.getActiveResourcesInfo() })
    process.exit(1)
  }, lingerMs)
  linger.unref()
}

function text(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error)
  const [stack = error.message, cause] = [error.stack, error.cause]
  const frames = stack.split('\n').filter((line) => !/\/node_modules\/uvu\/|\/test\/support\/suite\.ts/.test(line))
  const values = 'expected' in error && 'actual' in error ? `\n${compare(error.actual, error.expected)}` : ''
  return `${frames.join('\n')}${values}${cause === undefined ? '' : `\ncause: ${text(cause)}`}`
}
