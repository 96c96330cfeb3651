// The name of a key in the header of a token (decision 12): the same on every gateway that has the key.
import { createHash, createHmac, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** What a secret is hashed under; a change of it changes every `kid`. */
const label = 'harmony mesh kid v1'

/** The RFC 7638 thumbprint of an RSA key, of its public half when it is private. */
export function rsaKid(key: KeyObject): string {
  const { e, n } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' })
  // RFC 7638 3.2: the required members of an RSA key, in lexicographic order, without white space.
  return createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url')
}

/** 96 bits of a hash of the secret: enough to tell keys apart, nothing to compute the secret from. */
export function secretKid(secret: Uint8Array): string {
  return createHmac('sha256', secret).update(label).digest('base64url').slice(0, 16)
}
