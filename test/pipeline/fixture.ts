// What tests of the pipeline build with: a workshop whose clock and provider are given, middleware and rules of each
// type with the defaults of the configuration.
import type { Middleware, Rule } from '../../core/config/middleware.ts'
import type { Config, Pipeline } from '../../core/config/model.ts'
import { sensitiveNames } from '../../core/log/sensitive.ts'
import { createChains } from '../../core/pipeline/chain.ts'
import type { Chain } from '../../core/pipeline/chain.ts'
import type { Exchange } from '../../core/pipeline/exchange.ts'
import { createJwks } from '../../core/pipeline/jwks.ts'
import type { Handler, MiddlewareOf, Surroundings, Verdict, Workshop } from '../../core/pipeline/middleware.ts'
import { createRateLimits } from '../../core/pipeline/ratelimit.ts'
import { buildHandler } from '../../core/pipeline/registry.ts'
import { compileRule } from '../../core/pipeline/rule/registry.ts'
import type { Evaluate, RuleOf, RuleType } from '../../core/pipeline/rule/rule.ts'
import { proxyWith } from '../support/config.ts'
import { fakeExchange } from '../support/exchange.ts'
import type { RequestParts } from '../support/exchange.ts'
import { fakeLog } from '../support/log.ts'
import type { FakeLog } from '../support/log.ts'

export const place = { file: 'config.toml', path: [] }

/** 2026-11-21 12:00:00 UTC, a Saturday. */
export const noonMs = Date.UTC(2026, 10, 21, 12)

export type World = Surroundings & {
  readonly log: FakeLog
  /** Moves the clock. */
  nowMs: number
  /** How often a JWKS was asked for. */
  fetches: number
  /** What the provider answers; throws when it cannot be reached. */
  provide: () => unknown
}

export function world(): World {
  const made: World = {
    nowMs: noonMs,
    fetches: 0,
    provide: () => {
      throw new Error('connection refused')
    },
    now: () => made.nowMs,
    log: fakeLog(),
    rateLimits: createRateLimits(),
    fetchJwks: async () => {
      made.fetches += 1
      return made.provide()
    },
    meshCheck: () => () => undefined,
  }
  return made
}

export function workshop(surroundings: World = world(), sensitive: readonly string[] = []): Workshop {
  const sources = new Map<string, ReturnType<typeof createJwks>>()
  return {
    ...surroundings,
    isSensitive: sensitiveNames(sensitive),
    jwks: (url) => {
      const source = sources.get(url) ?? createJwks(url, surroundings)
      sources.set(url, source)
      return source
    },
  }
}

/** A handler of a middleware. */
export function handler(
  middleware: Middleware,
  surroundings: World = world(),
  sensitive: readonly string[] = [],
): Handler {
  return buildHandler(middleware, workshop(surroundings, sensitive))
}

/** What the left side of a handler says about a request. */
export async function ask(made: Handler, request: RequestParts = {}): Promise<Verdict> {
  return made.left?.(fakeExchange(request))
}

/** A rule with the defaults that every rule has. */
export function rule<T extends RuleType>(
  type: T,
  options: Omit<RuleOf<T>, 'id' | 'name' | 'weight' | 'enabled' | 'place' | 'type'> &
    Partial<Pick<Rule, 'id' | 'weight' | 'enabled'>>,
): Rule {
  // the options are those of the type, which the spread hides from the compiler
  return { id: type, name: undefined, weight: 100, enabled: true, place, type, ...options } as unknown as Rule
}

export function compiled(made: Rule, surroundings: World = world()): Evaluate {
  return compileRule(made, surroundings)
}

/** The `policies` of one policy with these rules. */
export function policiesOf(rules: readonly Rule[], enabled = true): MiddlewareOf<'policies'> {
  const policy = { id: 'policy', name: undefined, enabled, rules, place }
  return { name: 'gate', type: 'policies', policies: [policy], place }
}

/** The chain of a pipeline with these middleware. */
export function chain(
  sides: { readonly left?: readonly Middleware[]; readonly right?: readonly Middleware[] },
  surroundings: World = world(),
): Chain {
  const [made] = createChains(surroundings)
    .build(configOf([pipelineOf('main', sides)]))
    .values()
  if (made === undefined) throw new Error('no chain was built')
  return made
}

/** Both parts of the left side, one after the other. */
export function runLeft(made: Chain | undefined, exchange: Exchange): Verdict | Promise<Verdict> {
  if (made === undefined) throw new Error('there is no chain')
  const rest = (refused: Verdict): Verdict | Promise<Verdict> => refused ?? made.runRest(exchange)
  const ahead = made.runAhead(exchange)
  return ahead instanceof Promise ? ahead.then(rest) : rest(ahead)
}

export function pipelineOf(
  name: string,
  { left = [], right = [] }: { readonly left?: readonly Middleware[]; readonly right?: readonly Middleware[] },
): Pipeline {
  return { ...fakeExchange().pipeline, name, left, right }
}

export function configOf(
  pipelines: readonly Pipeline[],
  sensitive: readonly string[] = [],
): Pick<Config, 'pipelines' | 'proxy'> {
  return {
    pipelines: new Map(pipelines.map((pipeline) => [pipeline.name, pipeline])),
    proxy: proxyWith({ sensitiveFieldPatterns: sensitive }),
  }
}
