// A gateway that decides and does nothing else: a generation as the real one has it, with stand-ins for whatever
// reaches out of it or remembers. What it decides comes from the code that decides about real requests; what is seen
// on the way is kept.
import type { Middleware } from '../../config/middleware.ts'
import type { Config } from '../../config/model.ts'
import type { Log } from '../../log/log.ts'
import type { MeshContext } from '../../mesh/context.ts'
import { createMeshCheck } from '../../mesh/explicit.ts'
import { createChains } from '../../pipeline/chain.ts'
import type { Chain } from '../../pipeline/chain.ts'
import type { Arrival, Exchange } from '../../pipeline/exchange.ts'
import type { Handler, Surroundings, Verdict, Workshop } from '../../pipeline/middleware.ts'
import { buildHandler } from '../../pipeline/registry.ts'
import type { ManagementFacts } from '../../pipeline/service/facts.ts'
import { refusals } from '../../refusal/table.ts'
import type { Outcome } from '../../route/table.ts'
import type { BodyDecision, Upstream, UpstreamOptions } from '../../../quic/index.ts'
import { Accounts } from '../account.ts'
import type { Account } from '../account.ts'
import { Generation } from '../generation.ts'
import type { Served } from '../generation.ts'
import type { Metrics } from '../metrics.ts'
import { decide } from '../request.ts'
import { Room } from '../room.ts'
import { sayings } from './rules.ts'
import type { Said } from './rules.ts'
import { Upstreams } from '../upstreams.ts'
import { viewOf } from '../view.ts'

/** What a middleware said. */
export type Step = {
  readonly middleware: Middleware
  readonly verdict: Verdict
  /** Its keys are elsewhere and were not asked for: it is taken to let the request through. */
  readonly unknown: boolean
  /** Of `policies`: what each rule said. */
  readonly rules: readonly Said[]
  /** The mesh context behind it. */
  readonly mesh: MeshContext | undefined
}

/** What became of a request, and what was seen. */
export type Rehearsed = {
  /** None: the content that it declares is more than is gathered. */
  readonly decision: BodyDecision | undefined
  readonly account: Account | undefined
  /** What the routes said; none when they were not asked. */
  readonly found: Outcome | undefined
  /** None when it did not come so far. */
  readonly exchange: Exchange | undefined
  readonly steps: readonly Step[]
  /** The most content that is gathered first, in bytes. */
  readonly gathers: number | undefined
  /** It would make the gateway load its configuration. */
  readonly reloads: boolean
}

export class Rehearsal {
  readonly generation: Generation
  readonly surroundings: Surroundings
  readonly #accounts = new Accounts()
  readonly #upstreams = new Map<number, UpstreamOptions>()
  readonly #handlers = new Map<Middleware, Handler>()
  #steps: Step[] = []
  #exchange: Exchange | undefined
  #reloads = false

  /** Throws when something in the configuration cannot be built. */
  constructor(config: Config, nowMs: number) {
    const now = (): number => nowMs
    this.surroundings = {
      now,
      log: silent,
      rateLimits: { take: () => true },
      fetchJwks: async () => Promise.reject(new Error('nobody is asked')),
      meshCheck: createMeshCheck({ now, view: viewOf, identity: () => config.proxy.identity }),
    }
    const chains = createChains(this.surroundings, (middleware, workshop) => this.#watched(middleware, workshop))
    this.generation = new Generation(1, config, {
      now,
      log: silent,
      accounts: this.#accounts,
      room: new Room(),
      metrics: uncounted,
      chains: {
        build: (of) => new Map([...chains.build(of)].map(([name, chain]) => [name, this.#noting(chain)])),
      },
      upstreams: new Upstreams({ upstream: (options) => this.#upstream(options) }, now),
      management: this.#management(),
    })
  }

  /** Decides about a request, and about nothing else before it is done. */
  async decide(network: Served, head: Arrival): Promise<Rehearsed> {
    this.#steps = []
    this.#exchange = undefined
    this.#reloads = false
    let found: Outcome | undefined
    const routes: Served['routes'] = {
      find: (...asked) => (found = network.routes.find(...asked)),
    }
    const first = await decide(this.generation, { ...network, routes }, head)
    const gathers = first.kind === 'collect' ? first.maxBytes : undefined
    let decision: BodyDecision | undefined
    if (first.kind !== 'collect') decision = first
    else if ((head.contentLength ?? 0) <= first.maxBytes) decision = await first.onBody(new Uint8Array(0), [])
    return {
      decision,
      account: this.#accounts.take(head.id),
      found,
      exchange: this.#exchange,
      steps: this.#steps,
      gathers,
      reloads: this.#reloads,
    }
  }

  /** How an upstream is reached. */
  reached({ id }: Upstream): UpstreamOptions | undefined {
    return this.#upstreams.get(id)
  }

  /** Whether a middleware does anything on requests, or on responses. */
  acts(middleware: Middleware, side: 'left' | 'right'): boolean {
    return this.#handlers.get(middleware)?.[side] !== undefined
  }

  #watched(middleware: Middleware, workshop: Workshop): Handler {
    const handler = buildHandler(middleware, workshop)
    this.#handlers.set(middleware, handler)
    if (handler.left === undefined) return handler
    const remote = middleware.type === 'jwt_auth' && middleware.keys.kind === 'jwks'
    const asked = middleware.type === 'policies' ? sayings(middleware, workshop) : () => []
    return {
      ...handler,
      left: (exchange) => {
        const rules = asked(exchange)
        const note = (said: Verdict): Verdict => {
          const unknown = remote && said?.code === 'auth/unavailable'
          const verdict = unknown ? undefined : said
          this.#steps.push({ middleware, verdict, unknown, rules, mesh: exchange.mesh })
          return verdict
        }
        const said = handler.left?.(exchange)
        return said instanceof Promise ? said.then(note) : note(said)
      },
    }
  }

  /** Every request that has a route is shown to its chain, even to one without middleware. */
  #noting(chain: Chain): Chain {
    const noted =
      <T>(ask: (exchange: Exchange) => T) =>
      (exchange: Exchange): T => {
        this.#exchange = exchange
        return ask(exchange)
      }
    return {
      ...chain,
      wants: noted((exchange) => chain.wants(exchange)),
      runAhead: noted((exchange) => chain.runAhead(exchange)),
    }
  }

  #upstream(options: UpstreamOptions): Upstream {
    const id = this.#upstreams.size + 1
    this.#upstreams.set(id, options)
    const inert: Pick<Upstream, 'id' | 'origin' | 'close'> = { id, origin: options.origin, close: () => undefined }
    // nothing is forwarded to it, so that what the engine keeps in its own is not asked for
    return inert as Upstream
  }

  #management(): ManagementFacts {
    return {
      info: () => ({ version: '', uptime: 0, os: '', arch: '', proxy_id: '', started_at: '' }),
      pipelines: () => [],
      routes: () => [],
      health: () => ({ status: 'ok', generation: 1 }),
      status: () => ({}),
      metrics: async () => Promise.resolve(''),
      reload: async () => {
        this.#reloads = true
        return Promise.resolve({ ok: true, generation: 1, message: '', findings: [] })
      },
    }
  }
}

/** The status of a refusal. */
export function statusOf(verdict: Verdict): number | null {
  return verdict === undefined ? null : refusals[verdict.code].status
}

const nothing = (): void => undefined

const silent: Log = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silent,
}

const uncounted: Metrics = {
  request: nothing,
  upstreamFailure: nothing,
  retry: nothing,
  token: nothing,
  untrusted: nothing,
  denial: nothing,
  reload: nothing,
  generation: nothing,
  event: nothing,
  render: async () => Promise.resolve(''),
}
