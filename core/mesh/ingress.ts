// The first thing that happens to a routed request: has a mesh vouched for it, and must one (spec 7.2, 7.3, decisions
// 1 to 3). Built once per generation; a known token is answered without waiting.
import type { Config, Ingress, Mesh, UrlPattern } from '../config/model.ts'
import type { Guard } from '../route/guard.ts'
import { ownOrigins } from './audience.ts'
import { open, pass } from './gate.ts'
import type { Door, Gate, Outcome } from './gate.ts'
import { meshesByIngress } from './listing.ts'
import { TokenMemory } from './memory.ts'
import { createRefuser, createVerifier, trustOf } from './verify.ts'
import type { Verifier } from './verify.ts'

/** Where a request was routed to. */
export type Target = {
  /** The ingress whose URL matched; without one the request came by the endpoint's own path. */
  readonly ingress: Ingress | undefined
  /** Set when that path is for members of a mesh alone (decision 3). */
  readonly guard: Guard | undefined
}

export type IngressCheck = {
  /** `authorization` are all values of the field; `nowMs` is Unix time. Never rejects. */
  check(target: Target, authorization: readonly string[], nowMs: number): Outcome | Promise<Outcome>
  /** Where a token can be shown there: one for each mesh whose tokens count. For whoever asks why. */
  doors(target: Target): readonly Door[]
}

/** Makes the verifier of a mesh; those of providers come from elsewhere. */
export type MakeVerifier = (mesh: Mesh, memory: TokenMemory) => Verifier

/** The check for every ingress and endpoint of a configuration. */
export function createIngressCheck(config: Config, make: MakeVerifier = makerOf(config)): IngressCheck {
  const memory = new TokenMemory()
  const meshes = [...config.meshes.values()].filter((mesh) => mesh.enabled)
  const verifiers = new Map(meshes.map((mesh) => [mesh.name, make(mesh, memory)]))
  const listing = meshesByIngress(config)

  /** The doors of all meshes that list one of these ingresses. */
  const doorsOf = (ingresses: readonly Ingress[]): Door[] => {
    const urls = new Map<string, UrlPattern[]>()
    for (const ingress of ingresses)
      for (const mesh of listing.get(ingress.name) ?? []) {
        const known = urls.get(mesh.name)
        if (known === undefined) urls.set(mesh.name, [...ingress.urls])
        else known.push(...ingress.urls)
      }
    return [...urls].flatMap(([mesh, patterns]) => {
      const verifier = verifiers.get(mesh)
      return verifier === undefined ? [] : [{ verifier, own: ownOrigins(patterns) }]
    })
  }

  const gates = new Map<string, Gate>()
  for (const ingress of config.ingresses.values())
    gates.set(ingress.name, { ...closed(ingress), doors: doorsOf([ingress]) })
  const guarded = new WeakMap<Guard, Gate>()

  /** The token of a mesh that contains one of the ingresses behind the guard. */
  const gateOf = (guard: Guard): Gate => {
    const known = guarded.get(guard) ?? { required: true, ingress: undefined, doors: doorsOf(guard.ingresses) }
    guarded.set(guard, known)
    return known
  }

  return {
    check({ ingress, guard }, authorization, nowMs) {
      if (ingress !== undefined) return pass(gates.get(ingress.name) ?? closed(ingress), authorization, nowMs)
      return guard === undefined ? open : pass(gateOf(guard), authorization, nowMs)
    },
    doors({ ingress, guard }) {
      if (ingress !== undefined) return gates.get(ingress.name)?.doors ?? []
      return guard === undefined ? [] : gateOf(guard).doors
    },
  }
}

/** The gate of an ingress that no mesh lists. */
function closed({ name, mode }: Ingress): Gate {
  return { required: mode === 'mesh', ingress: name, doors: [] }
}

/** The verifier that a mesh has in this build. */
function makerOf({ providers }: Config): MakeVerifier {
  return (mesh, memory) => {
    const trust = trustOf(mesh)
    const local = providers.get(mesh.provider)?.kind === 'local'
    return local ? createVerifier(trust, memory) : createRefuser(trust, 'token/provider')
  }
}
