// An explicit `mesh_auth` (spec 7.6): the check of an ingress, or the signature of an egress, where a pipeline asks
// for it by itself.
import type { MeshAuth } from '../config/middleware.ts'
import type { UrlPattern } from '../config/model.ts'
import type { Exchange, HeadView } from '../pipeline/exchange.ts'
import type { MeshCheck, Verdict } from '../pipeline/middleware.ts'
import { refuse } from '../refusal/refusal.ts'
import { metadataOf } from './context.ts'
import { originsIn } from './audience.ts'
import { inbound } from './authorization.ts'
import type { Edit } from './authorization.ts'
import { pass } from './gate.ts'
import type { Gate, Outcome } from './gate.ts'
import { TokenMemory } from './memory.ts'
import { createMinter } from './mint.ts'
import type { Minter, Signer } from './mint.ts'
import { reasons } from './reason.ts'
import { createRefuser, createVerifier } from './verify.ts'

export type MeshCheckOptions = {
  /** Unix time in ms. */
  readonly now: () => number
  /** `proxy.identity`: the `sub` of tokens. */
  readonly identity: () => string
  /** A head with its fields changed. */
  readonly view: (head: HeadView, edits: readonly Edit[]) => HeadView
}

/** Builds the left side of a `mesh_auth`. One memory of tokens serves all of them, in all generations. */
export function createMeshCheck({ now, identity, view }: MeshCheckOptions): (auth: MeshAuth) => MeshCheck {
  const memory = new TokenMemory()
  return (auth) => (auth.direction === 'egress' ? signature(auth, identity) : check(auth, memory, now, view))
}

function check(auth: MeshAuth, memory: TokenMemory, now: () => number, view: MeshCheckOptions['view']): MeshCheck {
  const gate = gateOf(auth, memory)
  const settle = (exchange: Exchange, outcome: Outcome): Verdict => {
    if (outcome.kind === 'refused') return refuse('mesh/required', `${outcome.code}: ${reasons[outcome.code]}`)
    if (outcome.kind === 'none') return undefined
    // the first token came as it was sent; a second one stood behind the first and is in its place by now
    const from = exchange.mesh === undefined ? (exchange.arrived ?? exchange.head) : exchange.head
    exchange.mesh = outcome.context
    for (const [name, value] of metadataOf(outcome.context)) exchange.metadata.set(name, value)
    // decision 4: what came with the accepted token stands in its place again
    const edits = inbound(from, true)
    exchange.edits.push(...edits)
    exchange.head = view(from, edits)
    return undefined
  }
  return (exchange) => {
    // the ingress has asked for the same already, and the token is gone
    if (exchange.mesh?.mesh === auth.mesh.name && exchange.mesh.meshId === auth.meshId) return undefined
    const outcome = pass(gate, exchange.head.headerAll('authorization'), now())
    return outcome instanceof Promise ? outcome.then((late) => settle(exchange, late)) : settle(exchange, outcome)
  }
}

function gateOf(auth: MeshAuth, memory: TokenMemory): Gate {
  const { mesh, meshId, required, algorithm, verification } = auth
  if (!mesh.enabled) return { required, ingress: undefined, doors: [] }
  const { name, leewaySecs, verifyAudience } = mesh
  const trust = { mesh: name, meshId, algorithm, keys: verification, leewaySecs, verifyAudience }
  const verifier = isLocal(auth) ? createVerifier(trust, memory) : createRefuser(trust, 'token/provider')
  // decision 11: of all ingresses of this gateway in the mesh
  return { required, ingress: undefined, doors: [{ verifier, own: originsIn(mesh) }] }
}

/** The token itself is made when the destination is known; here it is said who makes it. */
function signature(auth: MeshAuth, identity: () => string): MeshCheck {
  const { mesh, meshId, algorithm, signing, destination, required } = auth
  if (!mesh.enabled || !isLocal(auth) || signing === undefined) {
    const detail = `mesh_auth ${auth.mesh.name}: ${mesh.enabled ? 'there is no key to sign with' : 'the mesh is disabled'}`
    return () => (required ? refuse('mesh/unsigned', detail) : undefined)
  }
  // made with the first request: by then the generation that this belongs to is the one that serves
  let minter: Minter | undefined
  const own = (): Minter => createMinter({ mesh: mesh.name, meshId, algorithm, key: signing }, identity())
  const fixed = destination === undefined ? undefined : originOf(destination)
  const signer: Signer = {
    mesh: mesh.name,
    mint: (origin, nowMs) => (minter ??= own()).mint(fixed ?? origin, nowMs),
  }
  return (exchange) => {
    exchange.signer = signer
    return undefined
  }
}

function originOf({ scheme, host, port }: UrlPattern): string {
  return `${scheme}://${host}${port === undefined ? '' : `:${port}`}`
}

/** Keys of other providers are not this gateway's own. */
function isLocal({ mesh }: MeshAuth): boolean {
  return mesh.provider === 'local'
}
