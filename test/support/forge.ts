// Mesh tokens as a partner makes them, with a library, and as everybody else would like to: for tests through gateways.
// Those of tokens.ts are made by hand, for tests of the check alone.
import { createHmac, createPrivateKey, createPublicKey } from 'node:crypto'
import { SignJWT } from 'jose'
import { encode } from './tokens.ts'

export const forgedSecret = 'another secret, with more than thirty-two characters in it'

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
export function write(header: unknown, claims: unknown, signature = ''): string {
  return `${encode(header)}.${encode(claims)}.${signature}`
}

/** HS256 with the text of an RSA public key as its secret: what a verifier that believes `alg` accepts. */
export function confused(publicKey: string, claims: Claims): string[] {
  const texts = [publicKey, createPublicKey(publicKey).export({ type: 'pkcs1', format: 'pem' }).toString()]
  return texts.map((text) => {
    const head = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
    return `${head}.${createHmac('sha256', text).update(head).digest('base64url')}`
  })
}

/** Another payload under the signature of the first. */
export function tampered(token: string, claims: Claims): string {
  const [header = '', , signature = ''] = token.split('.')
  return `${header}.${encode(claims)}.${signature}`
}
