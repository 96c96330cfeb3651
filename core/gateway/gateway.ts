// A running gateway: one engine, its sockets, and the generation that decides. A reload makes the next generation
// beside it and swaps them in one turn of the event loop; a configuration that is refused changes nothing.
import { randomUUID } from 'node:crypto'
import { startEngine } from '../../quic/index.ts'
import type { Decision, Engine, EngineEvent, ExchangeRecord, RequestHead } from '../../quic/index.ts'
import { loadConfig } from '../config/load.ts'
import type { Loaded } from '../config/load.ts'
import type { Config } from '../config/model.ts'
import type { Finding } from '../finding/finding.ts'
import { amount } from '../finding/words.ts'
import { accessLine } from '../log/access.ts'
import type { Log } from '../log/log.ts'
import { createMeshCheck } from '../mesh/explicit.ts'
import { createChains } from '../pipeline/chain.ts'
import { createRateLimits } from '../pipeline/ratelimit.ts'
import type { ManagementFacts, Reloaded, ReloadFacts } from '../pipeline/service/facts.ts'
import { refuse } from '../refusal/refusal.ts'
import { Accounts } from './account.ts'
import { answerOf } from './answer.ts'
import { describeChange } from './change.ts'
import { logEvent } from './event.ts'
import { createFetcher } from './fetch.ts'
import { Generation } from './generation.ts'
import type { Lasting } from './generation.ts'
import { Listeners } from './listeners.ts'
import type { Door, Listening } from './listeners.ts'
import { createMetrics } from './metrics.ts'
import type { Metrics } from './metrics.ts'
import { infoFacts, pipelineFacts, routeFacts, statusFacts } from './pages.ts'
import { decide } from './request.ts'
import { Room } from './room.ts'
import { Upstreams } from './upstreams.ts'
import { viewOf } from './view.ts'
import { watchFiles } from './watch.ts'
import type { Watching } from './watch.ts'

export type GatewayOptions = {
  /** Path of config.toml. */
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What relative paths of certificates and keys start from. */
  readonly cwd: string
  readonly log: Log
  readonly version: string
  /** Loads again when a file changes. */
  readonly watch: boolean
  /** How long requests of a removed listener may take to finish, in ms. */
  readonly graceMs: number
  /** Told of the settings of each configuration that is taken. */
  readonly onConfig?: ((config: Config) => void) | undefined
}

/** Reloads that wait for their turn; more than these are one. */
const maxWaiting = 4

/** What a start comes to: a gateway, or the findings that forbid it. */
export type Start =
  | { readonly gateway: Gateway; readonly findings: readonly Finding[] }
  | { readonly gateway: undefined; readonly findings: readonly Finding[] }

/**
 * Loads the configuration and serves it. With an error finding nothing is bound. Throws `BindError` when an address
 * cannot be bound, `TransportError` when the engine cannot start.
 */
export async function startGateway(options: GatewayOptions): Promise<Start> {
  const since = Date.now()
  const loaded = await load(options)
  if (loaded.config === undefined) return { gateway: undefined, findings: loaded.findings }
  const gateway = await Gateway.start(options, loaded.config, since)
  return { gateway, findings: loaded.findings }
}

async function load({ file, env, cwd }: GatewayOptions): Promise<Loaded> {
  return loadConfig({ file, env, cwd, now: Date.now() })
}

export class Gateway {
  readonly #options: GatewayOptions
  readonly #engine: Engine
  readonly #lasting: Lasting
  readonly #listeners: Listeners
  readonly #startedAtMs = Date.now()
  #generation: Generation
  #watching: Watching | undefined
  #lastReload: ReloadFacts | undefined
  /** The last that was asked for. */
  #reloads: Promise<Reloaded> | undefined
  /** Those that have not begun. */
  #waiting = 0
  #stopping = false

  /** Binds and serves; throws with nothing left open. */
  static async start(options: GatewayOptions, config: Config, since: number): Promise<Gateway> {
    const told: Told = { record: () => undefined, event: () => undefined }
    const engine = await startEngine({
      onRecord: (batch) => {
        for (const record of batch) told.record(record)
      },
      onEvent: (event) => told.event(event),
    })
    try {
      const metrics = await createMetrics({
        version: options.version,
        stats: () => engine.stats(),
        originOf: (id) => told.originOf?.(id),
      })
      const gateway = new Gateway(options, engine, metrics, config)
      told.record = (record) => gateway.#record(record)
      told.event = (event) => gateway.#event(event)
      told.originOf = (id) => gateway.#lasting.upstreams.originOf(id)
      const prepared = await gateway.#listeners.prepare(config)
      prepared.commit(undefined)
      if (options.watch) gateway.#watch(config, since)
      return gateway
    } catch (error) {
      await engine.stop({ graceMs: 0 })
      throw error
    }
  }

  private constructor(options: GatewayOptions, engine: Engine, metrics: Metrics, config: Config) {
    this.#options = options
    this.#engine = engine
    const { log } = options
    const now = Date.now
    const surroundings = {
      now,
      log,
      rateLimits: createRateLimits(),
      fetchJwks: createFetcher(),
      meshCheck: createMeshCheck({ now, view: viewOf, identity: () => this.#generation.config.proxy.identity }),
    }
    this.#lasting = {
      now,
      log,
      accounts: new Accounts(),
      room: new Room(),
      metrics,
      chains: createChains(surroundings),
      upstreams: new Upstreams(engine, () => performance.now()),
      management: this.#management(),
    }
    this.#generation = new Generation(1, config, this.#lasting)
    this.#listeners = new Listeners(engine, (door, head) => this.#decide(door, head), options.graceMs)
    this.#took(this.#generation)
  }

  /** Where it listens now. */
  get listening(): readonly Listening[] {
    return this.#listeners.listening
  }

  /** The configuration that decides now. */
  get config(): Config {
    return this.#generation.config
  }

  /**
   * Loads the configuration again and takes it, or says why not; one reload after the other. What runs keeps running
   * when the new one is refused. Never rejects.
   */
  async reload(cause: string): Promise<Reloaded> {
    // whoever may ask for it may ask often: the last that waits reads the files after this call all the same
    if (this.#reloads !== undefined && this.#waiting >= maxWaiting) return this.#reloads
    this.#waiting += 1
    const turn = (this.#reloads ?? Promise.resolve()).then(async () => {
      this.#waiting -= 1
      return this.#reload(cause)
    })
    this.#reloads = turn
    return turn
  }

  /** Drains: requests under way get `graceMs` to finish. Returns how many were cut off. */
  async stop({ graceMs }: { readonly graceMs: number }): Promise<{ readonly cut: number }> {
    this.#stopping = true
    await this.#watching?.close()
    const stopped = await this.#engine.stop({ graceMs })
    return stopped
  }

  #decide(door: Door, head: RequestHead): Decision | Promise<Decision> {
    const generation = door.last ?? this.#generation
    const network = generation.network(door.network)
    if (network === undefined) return answerOf(refuse('route/none', 'the network is gone'), randomUUID())
    return decide(generation, network, head)
  }

  async #reload(cause: string): Promise<Reloaded> {
    const before = this.#generation
    const failed = (message: string, findings: readonly Finding[]): Reloaded => {
      this.#options.log.error({ event: 'reload', ok: false, cause, generation: before.number }, message)
      return this.#reloaded({ ok: false, generation: before.number, message, findings })
    }
    if (this.#stopping) return failed('the gateway is stopping', [])
    let next: Generation | undefined
    try {
      const { config, findings, watch } = await load(this.#options)
      for (const finding of findings) this.#found(finding)
      if (config === undefined) {
        const errors = findings.filter(({ severity }) => severity === 'error').length
        // what repairs it may be a file that it names for the first time
        this.#watching?.update([...new Set([...before.config.watch, ...watch])])
        return failed(`the configuration has ${amount(errors, 'error')}: the old one stays`, findings)
      }
      next = new Generation(before.number + 1, config, this.#lasting)
      const prepared = await this.#listeners.prepare(config)
      this.#generation = next
      prepared.commit(before)
      before.retire()
      this.#watching?.update(config.watch)
      this.#took(next)
      const message = [describeChange(before.config, config), prepared.change && `listeners ${prepared.change}`]
        .filter((part) => part !== '')
        .join('; ')
      this.#options.log.info(
        { event: 'reload', ok: true, cause, generation: next.number },
        `configuration taken: ${message}`,
      )
      return this.#reloaded({ ok: true, generation: next.number, message, findings })
    } catch (error) {
      next?.retire()
      // what the builders and the engine say of a configuration names no secret
      return failed(error instanceof Error ? error.message : String(error), [])
    }
  }

  #reloaded(reloaded: Reloaded): Reloaded {
    this.#lastReload = { ...reloaded, at: new Date().toISOString() }
    this.#lasting.metrics.reload(reloaded.ok)
    return reloaded
  }

  #took(generation: Generation): void {
    this.#lasting.metrics.generation(generation.number, generation.config.hash, generation.loadedAtMs)
    this.#options.onConfig?.(generation.config)
  }

  #found({ severity, code, message, file, line, column }: Finding): void {
    const { log } = this.#options
    const fields = { event: 'finding', code, file, line, column }
    if (severity === 'error') log.error(fields, message)
    else log.warn(fields, message)
  }

  #watch(config: Config, since: number): void {
    const { log } = this.#options
    this.#watching = watchFiles(config.watch, async () => void (await this.reload('files')), {
      since,
      onError: (error) => log.warn({ event: 'watch', reason: String(error) }, 'files cannot be watched as they should'),
    })
  }

  #record(record: ExchangeRecord): void {
    const { accounts, metrics } = this.#lasting
    const account = accounts.take(record.id)
    metrics.request(record, { pipeline: account?.pipeline, code: account?.code })
    const { fields, message } = accessLine(record, account, this.#generation.config.logging.logPaths)
    this.#options.log.info(fields, message)
  }

  #event(event: EngineEvent): void {
    this.#lasting.metrics.event(event)
    if (event.type === 'records-dropped') this.#lasting.room.forget()
    logEvent(this.#options.log, event, (id) => this.#lasting.upstreams.originOf(id))
  }

  #management(): ManagementFacts {
    return {
      info: () => infoFacts(this.#options.version, this.#generation.config, this.#startedAtMs, Date.now()),
      pipelines: () => pipelineFacts(this.#generation.config),
      routes: () => routeFacts(this.#generation.config),
      health: () => ({ status: this.#stopping ? 'draining' : 'ok', generation: this.#generation.number }),
      status: () =>
        statusFacts(this.#generation.config, {
          generation: this.#generation.number,
          hash: this.#generation.config.hash,
          loadedAt: new Date(this.#generation.loadedAtMs).toISOString(),
          lastReload: this.#lastReload,
        }),
      metrics: async () => this.#lasting.metrics.render(),
      reload: async () => this.reload('management'),
    }
  }
}

/** Filled once the gateway is there; the engine may speak before. */
type Told = {
  record: (record: ExchangeRecord) => void
  event: (event: EngineEvent) => void
  originOf?: (id: number) => string | undefined
}
