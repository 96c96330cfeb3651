// Processes of peers: started in a temporary directory, ready when they say or answer so, ended with ours.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { createSocket } from 'node:dgram'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until, within } from '../support/deadline.ts'

const startMs = 20_000
const stopMs = 3_000
const outputBytes = 64 * 1024

const running = new Set<ChildProcess>()
const folders = new Set<string>()

process.once('exit', () => {
  // nginx ends its workers when it is asked to end, and leaves them when it is killed.
  for (const child of running) child.kill('SIGTERM')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

// Signals end a process without its exit handlers, unless somebody asks for them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

/** A directory that is removed when this process ends. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'harmony-'))
  folders.add(folder)
  return folder
}

export type Running = {
  readonly pid: number
  /** The end of what it printed, both streams. */
  output(): string
  stop: () => Promise<void>
}

/** Starts a server; `ready` is asked with its output until it answers truthy. Throws with the output otherwise. */
export async function start(
  command: string,
  args: readonly string[],
  ready: (output: string) => boolean | Promise<boolean>,
  env: Record<string, string> = {},
): Promise<Running> {
  const child = spawn(command, args, {
    // In our process group: who kills the group of a test kills its peers too.
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let output = ''
  let over: string | undefined
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-outputBytes)
    })
    // The output of a peer must not keep a finished test alive.
    ;(stream as unknown as { unref(): void }).unref()
  }
  child.unref()
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      over = error.message
      resolve()
    })
    child.once('exit', (code, signal) => {
      over = `ended with ${signal ?? `code ${code}`}`
      resolve()
    })
  })
  const stop = async (): Promise<void> => {
    if (over === undefined) {
      child.ref()
      child.kill('SIGTERM')
      await within(stopMs, 'end of a peer', exited).catch(() => undefined)
    }
    child.kill('SIGKILL')
    running.delete(child)
  }
  try {
    await until(startMs, `start of ${command}`, async () => over !== undefined || (await ready(output)))
    if (over !== undefined) throw new Error(over)
  } catch (error) {
    await stop()
    throw new Error(`${command} did not start: ${error instanceof Error ? error.message : 'unknown'}\n${output}`, {
      cause: error,
    })
  }
  return { pid: child.pid ?? 0, output: () => output, stop }
}

export type Finished = { code: number | null; stdout: string; stderr: string }

/** Runs a program to its end, or ends it at the deadline (`code` is null then). */
export async function run(
  command: string,
  args: readonly string[],
  options: { deadlineMs?: number; input?: Uint8Array; onLine?: (line: string, pid: number) => void } = {},
): Promise<Finished> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  running.add(child)
  const finished: Finished = { code: null, stdout: '', stderr: '' }
  let rest = ''
  child.stdout.setEncoding('latin1').on('data', (chunk: string) => {
    finished.stdout += chunk
    if (!options.onLine) return
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) options.onLine(line, child.pid ?? 0)
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    finished.stderr += chunk
  })
  // A program may end without having read all of its input.
  child.stdin.on('error', () => undefined).end(options.input ?? '')
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      finished.code = code
      resolve()
    })
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), options.deadlineMs ?? 60_000)
  try {
    await ended
  } finally {
    clearTimeout(timer)
    running.delete(child)
  }
  return finished
}

/** A port that is free for TCP and UDP now; what takes it must be ready to ask for another. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(0, host, resolve)
    })
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const free = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false)).bind(port, host, () => resolve(true))
    })
    await new Promise<void>((resolve) => socket.close(() => resolve()))
    await new Promise<void>((resolve) => server.close(() => resolve()))
    if (free) return port
  }
}

/** Whether something accepts TCP connections there. */
export async function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  const socket = connect(port, host)
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Starts a server on ports found free before; again with others if somebody took one in between. */
export async function onFreePorts<T>(count: number, launch: (ports: number[]) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const ports: number[] = []
    while (ports.length < count) {
      const port = await freePort()
      if (!ports.includes(port)) ports.push(port)
    }
    try {
      return await launch(ports)
    } catch (error) {
      const taken = error instanceof Error && /in use/i.test(error.message)
      if (!taken || attempt === 4) throw error
    }
  }
}
