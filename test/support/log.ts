// Logs in memory.
import type { Fields, Log } from '../../core/log/log.ts'

export type Line = { readonly level: string; readonly fields: Fields; readonly message: string }

/** A log that keeps its lines; the fields of children are in them. */
export type FakeLog = Log & { readonly lines: Line[] }

export function fakeLog(): FakeLog {
  const lines: Line[] = []
  return { ...logTo((line) => lines.push(line)), lines }
}

/** A log that hands over its lines. */
export function logTo(take: (line: Line) => void, bound: Fields = {}): Log {
  const at =
    (level: string) =>
    (fields: Fields, message: string): void =>
      take({ level, fields: { ...bound, ...fields }, message })
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => logTo(take, { ...bound, ...fields }),
  }
}
