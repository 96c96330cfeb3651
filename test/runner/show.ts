// What the runner prints: a line per step with its time, failures with their output, the totals last.
import type { FileResult } from './file.ts'

export type Totals = { passed: number; failed: number; skipped: number }

export type Step = Pick<FileResult, 'passed' | 'failures' | 'skips' | 'ms'> & { output?: string }

export function totalsLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

/** Prints a step as it ends, and adds it up. */
export function show(name: string, step: Step, totals: Totals): void {
  totals.passed += step.passed
  totals.failed += step.failures.length
  totals.skipped += step.skips.length
  const mark = step.failures.length > 0 ? 'FAIL' : step.passed > 0 ? 'ok  ' : 'skip'
  const counts = [
    step.passed > 1 ? `${step.passed} passed` : '',
    step.failures.length > 0 ? `${step.failures.length} failed` : '',
    step.skips.length > 0 ? `${step.skips.length} skipped` : '',
  ].filter(Boolean)
  console.log(`${mark} ${seconds(step.ms)}  ${name}${counts.length > 0 ? `: ${counts.join(', ')}` : ''}`)
  for (const { test, reason } of step.skips) console.log(`       - ${test}: ${reason}`)
  for (const { test, error } of step.failures) console.log(indent(`✗ ${test}\n${indent(error.trimEnd(), 2)}`, 5))
  if (step.failures.length > 0 && step.output?.trim())
    console.log(indent(`printed:\n${indent(step.output.trim(), 2)}`, 5))
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(8)
}

function indent(text: string, columns: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(columns))
}
