// Mints mesh tokens (spec 7.5, decisions 11 and 12). A token is used again until a minute before it expires, so most
// requests get theirs at once.
import { SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Mesh, MeshKey } from '../config/model.ts'

/** In whose name tokens are made: a mesh, or an explicit `mesh_auth`. */
export type Signing = {
  readonly mesh: string
  readonly meshId: string
  readonly algorithm: 'HS256' | 'RS256'
  readonly key: MeshKey
}

/** A token, and what stands in it. */
export type Minted = {
  readonly token: string
  readonly header: { readonly alg: string; readonly typ: 'JWT'; readonly kid: string }
  readonly claims: Claims
}

export type Claims = {
  readonly iss: string
  readonly sub: string
  readonly aud?: string
  readonly iat: number
  readonly exp: number
  readonly mesh_id: string
}

export type Minter = {
  /**
   * A token for a destination: `https://host:port`. At once when there is one; rejects when the key cannot sign.
   * `nowMs` is Unix time.
   */
  mint(destination: string, nowMs: number): string | Promise<string>
}

/** A minter, and in whose name it mints. */
export type Signer = Minter & { readonly mesh: string }

/** Spec 7.5. */
export const lifetimeSecs = 300
const reuseMarginSecs = 60
/** Destinations come from the configuration; more than these take turns. */
const maxDestinations = 1024

type Entry = { readonly token: string; readonly fromMs: number; readonly untilMs: number }

/** What a mesh signs with; nothing when this gateway cannot sign for it. */
export function signingOf(mesh: Mesh): Signing | undefined {
  if (mesh.signing === undefined) return undefined
  return { mesh: mesh.name, meshId: mesh.id, algorithm: mesh.algorithm, key: mesh.signing }
}

/** A minter for one mesh; `identity` is the `sub` of its tokens. */
export function createMinter(signing: Signing, identity: string): Minter {
  // grows with use: a cache with a fixed number of places would cost each of many meshes its memory
  const entries = new LRUCache<string, Entry>({ maxSize: maxDestinations, sizeCalculation: () => 1 })
  const pending = new Map<string, Promise<string>>()

  const fresh = async (destination: string, nowMs: number): Promise<string> => {
    const { token, claims } = await mintToken(signing, identity, destination, nowMs)
    const untilMs = (claims.exp - reuseMarginSecs) * 1000
    entries.set(destination, { token, fromMs: claims.iat * 1000, untilMs })
    return token
  }

  return {
    mint(destination, nowMs) {
      const entry = entries.get(destination)
      // a clock that was set back makes a new token: the peer would find the old one issued in the future
      if (entry !== undefined && entry.fromMs <= nowMs && nowMs < entry.untilMs) return entry.token
      const running = pending.get(destination)
      if (running !== undefined) return running
      const started = fresh(destination, nowMs).finally(() => pending.delete(destination))
      pending.set(destination, started)
      return started
    },
  }
}

/** Makes one token; without a destination it has no `aud`. */
export async function mintToken(
  signing: Signing,
  identity: string,
  destination: string | undefined,
  nowMs: number,
): Promise<Minted> {
  const { mesh, meshId, algorithm, key } = signing
  const iat = Math.floor(nowMs / 1000)
  const claims: Claims = {
    iss: mesh,
    sub: identity,
    // RFC 6454 6.2: an origin does not repeat its scheme's own port
    ...(destination === undefined ? {} : { aud: new URL(destination).origin }),
    iat,
    exp: iat + lifetimeSecs,
    mesh_id: meshId,
  }
  const header = { alg: algorithm, typ: 'JWT', kid: key.kid } as const
  const token = await new SignJWT(claims).setProtectedHeader(header).sign(key.key)
  return { token, header, claims }
}
