// An engine in memory that speaks the crossing, for tests of what JavaScript does with it.
import type { Buffer } from 'node:buffer'
import { Engine } from '../../quic/engine.ts'
import type { EngineOptions } from '../../quic/engine.ts'
import type { Decide } from '../../quic/decision.ts'
import { errorCodes } from '../../quic/errors.ts'
import type { NativeEngine, NativeModule } from '../../quic/native.ts'
import { readAnswers } from './wire.ts'
import type { Said } from './wire.ts'

/** Queues messages for JavaScript, and keeps what JavaScript says. */
export class Fake implements NativeEngine {
  readonly said: Said[] = []
  readonly given: { options: unknown; listen: unknown[]; upstream: unknown[]; tls: unknown[]; limits: unknown[] }
  turns = 0
  /** Called with each answer. */
  onSaid: (said: Said) => void = () => undefined
  /** Held back until it is called, when set before `listen`. */
  holdListen = false
  releaseListen: (error?: Error) => void = () => undefined
  stopped = false
  #wake: () => void
  #waiting: Buffer[] = []
  #idle = true
  #upstreams = 0

  constructor(json: string, wake: () => void) {
    this.given = { options: JSON.parse(json), listen: [], upstream: [], tls: [], limits: [] }
    this.#wake = wake
  }

  /** Queues messages and wakes JavaScript when it is idle, as the engine would. */
  tell(...messages: readonly Buffer[]): void {
    this.#waiting.push(...messages)
    if (!this.#idle || this.#waiting.length === 0) return
    this.#idle = false
    setImmediate(this.#wake)
  }

  get waiting(): number {
    return this.#waiting.length
  }

  get idle(): boolean {
    return this.#idle
  }

  turn(answers: Uint8Array, length: number, out: Uint8Array): number {
    this.turns += 1
    for (const said of readAnswers(answers.subarray(0, length))) {
      this.said.push(said)
      this.onSaid(said)
    }
    let written = 0
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined) break
      if (written + next.length > out.length) {
        if (written === 0) return -next.length
        break
      }
      out.set(next, written)
      written += next.length
      this.#waiting.shift()
    }
    this.#idle = written === 0
    return written
  }

  async listen(json: string): Promise<string> {
    this.given.listen.push(JSON.parse(json))
    if (this.holdListen) {
      await new Promise<void>((resolve, reject) => {
        this.releaseListen = (error) => (error ? reject(error) : resolve())
      })
    }
    return JSON.stringify({ id: this.given.listen.length, address: '127.0.0.1', port: 8080, quicPort: null })
  }

  replaceTls(listener: number, json: string): void {
    this.given.tls.push([listener, JSON.parse(json)])
  }

  replaceLimits(listener: number, json: string): void {
    this.given.limits.push([listener, JSON.parse(json)])
  }

  async drain(_listener: number, graceMs: number): Promise<string> {
    return JSON.stringify({ finished: graceMs, cut: 0 })
  }

  upstream(json: string): number {
    this.given.upstream.push(JSON.parse(json))
    return ++this.#upstreams
  }

  closeUpstream(id: number): void {
    this.given.upstream.push(id)
  }

  stats(): string {
    return '{"openExchanges":1,"upstreams":{"1":{}}}'
  }

  async stop(): Promise<string> {
    this.stopped = true
    return '{"cut":0}'
  }
}

/** The table of codes, made up but for the names. */
export const table = JSON.stringify(
  errorCodes.map((code) => ({ code, fault: 'upstream', retry: true, status: 502, meaning: `about ${code}` })),
)

/** An engine over a fake, without a listener. */
export function fakeEngine(options: EngineOptions = {}): { engine: Engine; native: Fake } {
  const made: Fake[] = []
  const module: NativeModule = {
    NativeEngine: class extends Fake {
      constructor(json: string, wake: () => void) {
        super(json, wake)
        made.push(this)
      }
    },
    errorTable: () => table,
  }
  const engine = Engine.start(module, options)
  const [native] = made
  if (native === undefined) throw new Error('no native engine was made')
  return { engine, native }
}

/** An engine over a fake with listener 1, whose requests `decide` answers. */
export async function serving(decide: Decide, options: EngineOptions = {}) {
  const { engine, native } = fakeEngine(options)
  const listener = await engine.listen({ address: '127.0.0.1', port: 0, tcp: {} }, decide)
  return { engine, native, listener }
}
