// What each middleware of a pipeline does with a request: what was seen when the chain ran, in the order of the
// configuration.
import type { Middleware } from '../../config/middleware.ts'
import type { Pipeline } from '../../config/model.ts'
import type { RuleFacts, StepFacts } from './explanation.ts'
import { statusOf } from './rehearsal.ts'
import type { Rehearsal, Rehearsed, Step } from './rehearsal.ts'
import type { Said } from './rules.ts'
import type { Where } from './where.ts'

/** The left side as it was run, then the right side as it would be. */
export function stepFacts(rehearsal: Rehearsal, seen: Rehearsed, pipeline: Pipeline, where: Where): StepFacts[] {
  const steps = seen.steps.values()
  const left = pipeline.left.map((middleware): StepFacts => {
    const { name, type } = middleware
    const common = { side: 'left', name, type, at: where(middleware.place), ...unsaid } as const
    if (!rehearsal.acts(middleware, 'left')) return { ...common, result: 'nothing to do' }
    const step = steps.next().value
    return step === undefined ? { ...common, result: 'not reached' } : { ...common, ...resultOf(step, where) }
  })
  // only what an upstream answers passes the right side
  const result = seen.decision?.kind === 'forward' ? 'on the response' : 'not reached'
  const right = pipeline.right.map((middleware): StepFacts => {
    const { name, type, place } = middleware
    const common = { side: 'right', name, type, at: where(place), ...unsaid } as const
    return { ...common, result: rehearsal.acts(middleware, 'right') ? result : 'nothing to do' }
  })
  return [...left, ...right]
}

const unsaid = { status: null, code: null, detail: null, rules: [], rules_more: 0, silent: 0 } as const

function resultOf(step: Step, where: Where): Partial<StepFacts> & Pick<StepFacts, 'result'> {
  const { verdict, unknown } = step
  const rules = rulesOf(step.rules, where)
  if (unknown) {
    const detail = 'its keys are behind a URL that is not asked here: explained as if they accepted the token'
    return { result: 'unknown', detail }
  }
  if (verdict === undefined) return { result: 'passes', detail: did(step), ...rules }
  const { code, detail } = verdict
  return { result: 'refuses', status: statusOf(verdict), code, detail, ...rules }
}

/** What a middleware has done that lets a request through. */
function did({ middleware, mesh }: Step): string | null {
  const has: { readonly [T in Middleware['type']]?: string | undefined } = {
    mesh_auth: mesh === undefined ? 'the request has no mesh context' : `the request has context of mesh ${mesh.mesh}`,
    log_dump: 'it writes the request into the log',
  }
  if (middleware.type === 'mesh_auth' && middleware.direction === 'egress') {
    return `it signs for mesh ${middleware.mesh.name}`
  }
  return has[middleware.type] ?? null
}

/** More rules than anybody reads. */
const maxRules = 50

function rulesOf(said: readonly Said[], where: Where): Pick<StepFacts, 'rules' | 'rules_more' | 'silent'> {
  const speaking = said.flatMap(({ policy, rule, says }): RuleFacts[] =>
    says === undefined ? [] : [{ policy, rule: rule.id, type: rule.type, at: where(rule.place), says }],
  )
  const sorted = [
    ...speaking.filter(({ says }) => says === 'denies'),
    ...speaking.filter(({ says }) => says !== 'denies'),
  ]
  const rules = sorted.slice(0, maxRules)
  return { rules, rules_more: sorted.length - rules.length, silent: said.length - sorted.length }
}
