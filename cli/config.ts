// Which configuration file a command means, and what it says.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Config, Finding, Loaded } from '../core/index.ts'
import type { Input } from './command.ts'
import { Failure } from './failure.ts'
import type { Terminal } from './terminal.ts'

const usual = ['config.toml', 'config/config.toml'] as const

/** The file: `--config`, else HARMONY_CONFIG, else the usual places. Throws a `Failure` that names them. */
export function configFile(given: string | undefined, { env, cwd }: Terminal): string {
  if (given !== undefined) return resolve(cwd, given)
  const named = env['HARMONY_CONFIG']
  if (named !== undefined && named !== '') return resolve(cwd, named)
  const found = usual.map((path) => resolve(cwd, path)).find((path) => existsSync(path))
  if (found !== undefined) return found
  throw new Failure(
    'config/not-found',
    `no configuration: HARMONY_CONFIG is not set, and neither ${usual.map((path) => `./${path}`).join(' nor ')} is there`,
    'name the file with --config FILE, or let harmony quickstart write a first one',
  )
}

/** A configuration without errors. */
export type Sound = Pick<Loaded, 'where'> & { readonly config: Config }

/** The configuration that a command asks about. Throws a `Failure`, with its errors on stderr, when it has any. */
export async function configOf({ flags, io }: Input): Promise<Sound> {
  const file = configFile(flags.value('--config'), io)
  const { loadConfig } = await import('../core/index.ts')
  const { config, findings, where } = await loadConfig({ file, env: io.env, cwd: io.cwd, now: Date.now() })
  if (config !== undefined) return { config, where }
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (!flags.has('--json')) await printFindings(errors, io)
  throw invalid(file, errors)
}

/** Prints findings on stderr, with an empty line behind each. */
export async function printFindings(findings: readonly Finding[], io: Terminal): Promise<void> {
  const { renderFinding } = await import('../core/index.ts')
  for (const finding of findings) io.err(`${renderFinding(finding, io.paint('err'))}\n\n`)
}

/** Why nothing is done with a configuration that has errors. */
export function invalid(file: string, errors: readonly Finding[]): Failure {
  const count = `${errors.length} ${errors.length === 1 ? 'error' : 'errors'}`
  return new Failure('config/invalid', `the configuration has ${count}`, `harmony check ${file} shows them all`)
}
