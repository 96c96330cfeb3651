// Takes what is reported in a run, up to a bound: nobody reads more, and a hostile file could have a million.
import type { Report, Severity } from './finding.ts'
import { findings } from './table.ts'

export type Collector = {
  readonly report: (report: Report) => void
  /** What was reported so far; how many were not kept is a finding on the main file. */
  readonly kept: () => readonly Report[]
}

/** Of each severity. */
const maxFindings = 500

export function collector(main: string): Collector {
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

export function severityOf({ code, severity }: Report): Severity {
  return severity ?? findings[code].severity
}
