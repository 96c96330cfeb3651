// `harmony serve` as a user starts it: a process of its own, a folder of configuration, its log read line by line.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { temporary } from '../peers/process.ts'
import { until, within } from './deadline.ts'

const root = join(import.meta.dirname, '../..')
const main = join(root, 'cli/main.ts')

const startMs = 20_000
const stopMs = 10_000

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A folder with configuration files: text by path. */
export type Project = {
  readonly folder: string
  readonly config: string
  path(file: string): string
  write(file: string, content: string): void
  remove(file: string): void
}

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>>

export type Served = {
  readonly project: Project
  readonly pid: number
  /** Everything it wrote, both streams. */
  output(): string
  lines(): LogLine[]
  /** The first line that fits, once it is there. */
  line(fits: (line: LogLine) => boolean, what: string, ms?: number): Promise<LogLine>
  signal(name: NodeJS.Signals): void
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>
  /** Its exit code, once it has ended by itself. */
  ended(): Promise<number | null>
}

/** Writes files into a new folder, which is removed when this process ends. */
export function project(files: Readonly<Record<string, string>>): Project {
  const folder = temporary()
  const path = (file: string): string => join(folder, file)
  const write = (file: string, content: string): void => {
    mkdirSync(dirname(path(file)), { recursive: true })
    writeFileSync(path(file), content)
  }
  for (const [file, content] of Object.entries(files)) write(file, content)
  return { folder, config: path('config.toml'), path, write, remove: (file) => rmSync(path(file), { force: true }) }
}

export type Finished = { code: number | null; stdout: string; stderr: string }

/** Runs a command of `harmony` to its end. */
export async function harmony(
  args: readonly string[],
  // a variable that is undefined is not there
  options: { cwd?: string; env?: Record<string, string | undefined>; input?: string } = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  running.add(child)
  const finished: Finished = { code: null, stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (finished.stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (finished.stderr += chunk))
  child.stdin.on('error', () => undefined).end(options.input ?? '')
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  await within(startMs, `harmony ${args.join(' ')}`, closed).finally(() => child.kill('SIGKILL'))
  running.delete(child)
  finished.code = child.exitCode
  return finished
}

/** Starts `harmony serve` and waits until it is ready; throws with its output when it ends before. */
export async function serve(
  files: Project,
  options: {
    args?: readonly string[]
    env?: Record<string, string>
    ready?: boolean
    /** In the pretty form the lines are not read, and only the text is waited for. */
    format?: 'json' | 'pretty'
  } = {},
): Promise<Served> {
  const args = ['serve', '-c', files.config, '--log-format', options.format ?? 'json', ...(options.args ?? [])]
  const child = spawn(process.execPath, [main, ...args], {
    cwd: files.folder,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let output = ''
  let log = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
    log += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      running.delete(child)
      resolve(code)
    })
  })
  const lines = (): LogLine[] =>
    log
      .slice(0, log.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine)
  const served: Served = {
    project: files,
    pid: child.pid ?? 0,
    output: () => output,
    lines,
    line: async (fits, what, ms = 5_000) => {
      try {
        return await until(ms, what, () => lines().find(fits))
      } catch (error) {
        throw new Error(`${what} is not in the log:\n${output}`, { cause: error })
      }
    },
    signal: (name) => void child.kill(name),
    stop: async () => {
      child.kill('SIGTERM')
      return within(stopMs, 'end of harmony serve', exited).finally(() => child.kill('SIGKILL'))
    },
    ended: async () => within(stopMs, 'end of harmony serve', exited),
  }
  if (options.ready ?? true) {
    const ready =
      options.format === 'pretty'
        ? until(startMs, 'the ready line', () => output.includes('"event":"ready"'))
        : served.line((line) => line['event'] === 'ready', 'the ready line', startMs)
    const early = exited.then((code) => {
      throw new Error(`harmony serve ended with code ${code}:\n${output}`)
    })
    early.catch(() => undefined)
    await Promise.race([ready, early])
  }
  return served
}

/** Reads a file as text: for certificates and keys that a configuration names. */
export const textOf = (file: string): string => readFileSync(file, 'utf8')
