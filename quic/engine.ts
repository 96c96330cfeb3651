// An engine: native threads that move bytes, and the policy that steers them from this thread.
import { callable, integer, shape, text } from './check.ts'
import type { Decide } from './decision.ts'
import { Answers } from './encode.ts'
import { fromNative, readErrorTable } from './errors.ts'
import type { ErrorTable } from './errors.ts'
import { Exchanges } from './exchange.ts'
import type { Observers } from './exchange.ts'
import { Listener, listenJson } from './listener.ts'
import type { ListenOptions, ListenerUp } from './listener.ts'
import { loadNative } from './native.ts'
import type { NativeEngine, NativeModule } from './native.ts'
import { Pump } from './pump.ts'
import { openUpstream } from './upstream.ts'
import type { Upstream, UpstreamOptions } from './upstream.ts'

export type EngineOptions = Observers & {
  /** Native threads, 1 to 256. One for each core. */
  readonly threads?: number | undefined
  readonly limits?: EngineLimits | undefined
  /** The engine's library, when it is not where the build leaves it. */
  readonly native?: string | undefined
}

export type EngineLimits = {
  /** Requests that may wait for a decision; beyond it 503. Default 4,096. */
  readonly maxWaitingHeads?: number | undefined
  /** Time for a decision; beyond it 503. Default 10,000 ms. */
  readonly decisionMs?: number | undefined
  /** Records kept while this thread is busy; beyond it the oldest are dropped and counted. Default 65,536. */
  readonly maxRecords?: number | undefined
  /** Events kept while this thread is busy. Default 4,096. */
  readonly maxEvents?: number | undefined
  /** Bytes of one streamed answer that may wait inside the engine. Default 262,144. */
  readonly streamWindow?: number | undefined
}

/** Numbers by name; later versions may add some. */
export type EngineStats = {
  /** Counters since the start, and gauges (`open…`, `waiting…`, `owedByPolicy`). */
  readonly counts: Readonly<Record<string, number>>
  /** What each upstream says of itself, by its id. */
  readonly upstreams: Readonly<Record<string, unknown>>
}

/** How a stop ended: exchanges cut off. */
export type Stopped = { readonly cut: number }

const options = shape({
  threads: integer(1, 256),
  limits: shape({
    maxWaitingHeads: integer(1, 1_000_000),
    decisionMs: integer(1, 86_400_000),
    maxRecords: integer(1, 10_000_000),
    maxEvents: integer(1, 10_000_000),
    streamWindow: integer(1024, 1_073_741_824),
  }),
  native: text,
  onRecord: callable,
  onEvent: callable,
})

/**
 * Starts an engine: its threads run until `stop`. Several may run in one process.
 * Throws `TypeError` for an option that breaks its rule, `TransportError` when the engine is
 * missing or cannot start.
 */
// a promise, so that callers need not change when a start has to wait for something
export async function startEngine(given: EngineOptions = {}): Promise<Engine> {
  options('engine', given)
  return Engine.start(loadNative(given.native), given)
}

/** A running engine. */
export class Engine {
  /** What the engine says of each error code. */
  readonly errors: ErrorTable
  #native: NativeEngine
  #pump: Pump
  #exchanges: Exchanges
  #listeners = new Map<number, Listener>()
  #alive: NodeJS.Timeout | undefined
  #stopped: Promise<Stopped> | undefined

  private constructor(native: NativeModule, given: EngineOptions) {
    this.errors = readErrorTable(native.errorTable())
    const answers = new Answers()
    this.#exchanges = new Exchanges(this, answers, this.errors, given, () => this.#pump.written())
    try {
      const json = JSON.stringify({ threads: given.threads, limits: given.limits })
      this.#native = new native.NativeEngine(json, Engine.#waker(this))
    } catch (error) {
      throw fromNative(error)
    }
    this.#pump = new Pump(this.#native, answers, this.#exchanges)
  }

  /** Starts the engine of a library that is loaded. */
  static start(native: NativeModule, given: EngineOptions): Engine {
    return new Engine(native, given)
  }

  /**
   * Opens a listener; `decide` is asked about every request. While one is open, the process stays alive.
   * Throws `TypeError` for an option that breaks its rule, `TransportError` when an address is
   * taken or a certificate cannot be used.
   */
  async listen(given: ListenOptions, decide: Decide): Promise<Listener> {
    const json = listenJson(given)
    callable('decide', decide)
    let id: number | undefined
    this.#exchanges.starting()
    try {
      // what the engine writes is described by ListenerUp
      const up = JSON.parse(await this.#native.listen(json)) as ListenerUp
      id = up.id
      const listener = new Listener(this.#native, up, (ended) => this.#ended(ended))
      this.#listeners.set(up.id, listener)
      this.#stayAlive()
      return listener
    } catch (error) {
      throw fromNative(error)
    } finally {
      this.#exchanges.started(id, decide)
    }
  }

  /**
   * Makes an upstream known; connections are made when requests need them.
   * Throws `TypeError` for an option that breaks its rule, `TransportError` when a certificate cannot be used.
   */
  upstream(given: UpstreamOptions): Upstream {
    try {
      return openUpstream(this, this.#native, given)
    } catch (error) {
      throw error instanceof TypeError ? error : fromNative(error)
    }
  }

  /** `owedByPolicy` counts the exchanges that wait for a decision, a hook or a stream. */
  stats(): EngineStats {
    // an object of upstreams, and numbers
    const { upstreams, ...counts } = JSON.parse(this.#native.stats()) as { upstreams: EngineStats['upstreams'] }
    return { counts: { ...counts, owedByPolicy: this.#exchanges.owed }, upstreams }
  }

  /**
   * Drains every listener for up to `graceMs` (0 to 86,400,000; default 30,000), cuts off what is
   * left, and ends the engine's threads. Nothing keeps the process alive after it.
   */
  stop(options: { readonly graceMs?: number | undefined } = {}): Promise<Stopped> {
    const graceMs = options.graceMs ?? 30_000
    integer(0, 86_400_000)('stop.graceMs', graceMs)
    return (this.#stopped ??= this.#stop(graceMs))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(graceMs: number): Promise<Stopped> {
    try {
      // { cut }
      const stopped = JSON.parse(await this.#native.stop(graceMs)) as Stopped
      // the last records and events; the engine lets go of this thread with the last of them
      await this.#pump.finish()
      return stopped
    } catch (error) {
      throw fromNative(error)
    } finally {
      this.#exchanges.close()
      this.#listeners.clear()
      this.#stayAlive()
    }
  }

  /** Weak: the native side must not keep what nobody else knows any more. */
  // apart from the constructor, whose other closures share their scope and hold the engine
  static #waker(engine: Engine): () => void {
    const weak = new WeakRef(engine)
    return () => {
      const awake = weak.deref()
      if (awake !== undefined) awake.#wake()
    }
  }

  #wake(): void {
    this.#pump.wake()
  }

  #ended(listener: number): void {
    // its last records and events, before this object may be forgotten
    this.#wake()
    this.#exchanges.ended(listener)
    this.#listeners.delete(listener)
    this.#stayAlive()
  }

  /**
   * The engine's threads hold neither the process nor this object: a timer does, while there is something to
   * serve. An engine that was forgotten without a listener is collected, and its threads end.
   */
  #stayAlive(): void {
    const wanted = this.#listeners.size > 0
    if (wanted && this.#alive === undefined) this.#alive = setInterval(() => this.#wake(), 0x7fff_ffff)
    if (!wanted) {
      clearInterval(this.#alive)
      this.#alive = undefined
    }
  }
}
