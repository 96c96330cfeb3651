// The chains of pipelines: built once per generation, run for every request (left) and every response (right).
import type { Middleware } from '../config/middleware.ts'
import type { Config, Pipeline } from '../config/model.ts'
import type { HeaderEdit, ResponseHead } from '../../quic/index.ts'
import { sensitiveNames } from '../log/sensitive.ts'
import { refuse } from '../refusal/refusal.ts'
import type { Exchange } from './exchange.ts'
import { createJwks } from './jwks.ts'
import type { JwksSource } from './jwks.ts'
import type { Handler, Surroundings, Verdict, Workshop } from './middleware.ts'
import { buildHandler } from './registry.ts'

export type Chain = {
  /** The most content that a handler of the left side asks for, in bytes; none: content flows. */
  wants(exchange: Exchange): number | undefined
  /**
   * The left side as far as no handler asks for content: nobody whom it refuses sends any. The first refusal, or
   * nothing; no promise unless a handler waits for something.
   */
  runAhead(exchange: Exchange): Verdict | Promise<Verdict>
  /** The other part, once the content is there. */
  runRest(exchange: Exchange): Verdict | Promise<Verdict>
  /** Whether a handler acts on responses; `runRight` has nothing to say otherwise. */
  readonly hasRight: boolean
  /** The edits of every handler, in order. Throws what a handler throws, logged: the response must not pass then. */
  runRight(exchange: Exchange, response: ResponseHead): readonly HeaderEdit[]
}

/** What outlives generations; made once. */
export type Chains = {
  /** The chains of a configuration, by the name of the pipeline. Throws for one that `check` would refuse. */
  build(config: Pick<Config, 'pipelines' | 'proxy'>): ReadonlyMap<string, Chain>
}

/** How the handler of a middleware is made. */
export type MakeHandler = (middleware: Middleware, workshop: Workshop) => Handler

/** Prepares for building chains. */
export function createChains(surroundings: Surroundings, make: MakeHandler = buildHandler): Chains {
  const sources = new Map<string, JwksSource>()
  return {
    build({ pipelines, proxy }) {
      const used = new Set<string>()
      const workshop: Workshop = {
        ...surroundings,
        isSensitive: sensitiveNames(proxy.sensitiveFieldPatterns),
        jwks: (url) => {
          used.add(url)
          const source = sources.get(url) ?? createJwks(url, surroundings)
          sources.set(url, source)
          return source
        },
      }
      // one handler for one middleware, however many chains it is in: what it caches is cached once
      const handlers = new Map<Middleware, Handler>()
      const handlerOf = (middleware: Middleware): Handler => {
        const handler = handlers.get(middleware) ?? make(middleware, workshop)
        handlers.set(middleware, handler)
        return handler
      }
      const chains = new Map(
        [...pipelines].map(([name, pipeline]) => [name, createChain(pipeline, handlerOf, surroundings)]),
      )
      for (const url of sources.keys()) if (!used.has(url)) sources.delete(url)
      return chains
    },
  }
}

type Left = Handler & Required<Pick<Handler, 'left'>>
type Right = Handler & Required<Pick<Handler, 'right'>>

function createChain(
  pipeline: Pick<Pipeline, 'name' | 'left' | 'right'>,
  handlerOf: (middleware: Middleware) => Handler,
  { log }: Pick<Surroundings, 'log'>,
): Chain {
  // a side on which a handler does nothing is not run
  const left = pipeline.left.map(handlerOf).filter((handler): handler is Left => handler.left !== undefined)
  const right = pipeline.right.map(handlerOf).filter((handler): handler is Right => handler.right !== undefined)
  const asking = left.filter((handler) => handler.wants !== undefined)

  const report = (handler: Handler, { id }: Exchange, error: unknown): void => {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const fields = {
      event: 'middleware-failed',
      pipeline: pipeline.name,
      middleware: handler.name,
      requestId: id,
      reason,
    }
    log.error(fields, 'a middleware failed')
  }
  const failed = (handler: Handler, exchange: Exchange, error: unknown): Verdict => {
    report(handler, exchange, error)
    return refuse('internal', `${handler.name}: the middleware failed`)
  }
  const step = (handler: Left, exchange: Exchange): Verdict | Promise<Verdict> => {
    try {
      return handler.left(exchange)
    } catch (error) {
      return failed(handler, exchange, error)
    }
  }
  /** Goes on behind a handler that waits. */
  const wait = async (pending: Promise<Verdict>, index: number, end: number, exchange: Exchange): Promise<Verdict> => {
    let verdict: Verdict
    try {
      verdict = await pending
    } catch (error) {
      const handler = left[index]
      verdict = handler === undefined ? undefined : failed(handler, exchange, error)
    }
    return verdict ?? run(index + 1, end, exchange)
  }
  const run = (from: number, end: number, exchange: Exchange): Verdict | Promise<Verdict> => {
    for (let index = from; index < end; index++) {
      const handler = left[index]
      if (handler === undefined) break
      const verdict = step(handler, exchange)
      if (verdict instanceof Promise) return wait(verdict, index, end, exchange)
      if (verdict !== undefined) return verdict
    }
    return undefined
  }

  /** The place of the first handler that asks for content; the end without one. */
  const pause = (exchange: Exchange): number => {
    if (asking.length === 0) return left.length
    const first = left.findIndex((handler) => handler.wants?.(exchange) !== undefined)
    return first === -1 ? left.length : first
  }

  return {
    wants(exchange) {
      let most: number | undefined
      for (const handler of asking) {
        const wanted = handler.wants?.(exchange)
        if (wanted !== undefined && !(most !== undefined && most >= wanted)) most = wanted
      }
      return most
    },
    runAhead: (exchange) => run(0, pause(exchange), exchange),
    runRest: (exchange) => run(pause(exchange), left.length, exchange),
    hasRight: right.length > 0,
    runRight(exchange, response) {
      if (right.length === 0) return none
      const edits: HeaderEdit[] = []
      for (const handler of right) {
        try {
          const more = handler.right(exchange, response)
          if (more !== undefined) edits.push(...more)
        } catch (error) {
          report(handler, exchange, error)
          throw error
        }
      }
      return edits
    },
  }
}

const none: readonly HeaderEdit[] = []
