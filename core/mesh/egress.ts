// Which egress a request leaves by, whether it may, and in the name of which mesh (spec 7.4, decisions 1, 14 and 15).
// Everything that the configuration decides is decided once per generation; a request costs lookups and a few
// comparisons of paths.
import type { Backend, Config, Egress, Mesh } from '../config/model.ts'
import type { MeshContext } from './context.ts'
import { listsOf, Prefixes } from './destination.ts'
import type { Lists } from './destination.ts'
import { meshesByEgress } from './listing.ts'
import { createMinter, signingOf } from './mint.ts'
import type { Signer } from './mint.ts'
import { pathsFor } from './way.ts'

export type Choice =
  | {
      readonly kind: 'go'
      /** None: the backend has no egress, and nothing is asked of the request. */
      readonly egress: Egress | undefined
      /** The egress prefers HTTP/3 (decision 6). */
      readonly http3: boolean
      /** Makes the token that goes along. */
      readonly signer: Signer | undefined
      /** The meshes that list the egress but not this destination: no token goes along, which the log must say. */
      readonly unlisted: readonly string[]
    }
  | {
      readonly kind: 'refuse'
      readonly egress: Egress
      readonly code: 'mesh/egress-context' | 'mesh/unsigned' | 'reference/unavailable'
      /** For the log. */
      readonly detail: string
    }

export type EgressChoice = {
  /** `path` is that of the target at the backend, without its query. */
  choose(
    pipeline: { readonly name: string },
    backend: { readonly name: string },
    path: string,
    context: MeshContext | undefined,
  ): Choice
  /** What each egress that leads there would say by itself: for whoever asks why. */
  weigh(...asked: Parameters<EgressChoice['choose']>): readonly Weighed[]
}

/** An egress that leads to a backend; without a choice, the destination is none of its own. */
export type Weighed = { readonly egress: Egress; readonly choice: Choice | undefined }

/** An egress that leads to a backend. */
type Way = {
  readonly egress: Egress
  /** The enabled meshes that list it; empty: context of any mesh opens it (decision 15). */
  readonly meshes: ReadonlySet<string>
  /** Set for an egress with a backend that the pipeline does not list: the paths that it is for. */
  readonly when: Prefixes<true> | undefined
  readonly signing: Signing
}

type Signing = {
  /** Destinations that meshes list, and own ingresses. */
  readonly listed: Prefixes<Mesh>
  /** The meshes without listed destinations: they sign everything. */
  readonly open: readonly Mesh[]
  /** The meshes with references that nobody has resolved. */
  readonly unresolved: readonly string[]
  readonly names: readonly string[]
}

const free: Choice = { kind: 'go', egress: undefined, http3: false, signer: undefined, unlisted: [] }

/** The signer of a mesh, or why there is none; meshes of providers have theirs from elsewhere. */
export type MakeSigner = (mesh: Mesh) => Signer | Unsigned

/** Why a mesh cannot be signed for. */
export type Unsigned = { readonly code: 'mesh/unsigned' | 'reference/unavailable'; readonly detail: string }

/** The choice for every pipeline of a configuration. */
export function createEgressChoice(config: Config, make: MakeSigner = makerOf(config)): EgressChoice {
  const meshes = [...config.meshes.values()].filter((mesh) => mesh.enabled)
  const signers: Signers = new Map(meshes.map((mesh) => [mesh.name, make(mesh)]))
  const lists = listsOf(config)
  const signings = new Map<string, Signing>()
  /** Shared by all egresses of the same meshes that lead to the same place. */
  const signing = ({ upstream }: Backend, meshes: readonly Mesh[]): Signing => {
    const key = JSON.stringify([upstream?.origin, ...meshes.map(({ name }) => name)])
    const known = signings.get(key) ?? signingAt(lists, upstream, meshes)
    signings.set(key, known)
    return known
  }
  // of two that match alike the first by name signs (spec 7.4)
  const listing = new Map(
    [...meshesByEgress(config)].map(([name, listed]) => [name, listed.toSorted((a, b) => (a.name < b.name ? -1 : 1))]),
  )
  const plans = new Map<string, Map<string, readonly Way[]>>()
  for (const pipeline of config.pipelines.values()) {
    const egresses = pipeline.egresses.filter(({ enabled }) => enabled)
    const backends = new Map([...pipeline.backends, ...egresses.map(({ backend }) => backend)].map((b) => [b.name, b]))
    const plan = new Map<string, readonly Way[]>()
    for (const backend of backends.values()) {
      const ways = egresses.flatMap((egress): Way[] => {
        const meshes = listing.get(egress.name) ?? []
        const paths = pathsFor(lists, pipeline, egress, backend, meshes)
        if (paths === 'none') return []
        const when = paths === 'all' ? undefined : paths
        const names = new Set(meshes.map(({ name }) => name))
        return [{ egress, meshes: names, when, signing: signing(backend, meshes) }]
      })
      if (ways.length > 0) plan.set(backend.name, ways)
    }
    plans.set(pipeline.name, plan)
  }

  return {
    choose(pipeline, backend, path, context) {
      const ways = plans.get(pipeline.name)?.get(backend.name)
      return ways === undefined ? free : best(signers, ways, path, context)
    },
    weigh(pipeline, backend, path, context) {
      const ways = plans.get(pipeline.name)?.get(backend.name) ?? []
      return ways.map((way) => {
        const away = way.when !== undefined && way.when.find(path) === undefined
        return { egress: way.egress, choice: away ? undefined : tried(signers, way, path, context)[0] }
      })
    },
  }
}

/**
 * Of several egresses: those that let the request through, then the one with the longest matching destination, then
 * the first. A refusal stands only when each of them refuses.
 */
function best(signers: Signers, ways: readonly Way[], path: string, context: MeshContext | undefined): Choice {
  let chosen: Choice = free
  let rank = -Infinity
  for (const way of ways) {
    if (!counts(way, path)) continue
    const [choice, own] = tried(signers, way, path, context)
    if (own <= rank) continue
    rank = own
    chosen = choice
  }
  return chosen
}

/**
 * An egress's answer, and its rank: -2 refused by its mode, -1 refused for its signature, 0 without a token, 1 with one
 * for any destination, from 2 with one for a listed destination.
 */
function tried(
  signers: Signers,
  { egress, meshes, signing }: Way,
  path: string,
  context: MeshContext | undefined,
): readonly [Choice, number] {
  const refuse = (code: (Choice & { kind: 'refuse' })['code'], detail: string): Choice => {
    return { kind: 'refuse', egress, code, detail: `egress ${egress.name}: ${detail}` }
  }
  if (egress.mode === 'mesh' && !opens(context, meshes)) {
    const detail = context === undefined ? 'the request has no mesh context' : `not in mesh ${context.mesh}`
    return [refuse('mesh/egress-context', detail), -2]
  }
  const go = (signer: Signer | undefined, unlisted: readonly string[] = []): Choice => {
    return { kind: 'go', egress, http3: egress.type === 'http3', signer, unlisted }
  }
  const match = signing.listed.find(path)
  const mesh = match?.value ?? (signing.open.length === 1 ? signing.open[0] : undefined)
  if (mesh !== undefined) {
    const signer = signers.get(mesh.name) ?? unsignable(mesh)
    if ('code' in signer) return [refuse(signer.code, signer.detail), -1]
    return [go(signer), match === undefined ? 1 : 2 + match.length]
  }
  if (signing.open.length > 1)
    return [refuse('mesh/unsigned', `meshes ${signing.open.map(({ name }) => name).join(', ')} could all sign`), -1]
  if (signing.unresolved.length > 0)
    return [refuse('reference/unavailable', `references of ${signing.unresolved.join(', ')} are not resolved`), -1]
  return [go(undefined, signing.names), 0]
}

/** What is closed is closed in every spelling; what merely signs does so for paths as they are. */
function counts({ egress, when }: Way, path: string): boolean {
  if (when === undefined) return true
  return egress.mode === 'mesh' ? when.touches(path) : when.find(path) !== undefined
}

function opens(context: MeshContext | undefined, meshes: ReadonlySet<string>): boolean {
  return context !== undefined && (meshes.size === 0 || meshes.has(context.mesh))
}

// --- once per generation ---

type Signers = ReadonlyMap<string, Signer | Unsigned>

/** The signer that a mesh has in this build. */
function makerOf({ providers, proxy }: Config): MakeSigner {
  return (mesh) => {
    const signing = signingOf(mesh)
    if (providers.get(mesh.provider)?.kind !== 'local')
      return {
        code: 'reference/unavailable',
        detail: `tokens of mesh ${mesh.name} come from provider ${mesh.provider}`,
      }
    return signing === undefined ? unsignable(mesh) : { mesh: mesh.name, ...createMinter(signing, proxy.identity) }
  }
}

function unsignable({ name }: Mesh): Unsigned {
  return { code: 'mesh/unsigned', detail: `mesh ${name} has no key to sign with` }
}

function signingAt(lists: Lists, upstream: Backend['upstream'], meshes: readonly Mesh[]): Signing {
  // nothing leaves the gateway: nobody reads a token
  if (upstream === undefined) return { listed: new Prefixes<Mesh>([]), open: [], unresolved: [], names: [] }
  return {
    listed: new Prefixes(
      meshes.flatMap((mesh) =>
        lists(mesh)
          .pathsAt(upstream)
          .map((path) => [path, mesh] as const),
      ),
    ),
    open: meshes.filter((mesh) => !lists(mesh).restricts),
    unresolved: meshes.filter((mesh) => lists(mesh).unresolved).map(({ name }) => name),
    names: meshes.map(({ name }) => name),
  }
}
