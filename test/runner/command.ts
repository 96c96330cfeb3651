// A tool as a step of the suite: its exit code, its output, its time.
import { spawn } from 'node:child_process'

export type CommandResult = { ok: boolean; output: string; ms: number }

/** Runs a program to its end or its deadline and keeps what it printed, both streams in order of arrival. */
export async function runCommand(command: readonly string[], deadlineMs: number, cwd?: string): Promise<CommandResult> {
  const [program = '', ...args] = command
  const started = performance.now()
  const child = spawn(program, args, {
    cwd,
    env: {
      ...process.env,
      NO_COLOR: '1',
      FORCE_COLOR: '0',
      CARGO_TERM_COLOR: 'never',
      CARGO_TERM_PROGRESS_WHEN: 'never',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  const end = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`${program}: ${error.message}`))
    child.once('close', (code, signal) =>
      resolve(code === 0 ? '' : `${program} ended with ${signal ?? `code ${code}`} (deadline ${deadlineMs / 1000} s)`),
    )
  })
  return { ok: end === '', output: end ? `${output.trimEnd()}\n${end}` : output, ms: performance.now() - started }
}
