// The first thing that happens to a routed request: has a mesh vouched for it, and must one (spec 7.2, 7.3, decisions
// 1 to 3). Built once per generation; a known token is answered without waiting.
import type { Config, Endpoint, Ingress, Mesh, UrlPattern } from '../config/model.ts'
import { ownOrigins } from './audience.ts'
import { open, pass } from './gate.ts'
import type { Door, Gate, Outcome } from './gate.ts'
import { TokenMemory } from './memory.ts'
import { createRefuser, createVerifier, trustOf } from './verify.ts'
import type { Verifier } from './verify.ts'

/** Where a request was routed to; without an ingress it came by the endpoint's own path. */
export type Target = {
  readonly pipeline: { readonly name: string }
  readonly endpoint: { readonly name: string }
  readonly ingress: Ingress | undefined
}

export type IngressCheck = {
  /** `authorization` are all values of the field; `nowMs` is Unix time. Never rejects. */
  check(target: Target, authorization: readonly string[], nowMs: number): Outcome | Promise<Outcome>
}

/** Makes the verifier of a mesh; those of providers come from elsewhere. */
export type MakeVerifier = (mesh: Mesh, memory: TokenMemory) => Verifier

/** The check for every ingress and endpoint of a configuration. */
export function createIngressCheck(config: Config, make: MakeVerifier = makerOf(config)): IngressCheck {
  const memory = new TokenMemory()
  const meshes = [...config.meshes.values()].filter((mesh) => mesh.enabled)
  const verifiers = new Map(meshes.map((mesh) => [mesh.name, make(mesh, memory)]))
  const listing = meshesByIngress(meshes)

  /** The doors of all meshes that list one of these ingresses. */
  const doorsOf = (ingresses: readonly Ingress[]): Door[] => {
    const urls = new Map<string, UrlPattern[]>()
    for (const ingress of ingresses)
      for (const mesh of listing.get(ingress.name) ?? []) {
        const known = urls.get(mesh)
        if (known === undefined) urls.set(mesh, [...ingress.urls])
        else known.push(...ingress.urls)
      }
    return [...urls].flatMap(([mesh, patterns]) => {
      const verifier = verifiers.get(mesh)
      return verifier === undefined ? [] : [{ verifier, own: ownOrigins(patterns) }]
    })
  }

  const gates = new Map<string, Gate>()
  for (const ingress of config.ingresses.values()) {
    const gate = { required: ingress.mode === 'mesh', ingress: ingress.name, doors: doorsOf([ingress]) }
    gates.set(ingress.name, gate)
  }
  const guards = guardsOf(config, doorsOf)

  return {
    check({ pipeline, endpoint, ingress }, authorization, nowMs) {
      const gate =
        ingress === undefined
          ? guards.get(pipeline.name)?.get(endpoint.name)
          : // one that this configuration does not have: nobody vouches for it
            (gates.get(ingress.name) ?? { required: ingress.mode === 'mesh', ingress: ingress.name, doors: [] })
      return gate === undefined ? open : pass(gate, authorization, nowMs)
    },
  }
}

/** The verifier that a mesh has in this build. */
function makerOf({ providers }: Config): MakeVerifier {
  return (mesh, memory) => {
    const trust = trustOf(mesh)
    const local = providers.get(mesh.provider)?.kind === 'local'
    return local ? createVerifier(trust, memory) : createRefuser(trust, 'token/provider')
  }
}

/**
 * Decision 3: an endpoint that a mesh-only ingress binds is mesh-only on its own path too, unless an ingress in mode
 * default of the same pipeline opens it. Nothing here: the path is open.
 */
function guardsOf(config: Config, doorsOf: (ingresses: readonly Ingress[]) => Door[]): Map<string, Map<string, Gate>> {
  const enabled = [...config.ingresses.values()].filter((ingress) => ingress.enabled)
  const guarding = byEndpoint(enabled.filter(({ mode, enforce }) => mode === 'mesh' && enforce === 'endpoint'))
  const opening = new Set(enabled.filter(({ mode }) => mode === 'default').map(bindingOf))
  const gates = new Map<string, Gate>()
  for (const [endpoint, binding] of guarding)
    gates.set(endpoint, { required: true, ingress: undefined, doors: doorsOf(binding) })
  const guards = new Map<string, Map<string, Gate>>()
  for (const pipeline of config.pipelines.values()) {
    const own = new Map<string, Gate>()
    for (const endpoint of pipeline.endpoints) {
      const gate = gates.get(identityOf(endpoint))
      const opened = opening.has(bindingOf({ pipeline: pipeline.name, endpoint }))
      if (gate !== undefined && !opened) own.set(endpoint.name, gate)
    }
    guards.set(pipeline.name, own)
  }
  return guards
}

function meshesByIngress(meshes: readonly Mesh[]): Map<string, Set<string>> {
  const listing = new Map<string, Set<string>>()
  for (const mesh of meshes)
    for (const member of mesh.ingress) {
      if (member.kind !== 'ingress') continue
      const known = listing.get(member.ingress.name)
      if (known === undefined) listing.set(member.ingress.name, new Set([mesh.name]))
      else known.add(mesh.name)
    }
  return listing
}

function byEndpoint(ingresses: readonly Ingress[]): Map<string, Ingress[]> {
  return Map.groupBy(ingresses, ({ endpoint }) => identityOf(endpoint))
}

function bindingOf({ pipeline, endpoint }: Pick<Ingress, 'pipeline' | 'endpoint'>): string {
  return JSON.stringify([pipeline, identityOf(endpoint)])
}

/** Names of endpoints are those of a file (1.4): its definition tells which is meant. */
function identityOf({ place }: Endpoint): string {
  return JSON.stringify([place.file, ...place.path])
}
