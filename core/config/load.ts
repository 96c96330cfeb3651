// A configuration from its files: read, built and checked, with every finding of every file in one run. What `check`
// shows and what `serve` starts from.
import { resolve } from 'node:path'
import type { Finding, Place, Report, Severity } from '../finding/finding.ts'
import { locate, spot } from '../finding/locate.ts'
import { findings as pages } from '../finding/table.ts'
import { build } from './build/index.ts'
import { scopeOf } from './build/scope.ts'
import { check } from './check/index.ts'
import type { Config } from './model.ts'
import { readRaw } from './read.ts'
import type { Sources } from './raw.ts'

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
  /** Writes out where something stands: `pipelines/a.toml:8:1`, or the file alone. */
  readonly locate: (place: Place) => string
}

/** Findings of each severity that are kept: nobody reads more, and a hostile file could have a million. */
const maxFindings = 500

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
    return { config: undefined, findings: locate([failed], nowhere), files: 0, locate: whereIn(nowhere) }
  }
}

async function load(options: LoadOptions): Promise<Loaded> {
  const { cwd, env, now } = options
  const { raw, reports, sources, texts } = await readRaw(options)
  if (raw === undefined)
    return { config: undefined, findings: locate(reports, sources), files: 1, locate: whereIn(sources) }
  const { report, kept } = bounded(raw.main)
  for (const one of reports) report(one)
  const whole = !reports.some(isError)
  const scope = scopeOf(raw, sources, { texts, cwd, env, now, whole }, report)
  const config = check(scope, build(scope))
  const findings = locate(kept(), sources)
  const failed = findings.some(({ severity }) => severity === 'error')
  return { config: failed ? undefined : config, findings, files: raw.files.length, locate: whereIn(sources) }
}

function whereIn(sources: Sources): Loaded['locate'] {
  return (place) => spot(place, sources)
}

function severityOf({ code, severity }: Report): Severity {
  return severity ?? pages[code].severity
}

function isError(report: Report): boolean {
  return severityOf(report) === 'error'
}

function bounded(main: string): { readonly report: (report: Report) => void; readonly kept: () => readonly Report[] } {
  const reports: Report[] = []
  const counts = { error: 0, warning: 0 }
  let dropped = 0
  return {
    report(one) {
      if (counts[severityOf(one)]++ < maxFindings) reports.push(one)
      else dropped += 1
    },
    kept() {
      if (dropped === 0) return reports
      const message = `${dropped} more findings are not shown`
      return [...reports, { code: 'file/more', message, place: { file: main, path: [] } }]
    },
  }
}

const nowhere: Sources = {
  locate: () => ({ line: 0, column: 0, endLine: 0, endColumn: 0, excerpt: undefined }),
}
