// Mesh tokens of every kind, made by hand: what an honest peer sends, and what an attacker would.
import { createHmac, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { TokenCode } from '../../core/mesh/reason.ts'
import { rsaPair, secretKey } from './keys.ts'
import type { KeyPair } from './keys.ts'

export type Claims = Readonly<Record<string, unknown>>

/** What a mesh knows of itself. */
export type Issuer = {
  readonly mesh: string
  readonly meshId: string
  /** HS256 with the secret, or RS256 with the pair. */
  readonly key: { readonly secret: string } | { readonly rsa: KeyPair }
}

export type TokenParts = {
  readonly header?: Claims | undefined
  /** Over those of a good token; `undefined` leaves a claim out. */
  readonly claims?: Claims | undefined
  /** Signs in place of the mesh's key. */
  readonly signature?: ((input: string) => Buffer) | undefined
}

export function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

export function hmac(secret: string | Buffer, hash = 'sha256'): (input: string) => Buffer {
  return (input) => createHmac(hash, secret).update(input).digest()
}

export function rsa(key: KeyObject, hash = 'sha256'): (input: string) => Buffer {
  return (input) => sign(hash, Buffer.from(input), key)
}

/** A token that the mesh accepts, with changes. */
export function forge(issuer: Issuer, nowMs: number, { header, claims, signature }: TokenParts = {}): string {
  const { key } = issuer
  const hs = 'secret' in key
  const { kid } = hs ? secretKey(key.secret) : key.rsa.signing
  const iat = Math.floor(nowMs / 1000)
  const all = { iss: issuer.mesh, sub: 'gateway-forged', iat, exp: iat + 300, mesh_id: issuer.meshId, ...claims }
  const input = `${encode({ alg: hs ? 'HS256' : 'RS256', typ: 'JWT', kid, ...header })}.${encode(all)}`
  const make = signature ?? (hs ? hmac(key.secret) : rsa(key.rsa.signing.key))
  return `${input}.${make(input).toString('base64url')}`
}

export type TokenCase = {
  readonly name: string
  /** The values of `Authorization`. */
  readonly authorization: readonly string[]
  /** Why it is refused; none: it is accepted. */
  readonly code: TokenCode | undefined
}

export type Scene = Issuer & {
  readonly nowMs: number
  /** An origin of the ingress, and one that is not. */
  readonly audience: string
  readonly elsewhere: string
  readonly leewaySecs?: number | undefined
  /** The key before the rotation that is under way. */
  readonly previous?: Issuer['key'] | undefined
  /** A rotation that has ended. */
  readonly retired?: Issuer['key'] | undefined
}

/** Every token worth trying, and what must become of it. */
export function tokenCases(scene: Scene): TokenCase[] {
  const { nowMs, mesh, meshId, key, audience, elsewhere, leewaySecs = 30, previous, retired } = scene
  const now = Math.floor(nowMs / 1000)
  const hs = 'secret' in key
  const token = (parts?: TokenParts): string => forge(scene, nowMs, parts)
  const claims = (changed: Claims): string => token({ claims: changed })
  const good = token()
  const [head = '', body = '', tail = ''] = good.split('.')
  const cases: TokenCase[] = []
  const accept = (name: string, text: string): void => void cases.push(one(name, [`Bearer ${text}`]))
  const refuse = (name: string, code: TokenCode, text: string): void => {
    cases.push(one(name, [`Bearer ${text}`], code))
  }

  accept('valid', good)
  cases.push(one('valid, scheme in lower case, two spaces', [`bearer  ${good}`]))
  cases.push(one('valid, scheme in upper case', [`BEARER ${good}`]))
  accept('without kid', token({ header: { kid: undefined } }))
  accept('unknown kid', token({ header: { kid: 'somebody-else' } }))
  accept('kid that is no string', token({ header: { kid: 7 } }))
  accept('without typ', token({ header: { typ: undefined } }))
  accept('typ as a media type', token({ header: { typ: 'application/JWT' } }))
  accept('just expired, within the leeway', claims({ iat: now - 300, exp: now - leewaySecs + 2 }))
  accept('a clock ahead, within the leeway', claims({ iat: now + leewaySecs - 2, nbf: now + leewaySecs - 2 }))
  accept('without iat', claims({ iat: undefined }))
  accept('for our origin', claims({ aud: audience }))
  accept('for our origin among others', claims({ aud: [elsewhere, audience] }))
  accept('for the mesh', claims({ aud: `mesh:${meshId}` }))
  accept('valid for an hour', claims({ exp: now + 3600 }))
  accept('with claims of its own', claims({ jti: 'x', roles: ['a'], nested: { deep: [1] } }))

  cases.push(one('absent', [], 'token/absent'))
  cases.push(one('empty field', [''], 'token/absent'))
  cases.push(one('basic credentials', ['Basic dXNlcjpwYXNz'], 'token/absent'))
  cases.push(one('scheme without token', ['Bearer'], 'token/malformed'))
  cases.push(one('scheme and spaces', ['Bearer   '], 'token/malformed'))
  cases.push(one('no space behind the scheme', [`Bearer${good}`], 'token/absent'))
  cases.push(one('a tab behind the scheme', [`Bearer\t${good}`], 'token/absent'))
  cases.push(one('two fields, both valid', [`Bearer ${good}`, `Bearer ${good}`], 'token/several'))
  cases.push(one('two fields, one valid', ['Basic dXNlcjpwYXNz', `Bearer ${good}`], 'token/several'))
  refuse('two tokens in one field', 'token/malformed', `${good}, Bearer ${good}`)
  refuse('no token at all', 'token/malformed', 'hello')
  refuse('five parts, as if encrypted', 'token/malformed', `${good}.a.b`)
  refuse('truncated', 'token/malformed', good.slice(0, good.lastIndexOf('.')))
  refuse('truncated signature', 'token/signature', `${head}.${body}.${shortened(tail)}`)
  refuse('empty signature', 'token/signature', `${head}.${body}.`)
  refuse('padding', 'token/malformed', `${good}=`)
  refuse('stray bits in the last character', 'token/malformed', `${head}.${body}.${strayed(tail)}`)
  refuse('100 KB', 'token/too-long', claims({ junk: 'x'.repeat(75_000) }))
  refuse('just too long', 'token/too-long', `${good}${'A'.repeat(8193 - good.length)}`)

  refuse('expired', 'token/expired', claims({ iat: now - 700, exp: now - leewaySecs - 2 }))
  refuse('without exp', 'token/expired', claims({ exp: undefined }))
  refuse('exp that is text', 'token/expired', claims({ exp: String(now + 300) }))
  refuse('exp that is no number', 'token/expired', endless(scene, now))
  refuse('not valid yet', 'token/not-before', claims({ nbf: now + leewaySecs + 2 }))
  refuse('nbf that is text', 'token/not-before', claims({ nbf: '0' }))
  refuse('issued in the future', 'token/issued-at', claims({ iat: now + leewaySecs + 60, exp: now + 300 }))
  refuse('iat that is null', 'token/issued-at', claims({ iat: null }))
  refuse('valid for a day', 'token/lifetime', claims({ exp: now + 86_400 }))
  refuse('valid for a day, without iat', 'token/lifetime', claims({ iat: undefined, exp: now + 86_400 }))

  refuse('of another mesh', 'token/issuer', claims({ iss: `${mesh}2` }))
  refuse('iss in another case', 'token/issuer', claims({ iss: mesh.toUpperCase() }))
  refuse('iss in a list', 'token/issuer', claims({ iss: [mesh] }))
  refuse('without iss', 'token/issuer', claims({ iss: undefined }))
  refuse('with the id of another mesh', 'token/mesh-id', claims({ mesh_id: 'other' }))
  refuse('without mesh_id', 'token/mesh-id', claims({ mesh_id: undefined }))
  refuse('without sub', 'token/subject', claims({ sub: undefined }))
  refuse('empty sub', 'token/subject', claims({ sub: '' }))
  refuse('sub that is a number', 'token/subject', claims({ sub: 1 }))
  refuse('sub with a line break', 'token/subject', claims({ sub: 'a\nb' }))
  refuse('long sub', 'token/subject', claims({ sub: 'x'.repeat(300) }))
  refuse('for another origin', 'token/audience', claims({ aud: elsewhere }))
  refuse('for other origins', 'token/audience', claims({ aud: [elsewhere, 'https://third.example'] }))
  refuse('for another mesh', 'token/audience', claims({ aud: 'mesh:other' }))
  refuse('for nobody', 'token/audience', claims({ aud: [] }))
  refuse('aud that is null', 'token/audience', claims({ aud: null }))
  refuse('aud with a number in it', 'token/audience', claims({ aud: [audience, 7] }))
  refuse('aud that only looks like ours', 'token/audience', claims({ aud: `${audience}.evil.example` }))
  refuse('aud with us as its user', 'token/audience', claims({ aud: audience.replace('//', '//x:y@') }))

  const foreign = 'another secret for tests with more than thirty-two characters'
  refuse('signed with another secret', hs ? 'token/signature' : 'token/alg', otherKey(scene, { secret: foreign }))
  refuse(
    'signed with another RSA key',
    hs ? 'token/alg' : 'token/signature',
    otherKey(scene, { rsa: rsaPair('foreign') }),
  )
  refuse('tampered claims', 'token/signature', `${head}.${encode({ ...JSON.parse(text(body)), sub: 'admin' })}.${tail}`)
  refuse('tampered header', 'token/signature', `${encode({ ...JSON.parse(text(head)), x: 1 })}.${body}.${tail}`)
  refuse('alg none', 'token/alg', token({ header: { alg: 'none' }, signature: () => Buffer.alloc(0) }))
  for (const alg of ['None', 'nOnE', 'NONE', '', 'HS384', 'HS512', 'RS384', 'PS256', 'ES256', 'EdDSA', null, ['HS256']])
    refuse(`alg ${JSON.stringify(alg)}`, 'token/alg', token({ header: { alg } }))
  if (!hs) {
    const { publicPem } = key.rsa
    const { key: publicKey } = key.rsa.verification
    for (const [name, secret] of [
      ['its PEM', publicPem],
      ['its PEM without the last line break', publicPem.trimEnd()],
      ['its PEM by PKCS #1', publicKey.export({ type: 'pkcs1', format: 'pem' })],
      ['its DER', publicKey.export({ type: 'spki', format: 'der' })],
    ] as const)
      refuse(
        `HS256 with the public key: ${name}`,
        'token/alg',
        token({ header: { alg: 'HS256' }, signature: hmac(secret) }),
      )
    const pem = publicPem
    refuse('HS256 said to be RS256', 'token/signature', token({ signature: hmac(pem) }))
  }
  refuse('a key of its own in the header', hs ? 'token/alg' : 'token/signature', ownKey(scene))
  refuse('a critical extension', 'token/crit', token({ header: { crit: ['exp'], exp: 1 } }))
  refuse('content that is not encoded', 'token/crit', token({ header: { crit: ['b64'], b64: false } }))
  refuse('b64 without crit', 'token/crit', token({ header: { b64: false } }))
  refuse('a token for another purpose', 'token/typ', token({ header: { typ: 'at+jwt' } }))
  refuse('typ that is a list', 'token/typ', token({ header: { typ: ['JWT'] } }))
  refuse('claims in a list', 'token/malformed', signed(scene, encode([1])))
  refuse('claims that are no JSON', 'token/malformed', signed(scene, encode('{"iss":')))
  refuse(
    'claims that are no UTF-8',
    'token/malformed',
    signed(scene, Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')),
  )

  if (previous !== undefined) accept('signed before the rotation', forge({ ...scene, key: previous }, nowMs))
  if (previous !== undefined)
    accept(
      'signed before the rotation, without kid',
      forge({ ...scene, key: previous }, nowMs, { header: { kid: undefined } }),
    )
  if (retired !== undefined)
    refuse('signed with a retired key', 'token/signature', forge({ ...scene, key: retired }, nowMs))
  return cases
}

function one(name: string, authorization: readonly string[], code?: TokenCode): TokenCase {
  return { name, authorization, code }
}

function otherKey(scene: Scene, key: Issuer['key']): string {
  return forge({ ...scene, key }, scene.nowMs)
}

/** Signed with a key that the token brings along. */
function ownKey(scene: Scene): string {
  const { signing, verification } = rsaPair('foreign')
  const jwk = verification.key.export({ format: 'jwk' })
  return forge(scene, scene.nowMs, { header: { alg: 'RS256', jwk, kid: undefined }, signature: rsa(signing.key) })
}

/** JSON has numbers that are no numbers here: 1e999. */
function endless(scene: Scene, now: number): string {
  const { mesh, meshId } = scene
  const json = `{"iss":${JSON.stringify(mesh)},"sub":"x","mesh_id":${JSON.stringify(meshId)},"iat":${now},"exp":1e999}`
  return signed(scene, encode(json))
}

/** A good header and a good signature around any content. */
function signed(scene: Scene, content: string): string {
  const [head = ''] = forge(scene, scene.nowMs).split('.')
  const { key } = scene
  const make = 'secret' in key ? hmac(key.secret) : rsa(key.rsa.signing.key)
  return `${head}.${content}.${make(`${head}.${content}`).toString('base64url')}`
}

/** The same bytes in another spelling: the last character of base64url has bits that count for nothing. */
function strayed(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(part.at(-1) ?? '')
  return part.slice(0, -1) + (alphabet[last ^ 1] ?? '')
}

/** Without its last bytes. */
function shortened(part: string): string {
  return Buffer.from(part, 'base64url').subarray(0, -3).toString('base64url')
}

function text(part: string): string {
  return Buffer.from(part, 'base64url').toString()
}
