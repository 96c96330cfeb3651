// Tokens for the operator: minted as an egress of this gateway would, and verified as an ingress would (`harmony
// token`). A token made here goes nowhere but to whoever asked.
import type { Config, Mesh } from '../config/model.ts'
import { closest } from '../finding/typo.ts'
import { quoted } from '../finding/words.ts'
import { originsIn } from './audience.ts'
import type { Members } from './decode.ts'
import { examine } from './examine.ts'
import type { Check } from './examine.ts'
import { mintToken, signingOf } from './mint.ts'
import type { Minted } from './mint.ts'
import type { TokenCode } from './reason.ts'
import { trustOf } from './verify.ts'

/** Why there is no answer. */
export type TokenProblem = {
  readonly code: 'mesh/unknown' | 'mesh/disabled' | 'mesh/no-signing-key' | 'mesh/provider' | 'token/destination'
  readonly message: string
  readonly help?: string | undefined
}

export type MintedFor = Minted & {
  /** RFC 3339. */
  readonly expires_at: string
  readonly mesh: string
  readonly provider: string
}

export type VerifiedFor = {
  readonly ok: boolean
  readonly mesh: string
  readonly checks: readonly Check[]
  /** Not to be believed unless `ok`. */
  readonly claims: Members | undefined
  /** Of the first check that failed. */
  readonly code: TokenCode | undefined
}

/** Mints a token of a mesh. `destination` is the URL that it is for; without one it has no `aud`. */
export async function mintFor(
  config: Config,
  name: string,
  destination: string | undefined,
  nowMs: number,
): Promise<MintedFor | { readonly problem: TokenProblem }> {
  const found = usable(config, name)
  if ('problem' in found) return found
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
  return { ...minted, expires_at, mesh: mesh.name, provider: mesh.provider }
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
): Promise<VerifiedFor | { readonly problem: TokenProblem }> {
  const found = usable(config, name)
  if ('problem' in found) return found
  const { mesh } = found
  const own = originsIn(mesh)
  const { checks, claims, code } = await examine(token.trim(), trustOf(mesh), own.size === 0 ? undefined : own, nowMs)
  return { ok: code === undefined, mesh: mesh.name, checks, claims, code }
}

/** The mesh, when it is enabled and its keys are this gateway's own. */
function usable(
  { meshes, providers }: Config,
  name: string,
): { readonly mesh: Mesh } | { readonly problem: TokenProblem } {
  const mesh = meshes.get(name)
  if (mesh === undefined) {
    const guess = closest(name, meshes.keys())
    const names = [...meshes.keys()].slice(0, 10).map((each) => quoted(each))
    const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`
    const help = guess === undefined ? known : `did you mean ${quoted(guess)}?`
    return problem('mesh/unknown', `the configuration has no mesh ${quoted(name)}`, help)
  }
  if (!mesh.enabled) return problem('mesh/disabled', `mesh ${quoted(name)} is disabled`)
  if (providers.get(mesh.provider)?.kind !== 'local') {
    const message = `tokens of mesh ${quoted(name)} come from provider ${quoted(mesh.provider)}`
    return problem('mesh/provider', `${message}, which is not supported by this version`)
  }
  return { mesh }
}

function problem(code: TokenProblem['code'], message: string, help?: string): { readonly problem: TokenProblem } {
  return { problem: help === undefined ? { code, message } : { code, message, help } }
}
