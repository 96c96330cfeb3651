// harmony serve: runs the gateway until it is told to stop.
import { configFlag, exits } from '../command.ts'
import type { Command, Input } from '../command.ts'
import { configFile, invalid, printFindings } from '../config.ts'
import { Failure, misuse } from '../failure.ts'
import type { Gateway, LogLevel, OpenLog } from '../../core/index.ts'
import { version } from '../version.ts'

export const serve: Command = {
  name: 'serve',
  summary: 'run the gateway',
  text: 'Checks the configuration, binds its ports and serves until SIGINT or SIGTERM. Both let requests under way finish; a second signal ends at once. SIGHUP loads the configuration again, and opens the log file again. Logs to stdout.',
  flags: [
    configFlag,
    { name: '--grace', value: 'SECONDS', text: 'time for requests under way when stopping', fallback: '30' },
    {
      name: '--log-format',
      value: 'FORMAT',
      text: 'pretty or json',
      fallback: 'pretty on a terminal, json elsewhere',
    },
    {
      name: '--log-level',
      value: 'LEVEL',
      text: 'trace, debug, info, warn or error',
      fallback: 'logging.log_level, else info',
    },
    { name: '--no-watch', text: 'do not load again when files change' },
  ],
  examples: [
    ['harmony serve', 'serve the configuration of this directory'],
    ['harmony serve -c /etc/harmony/config.toml --log-format json --grace 60', 'as a service'],
  ],
  exits: [
    [exits.done, 'stopped, and every request was answered'],
    [exits.failed, 'the configuration has errors, or a port cannot be bound'],
    [exits.usage, 'wrong usage'],
    [exits.cut, 'stopped with requests cut off'],
  ],
  run: async (input) => {
    const settings = settingsOf(input)
    return new Service(input, settings).run()
  },
}

type Settings = {
  readonly file: string
  readonly graceMs: number
  readonly format: 'pretty' | 'json'
  /** In place of the configuration's. */
  readonly level: LogLevel | undefined
  readonly watch: boolean
}

const levels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error']

/** The engine's bound. */
const maxGraceSecs = 86_400

function settingsOf({ flags, io }: Input): Settings {
  const grace = flags.value('--grace') ?? '30'
  const graceSecs = /^\d{1,5}(?:\.\d{1,3})?$/.test(grace) ? Number(grace) : Number.NaN
  if (!(graceSecs <= maxGraceSecs)) {
    throw misuse('flag-value', `--grace is "${grace}": must be 0 to ${maxGraceSecs} seconds`)
  }
  const format = flags.value('--log-format') ?? (io.process.stdout.isTTY ? 'pretty' : 'json')
  if (format !== 'pretty' && format !== 'json') {
    throw misuse('flag-value', `--log-format is "${format}": must be pretty or json`)
  }
  const named = flags.value('--log-level')
  const level = levels.find((one) => one === named)
  if (named !== undefined && level === undefined) {
    throw misuse('flag-value', `--log-level is "${named}": must be ${levels.join(', ')}`)
  }
  const file = configFile(flags.value('--config'), io)
  return { file, graceMs: Math.round(graceSecs * 1000), format, level, watch: !flags.has('--no-watch') }
}

/** How long the last lines of the log may take. */
const flushMs = 1_000
const hurriedMs = 100

class Service {
  readonly #input: Input
  readonly #settings: Settings
  /** Settled with the exit code. */
  readonly #ended = Promise.withResolvers<number>()
  #gateway: Gateway | undefined
  #stopping: string | undefined

  constructor(input: Input, settings: Settings) {
    this.#input = input
    this.#settings = settings
  }

  async run(): Promise<number> {
    this.#start().catch((error: unknown) => this.#ended.reject(error))
    try {
      return await this.#ended.promise
    } finally {
      // nobody may be reading: the last lines have had their time
      this.#input.io.leave()
    }
  }

  async #start(): Promise<void> {
    const { io } = this.#input
    const { createLog, startGateway } = await import('../../core/index.ts')
    const { file, format, level, watch, graceMs } = this.#settings
    const log = createLog({
      format,
      level: level ?? 'info',
      colour: io.paint('out')('title', 'x') !== 'x',
      output: io.process.stdout,
      file: undefined,
      sensitivePatterns: [],
    })
    this.#listen(log)
    try {
      const { gateway, findings } = await startGateway({
        file,
        env: io.env,
        cwd: io.cwd,
        log,
        version: version(),
        watch,
        graceMs,
        onConfig: (config) => this.#configure(log, config),
      })
      if (gateway === undefined) throw await this.#refused(findings)
      for (const { severity, code, message, file: where, line, column } of findings) {
        if (severity === 'warning') log.warn({ event: 'finding', code, file: where, line, column }, message)
      }
      this.#gateway = gateway
      this.#ready(log, gateway)
    } catch (error) {
      throw await this.#failed(log, error)
    }
    // a signal may have come before there was anything to stop
    if (this.#stopping !== undefined) await this.#stop(log, this.#stopping)
  }

  #listen(log: OpenLog): void {
    const { process } = this.#input.io
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#signal(log, signal))
    process.on('SIGHUP', () => void this.#again(log))
    // a defect in one place must not end what the others do
    process.on('unhandledRejection', (error) => log.error({ event: 'internal', error }, 'harmony itself failed'))
    process.on('uncaughtException', (error) => {
      log.fatal({ event: 'internal', error }, 'harmony itself failed, and stops')
      void this.#stop(log, 'a failure', exits.failed)
    })
  }

  #signal(log: OpenLog, signal: NodeJS.Signals): void {
    if (this.#stopping !== undefined) {
      log.fatal({ event: 'stopped', signal }, `${signal} again: ended at once`)
      void this.#leave(log, exits.cut, hurriedMs)
      return
    }
    this.#stopping = signal
    if (this.#gateway !== undefined) void this.#stop(log, signal)
  }

  /** SIGHUP: the log file may have been moved away, and the configuration is read again. */
  async #again(log: OpenLog): Promise<void> {
    try {
      log.reopen()
    } catch (error) {
      log.error({ event: 'log-file', error }, 'the log file cannot be opened again: the old one stays open')
    }
    await this.#gateway?.reload('SIGHUP')
  }

  #ready(log: OpenLog, gateway: Gateway): void {
    const { listening } = gateway
    const where = listening.map(
      ({ network, address, port, protocols, tls }) =>
        `${network} ${address.includes(':') ? `[${address}]` : address}:${port} (${protocols.join(', ')}${tls ? '' : ', not encrypted'})`,
    )
    const { pid } = this.#input.io.process
    const fields = { event: 'ready', version: version(), pid, config: this.#settings.file, listening }
    log.notice(fields, `ready: ${where.join('; ')}`)
  }

  /** The first configuration must be fit for the log; a later one whose log file cannot be opened keeps the old. */
  #configure(log: OpenLog, { logging, proxy }: Gateway['config']): void {
    const level = this.#settings.level ?? logging.level
    try {
      log.configure({ level, file: logging.file, sensitivePatterns: proxy.sensitiveFieldPatterns })
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const failure = new Failure('log/file', `the log file ${logging.file ?? ''} cannot be opened: ${why}`)
      if (this.#gateway === undefined) throw failure
      log.error({ event: 'log-file' }, `${failure.message}: the old one stays open`)
    }
  }

  async #refused(findings: Parameters<typeof printFindings>[0]): Promise<Failure> {
    await printFindings(findings, this.#input.io)
    return invalid(
      this.#settings.file,
      findings.filter(({ severity }) => severity === 'error'),
    )
  }

  /** Why there is no gateway: for whoever reads the log; the caller prints it for whoever reads stderr. */
  async #failed(log: OpenLog, error: unknown): Promise<unknown> {
    const failure =
      error instanceof Error &&
      !(error instanceof Failure) &&
      (error.name === 'BindError' || error.name === 'TransportError')
        ? new Failure(error.name === 'BindError' ? 'serve/bind' : 'serve/engine', error.message)
        : error
    const message = failure instanceof Error ? failure.message : String(failure)
    const code = failure instanceof Failure ? failure.code : 'internal'
    // on a terminal the line on stderr is enough
    if (this.#settings.format === 'json') log.fatal({ event: 'failed', code }, message)
    await log.flush(flushMs)
    return failure
  }

  async #stop(log: OpenLog, why: string, code: number = exits.done): Promise<void> {
    const { graceMs } = this.#settings
    log.info({ event: 'stopping', graceMs }, `${why}: requests under way may finish`)
    try {
      const { cut } = (await this.#gateway?.stop({ graceMs })) ?? { cut: 0 }
      if (cut > 0) log.fatal({ event: 'stopped', cut }, `stopped: ${cut} cut off`)
      else log.info({ event: 'stopped', cut }, 'stopped')
      await this.#leave(log, cut > 0 ? exits.cut : code)
    } catch (error) {
      log.fatal({ event: 'stopped', error }, 'the gateway could not be stopped as it should')
      await this.#leave(log, exits.failed)
    }
  }

  async #leave(log: OpenLog, code: number, withinMs = flushMs): Promise<void> {
    await log.flush(withinMs)
    this.#ended.resolve(code)
  }
}
