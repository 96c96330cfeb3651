// Keys of meshes.
import { createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { rsaKid, secretKid } from '../../core/config/build/kid.ts'
import type { MeshKey } from '../../core/config/model.ts'

export const defaultSecret = 'a secret for tests with more than thirty-two characters'

export type KeyPair = {
  readonly signing: MeshKey
  readonly verification: MeshKey
  readonly publicPem: string
  readonly privatePem: string
}

/** The key of an HS256 mesh. */
export function secretKey(secret: string): MeshKey {
  const bytes = Buffer.from(secret)
  return { kid: secretKid(bytes), key: createSecretKey(bytes) }
}

const pairs = new Map<string, KeyPair>()

/** An RSA key pair: the same for the same label, since making one takes time. */
export function rsaPair(label = 'default'): KeyPair {
  const known = pairs.get(label)
  if (known !== undefined) return known
  const pem = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const keyed = (key: KeyObject): MeshKey => ({ kid: rsaKid(key), key })
  const made: KeyPair = {
    signing: keyed(createPrivateKey(pem.privateKey)),
    verification: keyed(createPublicKey(pem.publicKey)),
    publicPem: pem.publicKey,
    privatePem: pem.privateKey,
  }
  pairs.set(label, made)
  return made
}
