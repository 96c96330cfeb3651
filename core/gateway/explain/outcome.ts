// What becomes of the request, and what in the configuration decided it.
import type { PathProblem } from '../../route/path.ts'
import type { Explanation, OutcomeFacts } from './explanation.ts'
import type { EngineRefusal } from './limit.ts'
import type { Rehearsed } from './rehearsal.ts'

type Facts = Pick<Explanation, 'network' | 'route' | 'mesh' | 'middleware' | 'backend' | 'egress' | 'upstream'> & {
  /** Of the limits of content. */
  readonly limits: string
}

/** The outcome of what was rehearsed. */
export function outcomeFacts(seen: Rehearsed, facts: Facts): OutcomeFacts {
  const { decision, account, found, exchange, steps, gathers } = seen
  const certain = !steps.some(({ unknown }) => unknown)
  const common = { code: null, certain } as const
  const { network, route, backend, upstream } = facts
  if (decision === undefined) {
    const detail = `more content than the ${gathers} bytes that are gathered`
    return { result: 'refused', status: 413, code: 'body/too-large', detail, at: facts.limits, certain }
  }
  if (decision.kind === 'forward') {
    const detail = `to ${decision.upstream.origin}`
    return { ...common, result: 'forwarded', status: null, detail, at: upstream?.at ?? null }
  }
  const status = decision.kind === 'respond' ? decision.status : null
  if (account?.code !== undefined) {
    const { code, detail = '' } = account
    return { result: 'refused', status, code, detail, at: culprit(code, facts), certain }
  }
  if (found === undefined) {
    return { ...common, result: 'redirected', status, detail: 'to the same target over https', at: network.at }
  }
  const detail = exchange?.backend === undefined ? 'the pipeline has no backend' : `by backend ${exchange.backend.name}`
  return { ...common, result: 'answered', status, detail, at: backend?.at ?? route?.pipeline.at ?? null }
}

/** The outcome where the gateway is not asked. */
export function refusedByEngine({ code, status, detail }: EngineRefusal, at: string): OutcomeFacts {
  return { result: 'refused', status, code, detail, at, certain: true }
}

/** A sentence for each way in which a target can be read twice. */
export const pathProblems: Readonly<Record<PathProblem, string>> = {
  form: 'it does not start with /',
  dots: 'it has . or .. segments, as such or percent-encoded',
  backslash: 'it has a backslash',
  control: 'it has spaces or control characters, as such or percent-encoded',
  percent: 'its percent-encoding is invalid',
  fragment: 'it has a fragment',
}

/** Where the decision stands that a refusal comes from. */
function culprit(code: string, { route, mesh, middleware, backend, egress, limits }: Facts): string | null {
  const step = middleware.find(({ result }) => result === 'refuses')
  if (step !== undefined) return step.rules.find(({ says }) => says === 'denies')?.at ?? step.at
  if (mesh?.outcome === 'refused') return mesh.at
  if (code === 'body/too-large') return limits
  if (code.startsWith('mesh/') || code.startsWith('reference/')) return egress?.at ?? null
  if (code === 'route/method' && route?.allow !== null) return route?.endpoint.at ?? null
  return backend?.at ?? null
}
