// A configuration from its files: read, built and checked, with every finding of every file in one run. What `check`
// shows and what `serve` starts from.
import { basename, resolve } from 'node:path'
import { collector, severityOf } from '../finding/collector.ts'
import type { Finding, Place, Report } from '../finding/finding.ts'
import { locate, spot } from '../finding/locate.ts'
import type { FindingCode } from '../finding/table.ts'
import { build } from './build/index.ts'
import { scopeOf } from './build/scope.ts'
import { check } from './check/index.ts'
import type { Config } from './model.ts'
import { readRaw } from './read.ts'
import type { Sources } from './raw.ts'
import { veil } from './veil.ts'
import type { Substituted } from './veil.ts'

export type LoadOptions = {
  /** The main file: absolute, or relative to `cwd`. */
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What relative paths of certificates, keys and logs start at; absolute. */
  readonly cwd: string
  /** Unix time in ms: certificates end. */
  readonly now: number
}

export type Loaded = {
  /** None when a finding is an error. */
  readonly config: Config | undefined
  /** Sorted by file, line and column. */
  readonly findings: readonly Finding[]
  /** How many files were read. */
  readonly files: number
  /** Writes out a place of the configuration: `pipelines/a.toml:8:1`. */
  readonly where: (place: Place) => string
  /** What to watch, absolute: also where a finding is an error, for a file that is missing may come. */
  readonly watch: readonly string[]
}

/** Never rejects: whatever is wrong, with the configuration or with the check itself, is a finding. */
export async function loadConfig(options: LoadOptions): Promise<Loaded> {
  const file = resolve(options.cwd, options.file)
  try {
    return await load({ ...options, file })
  } catch (error) {
    // The message may hold what was read; the name of the error does not.
    const name = error instanceof Error ? error.constructor.name : typeof error
    const message = `the configuration could not be checked: ${name}`
    const failed: Report = { code: 'internal/failed', message, place: { file: options.file, path: [] } }
    return { config: undefined, findings: locate([failed], nowhere), files: 0, where: ({ file }) => file, watch: [] }
  }
}

async function load(options: LoadOptions): Promise<Loaded> {
  const { cwd, env, now } = options
  const { report, kept } = collector(basename(options.file))
  const { raw, sources, texts, substituted } = await readRaw({ ...options, report })
  const where = (place: Place): string => spot(place, sources)
  if (raw === undefined) return { config: undefined, findings: locate(kept(), sources), files: 1, where, watch: [] }
  const errors = kept().filter((one) => severityOf(one) === 'error')
  const refused = refusals(errors)
  const around = { texts, cwd, env, now, whole: errors.length === 0, refused }
  const scope = scopeOf(raw, sources, around, report)
  const config = check(scope, build(scope))
  const findings = locate(
    // One mistake, one finding: without what follows from a value that the reader has refused.
    kept()
      .filter(({ code, place }) => !echoes.has(code) || !refused(place))
      .map(veiled(substituted)),
    sources,
  )
  const failed = findings.some(({ severity }) => severity === 'error')
  return { config: failed ? undefined : config, findings, files: raw.files.length, where, watch: config.watch }
}

function veiled(substituted: Substituted): (report: Report) => Report {
  const over = veil(substituted)
  return (report) => {
    const { message, help } = report
    return { ...report, message: over(message), help: help === undefined ? undefined : over(help) }
  }
}

/** Whether a value there, or one below, has an error of the reader. */
function refusals(errors: readonly Report[]): (place: Place) => boolean {
  const touched = new Set(
    errors.flatMap(({ place: { file, path } }) => [...path, ''].map((_, end) => keyOf(file, path.slice(0, end)))),
  )
  return ({ file, path }) => touched.has(keyOf(file, path))
}

function keyOf(file: string, path: Place['path']): string {
  return JSON.stringify([file, ...path])
}

/** Findings on a table that lacks something, or that has a default. */
const echoes: ReadonlySet<string> = new Set<FindingCode>([
  'backend/authentication',
  'backend/no-destination',
  'ingress/default-mode',
  'management/no-network',
  'mesh/no-id',
  'mesh/no-key',
  'mesh/no-signing-key',
  'mesh/no-verification-key',
  'middleware/credentials',
  'middleware/mesh-key',
  'network/no-listener',
  'provider/no-api',
  'proxy/no-identity',
  'route/no-path',
])

const nowhere: Sources = {
  locate: () => ({ line: 0, column: 0, endLine: 0, endColumn: 0, excerpt: undefined }),
}
