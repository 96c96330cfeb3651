// Findings as text, in the form that editors and terminals make clickable, and as JSON.
import type { Finding } from './finding.ts'
import { findings } from './table.ts'
import type { FindingCode } from './table.ts'
import { amount } from './words.ts'

export type Style = 'error' | 'warning' | 'title' | 'gutter' | 'help'

/** Colours a piece of text; what a terminal would do is not known here. */
export type Paint = (style: Style, text: string) => string

const plain: Paint = (_style, text) => text

/** The most columns of a source line that are shown. */
const maxColumns = 110

/** One finding as a block of lines, without a newline at the end. */
export function renderFinding(finding: Finding, paint: Paint = plain): string {
  const { severity, code, file, line, column, help } = finding
  const at = line === 0 ? file : `${file}:${line}:${column}`
  const number = String(line)
  const margin = line === 0 ? ' ' : ' '.repeat(number.length)
  const bar = paint('gutter', '|')
  const lines = [
    `${paint(severity, `${severity}[${code}]`)}${paint('title', `: ${visible(finding.message)}`)}`,
    `${margin} ${paint('gutter', '-->')} ${visible(at)}`,
  ]
  const shown = excerpt(finding)
  if (shown) {
    lines.push(
      `${margin}  ${bar}`,
      ` ${paint('gutter', number)} ${bar} ${shown.text}`,
      `${margin}  ${bar} ${' '.repeat(shown.before)}${paint(severity, '^'.repeat(shown.marked))}`,
    )
  }
  if (help !== undefined) lines.push(`${margin}  ${paint('help', '= help:')} ${visible(help)}`)
  return lines.join('\n')
}

/** All findings, each with an empty line behind it, and a summary; ends with a newline. */
export function renderFindings(list: readonly Finding[], files: number, paint: Paint = plain): string {
  return `${list.map((finding) => `${renderFinding(finding, paint)}\n\n`).join('')}${summaryLine(list, files, paint)}\n`
}

/** `2 errors, 1 warning in 3 files`, or that all is well. */
export function summaryLine(list: readonly Finding[], files: number, paint: Paint = plain): string {
  const { errors, warnings } = count(list)
  const where = `in ${amount(files, 'file')}`
  if (errors === 0 && warnings === 0) return `no errors, no warnings ${where}`
  const parts = [
    paint(errors > 0 ? 'error' : 'title', errors > 0 ? amount(errors, 'error') : 'no errors'),
    ...(warnings > 0 ? [paint('warning', amount(warnings, 'warning'))] : []),
  ]
  return `${parts.join(', ')} ${where}`
}

export type Report = {
  readonly ok: boolean
  readonly findings: readonly Omit<Finding, 'excerpt'>[]
  readonly summary: { readonly errors: number; readonly warnings: number; readonly files: number }
}

/** What `harmony check --json` prints. */
export function report(list: readonly Finding[], files: number): Report {
  const { errors, warnings } = count(list)
  return { ok: errors === 0, findings: list.map(data), summary: { errors, warnings, files } }
}

/** Warnings count as errors. */
export function strict(list: readonly Finding[]): Finding[] {
  return list.map((finding) => ({ ...finding, severity: 'error' as const }))
}

export function isFindingCode(text: string): text is FindingCode {
  return Object.hasOwn(findings, text)
}

/** The page of `harmony check --explain CODE`; ends with a newline. */
export function explainPage(code: FindingCode, paint: Paint = plain): string {
  const { severity, title, meaning, why, wrong, right } = findings[code]
  return [
    `${paint(severity, `${severity}[${code}]`)}${paint('title', `: ${title}`)}`,
    wrap(meaning),
    `${paint('title', 'Why it matters')}\n${wrap(why)}`,
    `${paint('title', 'Wrong')}\n${indent(wrong)}`,
    `${paint('title', 'Right')}\n${indent(right)}`,
  ]
    .map((part) => `${part}\n`)
    .join('\n')
}

function data({ excerpt: _excerpt, ...finding }: Finding): Omit<Finding, 'excerpt'> {
  return finding
}

function count(list: readonly Finding[]): { errors: number; warnings: number } {
  const errors = list.filter(({ severity }) => severity === 'error').length
  return { errors, warnings: list.length - errors }
}

/** The part of the source line that is shown, and where the carets stand below it. */
function excerpt(finding: Finding): { text: string; before: number; marked: number } | undefined {
  if (finding.line === 0 || finding.excerpt === undefined) return undefined
  const start = Math.min(finding.column - 1, finding.excerpt.length)
  const end = finding.endLine === finding.line ? Math.max(finding.endColumn - 1, start) : finding.excerpt.length
  // Of a line that is too long, the part around the caret.
  const from = end > maxColumns ? Math.max(0, start - 20) : 0
  const to = Math.min(finding.excerpt.length, from + maxColumns)
  const lead = from > 0 ? '...' : ''
  const before = lead + visible(finding.excerpt.slice(from, start))
  const marked = visible(finding.excerpt.slice(start, Math.min(end, to)))
  const after = visible(finding.excerpt.slice(Math.min(end, to), to)) + (to < finding.excerpt.length ? '...' : '')
  return { text: (before + marked + after).trimEnd(), before: columns(before), marked: Math.max(1, columns(marked)) }
}

/** A file's text may hold escape sequences: a terminal must not obey them. Tabs are one space, so carets stand right. */
function visible(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => (character === '\t' ? ' ' : '\ufffd'),
  )
}

/** Code points: near enough to columns for what stands in configurations. */
function columns(text: string): number {
  return text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, ' ').length
}

function indent(text: string): string {
  return text
    .trim()
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n')
}

function wrap(text: string): string {
  let line = ''
  const lines: string[] = []
  for (const word of text.trim().split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > 80) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
