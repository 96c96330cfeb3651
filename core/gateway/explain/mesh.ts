// What the check of meshes says of a request: the answer is the ingress check's own, and each mesh is asked again for
// every test that it makes, passed or not.
import type { Config } from '../../config/model.ts'
import { bearerOf } from '../../mesh/bearer.ts'
import { examine } from '../../mesh/examine.ts'
import type { Door } from '../../mesh/gate.ts'
import { reasons } from '../../mesh/reason.ts'
import { Presented, trustOf } from '../../mesh/verify.ts'
import type { Route } from '../../route/table.ts'
import type { Generation } from '../generation.ts'
import type { ContextFacts, DoorFacts, MeshFacts } from './explanation.ts'
import type { Where } from './where.ts'
import type { MeshContext } from '../../mesh/context.ts'

export async function meshFacts(
  generation: Generation,
  route: Route,
  authorization: readonly string[],
  where: Where,
): Promise<MeshFacts> {
  const { config, ingress } = generation
  const nowMs = generation.now()
  const outcome = await ingress.check(route, authorization, nowMs)
  const code = outcome.kind === 'context' ? undefined : outcome.code
  const bearer = bearerOf(authorization)
  const doors = 'problem' in bearer ? [] : ingress.doors(route)
  const token = 'problem' in bearer ? '' : bearer.token
  return {
    ...asksOf(config, route, where),
    outcome: outcome.kind === 'context' ? 'accepted' : outcome.kind === 'refused' ? 'refused' : 'without context',
    code: code ?? null,
    reason: code === undefined ? null : reasons[code],
    doors: await Promise.all(doors.map(async (door) => doorFacts(config, door, token, nowMs, where))),
    context: outcome.kind === 'context' ? contextFacts(outcome.context) : null,
  }
}

export function contextFacts({ mesh, meshId, sub, ingress }: MeshContext): ContextFacts {
  return { mesh, mesh_id: meshId, sub, ingress: ingress ?? null }
}

type Asks = Pick<MeshFacts, 'asks' | 'why' | 'at'>

/** Who asks for a token, and why. */
function asksOf(config: Config, { ingress, guard, endpoint }: Route, where: Where): Asks {
  if (ingress !== undefined) {
    const listing = [...config.meshes.values()].filter((mesh) =>
      mesh.ingress.some((member) => member.kind === 'ingress' && member.ingress.name === ingress.name),
    )
    const names = listing.map(({ name, enabled }) => (enabled ? name : `${name}, which is disabled`))
    const listed = names.length === 0 ? 'no mesh lists it' : `it is listed by ${names.join(', ')}`
    return { asks: ingress.mode, why: `the ingress has mode ${ingress.mode}; ${listed}`, at: where(ingress.place) }
  }
  const at = where(endpoint.place)
  if (guard === undefined) return { asks: 'open', why: 'the endpoint is reached by its own path', at }
  const names = guard.ingresses.map(({ name }) => name).join(', ')
  return { asks: 'mesh', why: `only ingresses of mode mesh bind the endpoint: ${names}`, at }
}

async function doorFacts(
  config: Config,
  { verifier, own }: Door,
  token: string,
  nowMs: number,
  where: Where,
): Promise<DoorFacts> {
  const verdict = await verifier.verify(new Presented(token), own, nowMs)
  const code = verdict.ok ? null : verdict.code
  const mesh = config.meshes.get(verifier.mesh)
  const at = mesh === undefined ? '' : where(mesh.place)
  // whose keys are elsewhere has no tests to show
  if (mesh === undefined || code === 'token/provider') return { mesh: verifier.mesh, at, code, checks: [] }
  const { checks } = await examine(token, trustOf(mesh), own, nowMs)
  return {
    mesh: verifier.mesh,
    at,
    code,
    // whose token it is nobody need know before it is believed
    checks: checks.map(({ name, ok, detail }) => ({
      name,
      ok,
      detail: name === 'subject' && !verdict.ok ? '' : detail,
    })),
  }
}
