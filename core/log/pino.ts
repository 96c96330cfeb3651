// The log, on pino, without its worker threads: JSON lines, or lines for people on a terminal.
import { pino, stdTimeFunctions } from 'pino'
import { prettyFactory } from 'pino-pretty'
import type { LogLevel } from '../config/model.ts'
import { cleanFields, cleanText } from './clean.ts'
import type { Fields, Log } from './log.ts'
import { sensitiveNames } from './sensitive.ts'
import { fileSink, streamSink } from './sink.ts'
import type { Output, Sink } from './sink.ts'

/** What a new configuration may change while the log is open. */
export type LogSettings = {
  readonly level: LogLevel
  /** Absolute; JSON lines go there too. */
  readonly file: string | undefined
  /** Globs of names whose values are masked (`proxy.sensitive_field_patterns`). */
  readonly sensitivePatterns: readonly string[]
}

export type LogOptions = LogSettings & {
  readonly format: 'pretty' | 'json'
  /** Whether the pretty form has colours. */
  readonly colour: boolean
  readonly output: Output
  /** The most that waits for a slow reader, in bytes. Default 4 MiB. */
  readonly maxBytes?: number | undefined
}

export type OpenLog = Log & {
  /** Printed at every level (decision 18): that the gateway is ready. */
  notice(fields: Fields, message: string): void
  /** Printed at every level: why the gateway ends. */
  fatal(fields: Fields, message: string): void
  /** Throws when the new file cannot be opened; the level and the patterns are taken all the same. */
  configure(settings: LogSettings): void
  /** Opens the file again, for whoever moved it away. Throws when it cannot be opened, and goes on with the old one. */
  reopen(): void
  /** Waits until all is written, for `ms` at most. */
  flush(ms: number): Promise<void>
}

const ranks: Readonly<Record<LogLevel, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50 }
const defaultMaxBytes = 4 * 1024 * 1024

/** Opens the log. Throws when the file cannot be opened. */
// RUST_LOG (spec 1.5) is not read: its targets are those of another program. The level is `--log-level` or log_level.
export function createLog(options: LogOptions): OpenLog {
  const maxBytes = options.maxBytes ?? defaultMaxBytes
  const print = options.format === 'pretty' ? prettyPrinter(options.colour) : asIs
  let rank = ranks[options.level]
  let sensitive = sensitiveNames(options.sensitivePatterns)

  const output: Sink = streamSink(options.output, {
    maxBytes,
    onDropped: (lines) => output.write(print(droppedLine(lines, 'output'))),
  })
  let file: { path: string; sink: Sink } | undefined
  const openFile = (path: string) => {
    const sink: Sink = fileSink(path, { maxBytes, onDropped: (lines) => sink.write(droppedLine(lines, 'file')) })
    return { path, sink }
  }
  const write = (line: string): void => {
    output.write(print(line))
    file?.sink.write(line)
  }
  if (options.file !== undefined) file = openFile(options.file)

  const lines = pino(
    {
      level: 'trace',
      base: null,
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    { write },
  )
  const log = (level: LogLevel | 'fatal', bound: Fields, fields: Fields, message: string): void => {
    lines[level](cleanFields({ ...bound, ...fields }, sensitive), cleanText(message))
  }
  const at = (level: LogLevel, bound: Fields) => (fields: Fields, message: string) => {
    if (ranks[level] >= rank) log(level, bound, fields, message)
  }
  const withFields = (bound: Fields): Log => ({
    trace: at('trace', bound),
    debug: at('debug', bound),
    info: at('info', bound),
    warn: at('warn', bound),
    error: at('error', bound),
    child: (fields) => withFields({ ...bound, ...fields }),
  })
  return {
    ...withFields({}),
    notice: (fields, message) => log('info', {}, fields, message),
    fatal: (fields, message) => log('fatal', {}, fields, message),
    configure: (settings) => {
      rank = ranks[settings.level]
      sensitive = sensitiveNames(settings.sensitivePatterns)
      if (settings.file === file?.path) return
      const next = settings.file === undefined ? undefined : openFile(settings.file)
      file?.sink.close()
      file = next
    },
    reopen: () => file?.sink.reopen?.(),
    flush: async (ms) => {
      await Promise.all([output.flush(ms), file?.sink.flush(ms)])
    },
  }
}

/** A line about the log itself, for one sink. */
function droppedLine(lines: number, where: string): string {
  const message = `${lines} log lines were dropped: the ${where} was too slow`
  return `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), event: 'log-dropped', lines, message })}\n`
}

const asIs = (line: string): string => line

function prettyPrinter(colour: boolean): (line: string) => string {
  const pretty = prettyFactory({
    colorize: colour,
    colorizeObjects: false,
    singleLine: true,
    messageKey: 'message',
    translateTime: false,
    // their stacks would be lines of their own
    errorLikeObjectKeys: [],
  })
  return (line) => pretty(line)
}
