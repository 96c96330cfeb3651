// Tokens for the operator: minted as an egress of this gateway would, and verified as an ingress would (`harmony
// token`). A token made here goes nowhere but to whoever asked.
import type { Config, Mesh } from '../config/model.ts'
import { closest } from '../finding/typo.ts'
import { originsIn } from './audience.ts'
import { examine } from './examine.ts'
import type { Examination } from './examine.ts'
import { mintToken, signingOf } from './mint.ts'
import type { Minted } from './mint.ts'
import { trustOf } from './verify.ts'

/** Why there is no answer. */
export type TokenProblem = {
  readonly ok: false
  readonly code: 'mesh/unknown' | 'mesh/disabled' | 'mesh/no-signing-key' | 'mesh/provider' | 'token/destination'
  readonly message: string
  readonly help: string | undefined
}

export type MintedFor = Minted & {
  readonly ok: true
  /** RFC 3339. */
  readonly expires_at: string
  readonly mesh: string
  readonly provider: string
}

/** The answer; whether the token is accepted stands in `code`. */
export type VerifiedFor = Examination & { readonly ok: true; readonly mesh: string }

/** Mints a token of a mesh. `destination` is the URL that it is for; without one it has no `aud`. */
export async function mintFor(
  config: Config,
  name: string,
  destination: string | undefined,
  nowMs: number,
): Promise<MintedFor | TokenProblem> {
  const found = usable(config, name)
  if (!found.ok) return found
  const { mesh } = found
  const signing = signingOf(mesh)
  if (signing === undefined) {
    const help = 'give the mesh a jwt_secret, or a jwt_private_key_path'
    return problem('mesh/no-signing-key', `mesh ${quoted(name)} has no key to sign with on this gateway`, help)
  }
  const url = destination === undefined ? undefined : URL.parse(destination)
  if (url === null || (url !== undefined && !/^https?:$/.test(url.protocol))) {
    return problem('token/destination', `destination ${quoted(destination ?? '')} is no http or https URL`)
  }
  const minted = await mintToken(signing, config.proxy.identity, url?.origin, nowMs)
  const expires_at = new Date(minted.claims.exp * 1000).toISOString()
  return { ok: true, ...minted, expires_at, mesh: mesh.name, provider: mesh.provider }
}

/**
 * Verifies a token as an ingress of this gateway in the mesh would. A gateway without any ingress there does not
 * test the audience.
 */
export async function verifyFor(
  config: Config,
  name: string,
  token: string,
  nowMs: number,
): Promise<VerifiedFor | TokenProblem> {
  const found = usable(config, name)
  if (!found.ok) return found
  const { mesh } = found
  const own = originsIn(mesh)
  const examination = await examine(token.trim(), trustOf(mesh), own.size === 0 ? undefined : own, nowMs)
  return { ok: true, mesh: mesh.name, ...examination }
}

/** The mesh, when it is enabled and its keys are this gateway's own. */
function usable(
  { meshes, providers }: Config,
  name: string,
): { readonly ok: true; readonly mesh: Mesh } | TokenProblem {
  const mesh = meshes.get(name)
  if (mesh === undefined) {
    const guess = closest(name, meshes.keys())
    const names = [...meshes.keys()].slice(0, 10).map(quoted)
    const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`
    const help = guess === undefined ? known : `did you mean ${quoted(guess)}?`
    return problem('mesh/unknown', `the configuration has no mesh ${quoted(name)}`, help)
  }
  if (!mesh.enabled) return problem('mesh/disabled', `mesh ${quoted(name)} is disabled`)
  if (providers.get(mesh.provider)?.kind !== 'local') {
    const message = `tokens of mesh ${quoted(name)} come from provider ${quoted(mesh.provider)}`
    return problem('mesh/provider', `${message}, which is not supported by this version`)
  }
  return { ok: true, mesh }
}

function problem(code: TokenProblem['code'], message: string, help?: string): TokenProblem {
  return { ok: false, code, message, help }
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
}
