// Everything that is asked of a mesh token, one row each, in the order in which it is asked. The signature is asked
// between the rows of `before` and those of `signed` (verify.ts).
import type { MeshKey } from '../config/model.ts'
import { shorten } from '../finding/words.ts'
import { accepts } from './audience.ts'
import type { Audience, Own } from './audience.ts'
import type { Members } from './decode.ts'
import type { TokenCode } from './reason.ts'

/** Whose tokens are accepted: a mesh, or an explicit `mesh_auth`. */
export type Trust = {
  /** The name of the mesh, its `iss`. */
  readonly mesh: string
  /** Its `mesh_id`. */
  readonly meshId: string
  readonly algorithm: 'HS256' | 'RS256'
  /** The current key first. */
  readonly keys: readonly MeshKey[]
  /** Decision 10: for `exp`, `nbf` and `iat` alike. */
  readonly leewaySecs: number
  readonly verifyAudience: boolean
}

/** A token under examination. */
export type Subject = {
  readonly trust: Trust
  readonly header: Members
  readonly claims: Members
  readonly audience: Audience
  /** The origins that count as one's own here; nothing to skip the test. */
  readonly own: Own | undefined
  /** Unix time, with fractions. */
  readonly nowSecs: number
}

export type CheckName =
  | 'form'
  | 'alg'
  | 'typ'
  | 'crit'
  | 'issuer'
  | 'mesh_id'
  | 'signature'
  | 'subject'
  | 'expiry'
  | 'not_before'
  | 'issued_at'
  | 'lifetime'
  | 'audience'

export type Row = {
  readonly name: CheckName
  readonly code: TokenCode
  passes(subject: Subject): boolean
  /** What was found, for the operator who asks; it may quote the token's claims. */
  says(subject: Subject): string
}

/**
 * Mesh tokens are minted for 300 s, those of a provider for 900 s at most. An hour leaves room for other makers; what
 * is valid for longer is a password, and would stay good long after it leaked.
 */
export const maxLifetimeSecs = 3600
const maxSubjectLength = 256

/** What the header says, and of which mesh the token claims to be: asked before anything is spent on a signature. */
export const before: readonly Row[] = [
  {
    name: 'alg',
    code: 'token/alg',
    // RFC 8725 3.1: the mesh says which algorithm it is, never the token; `none` is none of ours
    passes: ({ header, trust }) => header['alg'] === trust.algorithm,
    says: ({ header, trust }) => `${shown(header['alg'])}: the mesh uses ${trust.algorithm}`,
  },
  {
    name: 'typ',
    code: 'token/typ',
    // RFC 8725 3.11: tokens for other purposes say so, as `at+jwt`
    passes: ({ header }) => header['typ'] === undefined || isJwt(header['typ']),
    says: ({ header }) => (header['typ'] === undefined ? 'absent, which is JWT' : shown(header['typ'])),
  },
  {
    name: 'crit',
    code: 'token/crit',
    // RFC 7515 4.1.11: what must be understood and is not refuses the token; b64 (RFC 7797) has no place in a JWT
    passes: ({ header }) => header['crit'] === undefined && header['b64'] === undefined,
    says: ({ header }) => (header['crit'] === undefined && header['b64'] === undefined ? 'none' : 'present'),
  },
  {
    name: 'issuer',
    code: 'token/issuer',
    passes: ({ claims, trust }) => claims['iss'] === trust.mesh,
    says: ({ claims, trust }) => `iss is ${shown(claims['iss'])}: the mesh is ${shown(trust.mesh)}`,
  },
  {
    name: 'mesh_id',
    code: 'token/mesh-id',
    passes: ({ claims, trust }) => claims['mesh_id'] === trust.meshId,
    says: ({ claims, trust }) => `mesh_id is ${shown(claims['mesh_id'])}: the mesh has ${shown(trust.meshId)}`,
  },
]

/** What depends on the token alone. */
export const signed: readonly Row[] = [
  {
    name: 'subject',
    code: 'token/subject',
    passes: ({ claims: { sub } }) =>
      typeof sub === 'string' && sub !== '' && sub.length <= maxSubjectLength && !/\p{Cc}/u.test(sub),
    says: ({ claims: { sub } }) => `sub is ${shown(sub)}`,
  },
]

/** What depends on the time and on where the token is shown: asked again each time. */
export const current: readonly Row[] = [
  {
    name: 'expiry',
    code: 'token/expired',
    passes: ({ claims: { exp }, trust, nowSecs }) => isDate(exp) && nowSecs < exp + trust.leewaySecs,
    says: (subject) => moment('exp', subject.claims['exp'], subject),
  },
  {
    name: 'not_before',
    code: 'token/not-before',
    passes: ({ claims: { nbf }, trust, nowSecs }) =>
      nbf === undefined || (isDate(nbf) && nbf <= nowSecs + trust.leewaySecs),
    says: (subject) => moment('nbf', subject.claims['nbf'], subject),
  },
  {
    name: 'issued_at',
    code: 'token/issued-at',
    passes: ({ claims: { iat }, trust, nowSecs }) =>
      iat === undefined || (isDate(iat) && iat <= nowSecs + trust.leewaySecs),
    says: (subject) => moment('iat', subject.claims['iat'], subject),
  },
  {
    name: 'lifetime',
    code: 'token/lifetime',
    passes: (subject) => lifetime(subject) <= maxLifetimeSecs + subject.trust.leewaySecs,
    says: (subject) => `${round(lifetime(subject))} s: at most ${maxLifetimeSecs} s`,
  },
  {
    name: 'audience',
    code: 'token/audience',
    passes: ({ audience, own, trust }) =>
      own === undefined || !trust.verifyAudience || accepts(own, trust.meshId, audience),
    says: ({ claims: { aud }, own, trust }) =>
      aud === undefined
        ? 'aud is absent'
        : `aud is ${shown(aud)}${own === undefined || !trust.verifyAudience ? ', which is not checked' : ''}`,
  },
]

/** From when it was issued; without that, from now. */
function lifetime({ claims: { exp, iat }, nowSecs }: Subject): number {
  return isDate(exp) ? exp - (isDate(iat) ? iat : nowSecs) : Infinity
}

/** RFC 7519 2: a NumericDate may have fractions; JSON has numbers that are none. */
function isDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isJwt(typ: unknown): boolean {
  // RFC 7515 4.1.9: a media type, whose `application/` may be left out
  return typeof typ === 'string' && /^(?:application\/)?jwt$/i.test(typ)
}

function moment(claim: string, value: unknown, { nowSecs, trust }: Subject): string {
  if (!isDate(value)) return `${claim} is ${shown(value)}`
  const away = round(value - nowSecs)
  return `${claim} is ${away >= 0 ? `${away} s from now` : `${-away} s ago`}: the leeway is ${trust.leewaySecs} s`
}

function round(seconds: number): number {
  return Math.round(seconds)
}

function shown(value: unknown): string {
  if (value === undefined) return 'absent'
  return shorten(JSON.stringify(value))
}
