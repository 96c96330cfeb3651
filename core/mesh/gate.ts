// What a request passes where meshes are asked for: an ingress, a guarded endpoint, an explicit `mesh_auth`.
import type { Own } from './audience.ts'
import { bearerOf } from './bearer.ts'
import type { MeshContext } from './context.ts'
import type { TokenCode } from './reason.ts'
import { Presented } from './verify.ts'
import type { Verdict, Verifier } from './verify.ts'

/** A mesh at one place: its verifier, and the origins that a token may be for there. */
export type Door = { readonly verifier: Verifier; readonly own: Own }
export type Gate = {
  /** Mode `mesh`: without a valid token nobody passes. */
  readonly required: boolean
  /** For the context. */
  readonly ingress: string | undefined
  /** A token of one of them is enough. */
  readonly doors: readonly Door[]
}

export type Outcome =
  | { readonly kind: 'context'; readonly context: MeshContext }
  /** The request goes on without context; the code says why, where a token was asked for. */
  | { readonly kind: 'none'; readonly code: TokenCode | undefined }
  /** 403 (decision 2). */
  | { readonly kind: 'refused'; readonly code: TokenCode }

/** There is nothing to pass. */
export const open: Outcome = { kind: 'none', code: undefined }

/** Asks for the token. At once, unless a token must be verified. Never rejects. */
export function pass(gate: Gate, authorization: readonly string[], nowMs: number): Outcome | Promise<Outcome> {
  if (gate.doors.length === 0) return gate.required ? { kind: 'refused', code: 'token/no-mesh' } : open
  const bearer = bearerOf(authorization)
  if ('problem' in bearer) return without(gate, bearer.problem)
  const token = new Presented(bearer.token)
  let unknown = false
  let code: TokenCode = 'token/issuer'
  for (const { verifier, own } of gate.doors) {
    const verdict = verifier.known(token, own, nowMs)
    if (verdict === undefined) unknown = true
    else if (verdict.ok) return entered(gate, verifier, verdict)
    else code = verdict.code
  }
  return unknown ? examined(gate, token, nowMs) : without(gate, code)
}

/** Asks each mesh in turn (G17). Another mesh's token is refused by its issuer, before any signature. */
async function examined(gate: Gate, token: Presented, nowMs: number): Promise<Outcome> {
  let code: TokenCode = 'token/issuer'
  for (const { verifier, own } of gate.doors) {
    const verdict = await verifier.verify(token, own, nowMs)
    if (verdict.ok) return entered(gate, verifier, verdict)
    // the reason of the mesh that the token names tells more than those of the others
    if (verdict.code !== 'token/issuer') code = verdict.code
  }
  return without(gate, code)
}

function entered({ ingress }: Gate, { mesh, meshId }: Verifier, { sub, claims }: Verdict & { ok: true }): Outcome {
  return { kind: 'context', context: { mesh, meshId, sub, claims, ingress } }
}

function without({ required }: Gate, code: TokenCode): Outcome {
  return required ? { kind: 'refused', code } : { kind: 'none', code }
}
