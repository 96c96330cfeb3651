// What an explicit `mesh_auth` does (spec 7.6): asks for a token where no ingress URL did, or signs where no egress
// does. A request that a mesh has vouched for already is not asked again: its token is gone by then.
import type { MeshAuth } from '../config/model.ts'
import { originsIn } from '../mesh/audience.ts'
import { inbound } from '../mesh/authorization.ts'
import { pass } from '../mesh/gate.ts'
import type { Gate, Outcome } from '../mesh/gate.ts'
import { TokenMemory } from '../mesh/memory.ts'
import { createMinter } from '../mesh/mint.ts'
import { reasons } from '../mesh/reason.ts'
import { createRefuser, createVerifier, trustOf } from '../mesh/verify.ts'
import type { Signer } from '../pipeline/exchange.ts'
import type { MeshCheck, Verdict } from '../pipeline/middleware.ts'
import { refuse } from '../refusal/refusal.ts'
import { matchesDestination } from '../route/url.ts'
import { viewOf } from './view.ts'

/** Makes the check, or the signature, of an instance. `identity` is the `sub` of tokens; `nowMs` gives Unix time. */
export function createMeshCheck(nowMs: () => number): (auth: MeshAuth, identity: string) => MeshCheck {
  return (auth, identity) => (auth.direction === 'ingress' ? asking(auth, nowMs) : signing(auth, identity))
}

function asking(auth: MeshAuth, nowMs: () => number): MeshCheck {
  const { mesh, meshId, algorithm, verification, required } = auth
  const trust = { ...trustOf(mesh), meshId, algorithm, keys: verification }
  const usable = mesh.enabled && mesh.provider === 'local'
  const verifier = usable ? createVerifier(trust, new TokenMemory()) : createRefuser(trust, 'token/provider')
  const gate: Gate = { required, ingress: undefined, doors: [{ verifier, own: originsIn(mesh) }] }
  return (exchange) => {
    if (exchange.mesh?.mesh === mesh.name && exchange.mesh.meshId === meshId) return undefined
    const decide = (outcome: Outcome): Verdict => {
      if (outcome.kind === 'refused') return refuse('mesh/required', `${outcome.code}: ${reasons[outcome.code]}`)
      if (outcome.kind === 'none') return undefined
      exchange.mesh = outcome.context
      const edits = inbound(exchange.head, true)
      exchange.edits.push(...edits)
      exchange.head = viewOf(exchange.head, edits)
      return undefined
    }
    const outcome = pass(gate, exchange.head.headerAll('authorization'), nowMs())
    return outcome instanceof Promise ? outcome.then(decide) : decide(outcome)
  }
}

function signing(auth: MeshAuth, identity: string): MeshCheck {
  const { mesh, meshId, algorithm, signing: key, destination } = auth
  if (key === undefined || !mesh.enabled) return () => refuse('mesh/unsigned', `mesh ${mesh.name} cannot be signed for`)
  const minter = createMinter({ mesh: mesh.name, meshId, algorithm, key }, identity)
  const signer: Signer = {
    mesh: mesh.name,
    mint: (origin, path, now) => {
      if (destination !== undefined && !matchesDestination(destination, destinationOf(origin, path))) return undefined
      return minter.mint(origin, now)
    },
  }
  return (exchange) => {
    exchange.signer = signer
    return undefined
  }
}

function destinationOf(origin: string, path: string): Parameters<typeof matchesDestination>[1] {
  const { protocol, hostname, port } = new URL(origin)
  const scheme = protocol === 'https:' ? 'https' : 'http'
  return { scheme, host: hostname, port: port === '' ? (scheme === 'https' ? 443 : 80) : Number(port), path }
}
