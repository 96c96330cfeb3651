// The management service: what the gateway says of itself, and the one thing that may be asked of it (spec 6.10).
import type { Management } from '../../config/model.ts'
import { refuse } from '../../refusal/refusal.ts'
import type { RefusalCode } from '../../refusal/table.ts'
import type { HeaderInit } from '../../../quic/index.ts'
import type { Exchange } from '../exchange.ts'
import type { Reach, Service } from '../service.ts'
import { shown } from './facts.ts'
import type { ManagementFacts } from './facts.ts'
import { authorize } from './operator.ts'
import { pathOf } from './target.ts'

type Answer = { readonly status: number; readonly type: string; readonly body: string }

type Route = {
  readonly method: 'GET' | 'POST'
  /** It changes the gateway: not for everybody. */
  readonly changes: boolean
  readonly answer: (facts: ManagementFacts) => Answer | Promise<Answer>
}

/** Paths below the base path, and paths of the network. */
const below: Readonly<Record<string, Route>> = {
  info: read((facts) => json(200, facts.info())),
  pipelines: read((facts) => json(200, { pipelines: facts.pipelines() })),
  routes: read((facts) => json(200, { routes: facts.routes() })),
  health: read(health),
  'config/status': read((facts) => json(200, facts.status())),
  metrics: read(async (facts) => ({
    status: 200,
    type: 'text/plain; version=0.0.4; charset=utf-8',
    body: await facts.metrics(),
  })),
}

const bare: Readonly<Record<string, Route>> = {
  // C54
  '/health': read(health),
  // C55: of the network, not below the base path
  '/api/reload': { method: 'POST', changes: true, answer: reload },
}

/** The paths that the service answers, for whoever routes to it and for the list of routes. */
export function managementPaths(basePath: string): readonly { readonly path: string; readonly method: string }[] {
  return [...routesOf(basePath)].map(([path, { method }]) => ({ path, method }))
}

/** Builds the service. Without `[management]` nothing is there. */
export function managementService(management: Management | undefined, facts: ManagementFacts | undefined): Service {
  const routes = management === undefined ? new Map<string, Route>() : routesOf(management.basePath)
  const reach = (exchange: Exchange): Reach | Promise<Reach> => {
    // a pipeline of another network does not open it there
    const here = management !== undefined && exchange.network.name === management.network.name
    const route = here ? routes.get(pathOf(exchange.head.target)) : undefined
    if (route === undefined || facts === undefined) return no('management/not-found', 'no such management route')
    const { method } = exchange.head
    if (method !== route.method && !(method === 'HEAD' && route.method === 'GET')) {
      const allow = route.method === 'GET' ? 'GET, HEAD' : route.method
      return no('route/method', 'not the method of this management route', { allow })
    }
    if (route.changes) {
      const refusal = authorize(exchange, management?.token)
      if (refusal !== undefined) {
        exchange.log.warn({ event: 'management-denied', peer: exchange.peerAddress }, refusal.detail)
        return { kind: 'refuse', refusal }
      }
    }
    const answer = route.answer(facts)
    return answer instanceof Promise ? answer.then(respond) : respond(answer)
  }
  return { type: 'management', reach }
}

function routesOf(basePath: string): Map<string, Route> {
  const base = basePath === '' ? '' : `/${basePath}`
  const paths = Object.entries(below).map(([path, route]) => [`${base}/${path}`, route] as const)
  return new Map([...paths, ...Object.entries(bare)])
}

function read(answer: Route['answer']): Route {
  return { method: 'GET', changes: false, answer }
}

function health(facts: ManagementFacts): Answer {
  const state = facts.health()
  return json(state.status === 'ok' ? 200 : 503, state)
}

async function reload(facts: ManagementFacts): Promise<Answer> {
  const { ok, generation, message, findings } = await facts.reload()
  const list = findings.map(shown)
  if (ok) return json(200, { status: 'reloaded', generation, message, findings: list })
  return json(422, { error: 'Unprocessable Content', message, generation, findings: list })
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: JSON.stringify(value) }
}

function respond({ status, type, body }: Answer): Reach {
  const headers = [
    ['content-type', type],
    ['cache-control', 'no-store'],
    ['x-content-type-options', 'nosniff'],
  ] as const
  return { kind: 'respond', status, headers, body }
}

function no(code: RefusalCode, detail: string, headers?: HeaderInit): Reach {
  return { kind: 'refuse', refusal: refuse(code, detail, headers) }
}
