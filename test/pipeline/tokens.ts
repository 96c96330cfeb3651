// Keys, tokens and `jwt_auth` configurations for tests.
import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { SignJWT, exportJWK } from 'jose'
import type { JWK } from 'jose'
import type { JwtAuth } from '../../core/config/middleware.ts'
import type { MiddlewareOf, Verdict, Handler } from '../../core/pipeline/middleware.ts'
import type { RequestParts } from '../support/exchange.ts'
import { ask, noonMs, place } from './fixture.ts'

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const secret = createSecretKey(Buffer.from('a secret of no less than thirty-two bytes'))

export const nowSecs = noonMs / 1000

/** A `jwt_auth` with one public RSA key and the defaults of the configuration. */
export function jwt(options: Partial<JwtAuth> = {}): MiddlewareOf<'jwt_auth'> {
  return {
    name: 'gate',
    type: 'jwt_auth',
    place,
    keys: { kind: 'public', key: rsa.publicKey },
    algorithms: ['RS256'],
    issuer: undefined,
    trustedIssuers: undefined,
    audience: undefined,
    requiredClaims: [],
    leewaySecs: 0,
    validateExpiry: true,
    ...options,
  }
}

/** What a token says; what is undefined is left out. */
export type Claims = Readonly<Record<string, unknown>>

/** A token of RS256 that expires in five minutes, unless it is told otherwise. */
export async function sign(
  claims: Claims = {},
  { alg = 'RS256', kid, key = rsa.privateKey }: { alg?: string; kid?: string; key?: KeyObject } = {},
): Promise<string> {
  return new SignJWT({ exp: nowSecs + 300, ...claims })
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
    .sign(key)
}

/** The public key as a member of a JWKS. */
export async function jwk(key: KeyObject, members: JWK = {}): Promise<JWK> {
  return { ...(await exportJWK(key)), ...members }
}

export async function present(handler: Handler, token: string, request: RequestParts = {}): Promise<Verdict> {
  return ask(handler, { ...request, headers: [['authorization', `Bearer ${token}`]] })
}
