// From what a rule reports to what is printed: the position is looked up, the path written out, the list sorted.
import type { Sources } from '../config/raw.ts'
import { severityOf } from './collector.ts'
import type { Finding, Place, Report } from './finding.ts'
import { quoted, shorten } from './words.ts'

/** The findings of a run: by file, then line, then column; the same one twice is said once. */
export function locate(reports: readonly Report[], sources: Sources): Finding[] {
  const seen = new Set<string>()
  return reports
    .map((report) => located(report, sources))
    .toSorted(byPlace)
    .filter((finding) => {
      const key = `${finding.code}\n${finding.file}\n${finding.path}\n${finding.message}`
      return !seen.has(key) && seen.add(key)
    })
}

/** `pipelines/a.toml:8:1`: where a name is defined, for a help text. */
export function spot(place: Place, sources: Sources): string {
  const { line, column, excerpt = '' } = sources.locate(place, 'key')
  if (line === 0) return place.file
  // A definition starts with its header or its dotted key: `[pipelines.a]` at column 1, not `a` at column 12.
  const before = /^(\s*)[[\w."' -]*$/.exec(excerpt.slice(0, column - 1))
  return `${place.file}:${line}:${before === null ? column : (before[1] ?? '').length + 1}`
}

/** `mesh.prod.ingress[0]`; keys that are not bare stand in quotes, as TOML writes them; very long ones are cut. */
export function pathText(path: Place['path']): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`
      const key = /^[A-Za-z0-9_-]+$/.test(part) ? shorten(part) : quoted(part)
      return index === 0 ? key : `.${key}`
    })
    .join('')
}

function located(report: Report, sources: Sources): Finding {
  const { line, column, endLine, endColumn, excerpt } = sources.locate(report.place, report.mark ?? 'value')
  return {
    code: report.code,
    severity: severityOf(report),
    message: bounded(report.message),
    file: report.place.file,
    line,
    column,
    endLine,
    endColumn,
    path: pathText(report.place.path),
    help: report.help === undefined ? undefined : bounded(report.help),
    excerpt,
  }
}

/** A name in a file may be as long as the file. What is found stands at the end: the middle is left out. */
function bounded(text: string): string {
  return text.length <= 1000 ? text : `${text.slice(0, 500)}...${text.slice(-400)}`
}

function byPlace(a: Finding, b: Finding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  if (a.line !== b.line) return a.line - b.line
  if (a.column !== b.column) return a.column - b.column
  return a.code < b.code ? -1 : Number(a.code > b.code)
}
