// Mesh tokens as a partner makes them, and as everybody else would like to.
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'

export const forgedSecret = 'another secret, with more than thirty-two characters in it'

/** An RSA pair, PEM. */
export type Pair = { readonly privateKey: string; readonly publicKey: string }

export function rsaPair(bits = 2048): Pair {
  return generateKeyPairSync('rsa', {
    modulusLength: bits,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
}

export type Signing =
  | { readonly alg: 'HS256' | 'HS512'; readonly secret: string }
  | { readonly alg: 'RS256' | 'RS512' | 'PS256'; readonly privateKey: string }

export type Claims = Readonly<Record<string, unknown>>

/** What a token of this mesh says, unless a test says otherwise. */
export function claimsOf(mesh: string, nowSecs: number, more: Claims = {}): Claims {
  return { iss: mesh, sub: 'partner', mesh_id: mesh, iat: nowSecs, exp: nowSecs + 300, ...more }
}

/** Signs with a library. */
export async function sign(signing: Signing, claims: Claims, header: Claims = {}): Promise<string> {
  const key = 'secret' in signing ? Buffer.from(signing.secret) : createPrivateKey(signing.privateKey)
  return new SignJWT(claims).setProtectedHeader({ typ: 'JWT', ...header, alg: signing.alg }).sign(key)
}

/** Writes a token by hand, with a signature of any kind. */
export function write(header: Claims, claims: Claims, signature: string): string {
  return `${part(header)}.${part(claims)}.${signature}`
}

/** HS256 with the text of an RSA public key as its secret: what a verifier that believes `alg` accepts. */
export function confused(publicKey: string, claims: Claims): string[] {
  const texts = [publicKey, createPublicKey(publicKey).export({ type: 'pkcs1', format: 'pem' }).toString()]
  return texts.map((text) => {
    const head = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
    return `${head}.${createHmac('sha256', text).update(head).digest('base64url')}`
  })
}

/** Another payload under the signature of the first. */
export function tampered(token: string, claims: Claims): string {
  const [header = '', , signature = ''] = token.split('.')
  return `${header}.${part(claims)}.${signature}`
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
