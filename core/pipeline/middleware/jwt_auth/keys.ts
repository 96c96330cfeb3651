// Where the keys of a `jwt_auth` come from, and which algorithms they can be used with: a public key is never taken
// for a shared secret, nor the other way round (RFC 8725 2.1, 3.1).
import type { JwtAuth } from '../../../config/middleware.ts'
import type { KeySet } from '../../jwks.ts'
import type { Workshop } from '../../middleware.ts'

export type Keys = {
  readonly algorithms: readonly string[]
  /** The keys in force; none when they must be fetched. */
  current(): KeySet | undefined
  /** The newest keys; none when they cannot be had. */
  refresh(): Promise<KeySet | undefined>
}

const shared = ['HS256', 'HS384', 'HS512']
const asymmetric = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const hourMs = 3_600_000

/** The keys of a configuration; throws when none of its algorithms fits them. */
export function keysOf({ keys, algorithms: wanted }: JwtAuth, { jwks }: Workshop): Keys {
  const family = keys.kind === 'secret' ? shared : asymmetric
  const algorithms = wanted.filter((algorithm) => family.includes(algorithm))
  if (algorithms.length === 0) throw new Error(`no algorithm of ${wanted.join(', ')} fits a ${keys.kind} key`)
  if (keys.kind === 'jwks') {
    const source = jwks(keys.url)
    const cacheMs = keys.cacheHours * hourMs
    return { algorithms, current: () => source.current(cacheMs), refresh: async () => source.refresh() }
  }
  const { key } = keys
  const set: KeySet = { find: async () => key }
  return { algorithms, current: () => set, refresh: async () => set }
}
