// Cargo's tests in the totals: what `cargo test` prints, read.
import type { CommandResult } from './command.ts'
import type { FileResult } from './file.ts'

/** Sums the results of all test binaries; a build that fails, or a binary that crashes, is one failure. */
export function readCargo({
  ok,
  output,
}: Pick<CommandResult, 'ok' | 'output'>): Pick<FileResult, 'passed' | 'failures' | 'skips'> {
  let passed = 0
  for (const match of output.matchAll(/^test result: \w+\. (\d+) passed;/gm)) passed += Number(match[1])
  const failures = [...output.matchAll(/^test (.+) \.\.\. FAILED$/gm)].map((match) => ({
    test: match[1] ?? '',
    error: section(output, match[1] ?? ''),
  }))
  const skips = [...output.matchAll(/^test (.+) \.\.\. ignored(?:, (.*))?$/gm)].map((match) => ({
    test: match[1] ?? '',
    reason: match[2] ?? 'ignored',
  }))
  if (!ok && failures.length === 0) failures.push({ test: 'cargo test', error: output.slice(-16 * 1024) })
  if (ok && passed === 0 && skips.length === 0) failures.push({ test: 'cargo test', error: 'no test ran' })
  return { passed, failures, skips }
}

/** What libtest shows of one failed test. */
function section(output: string, test: string): string {
  const start = output.indexOf(`---- ${test} stdout ----`)
  if (start < 0) return 'no output'
  const end = output.slice(start + 5).search(/^(?:---- |failures:$)/m)
  return output.slice(start, end < 0 ? undefined : start + 5 + end).trim()
}
