// `jwt_auth` (spec 5.3): a bearer token, signed by a key of the configuration or of a JWKS.
import { hash } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import type { JWTPayload, JWTVerifyOptions } from 'jose'
import { LRUCache } from 'lru-cache'
import type { JwtAuth } from '../../../config/middleware.ts'
import type { HeaderInit } from '../../../../quic/index.ts'
import { refuse } from '../../../refusal/refusal.ts'
import type { Refusal } from '../../../refusal/refusal.ts'
import { credentialsOf } from '../../credentials.ts'
import type { Exchange } from '../../exchange.ts'
import type { KeySet } from '../../jwks.ts'
import type { Handler, MiddlewareOf, Verdict, Workshop } from '../../middleware.ts'
import { readClaims } from './claims.ts'
import type { Claims } from './claims.ts'
import { keysOf } from './keys.ts'
import { isAlive, problemOf } from './time.ts'

/** A token that was verified: what it says, until when, and by which keys. */
type Known = { readonly keys: KeySet; readonly expSecs: number | undefined; readonly claims: Claims }

const maxToken = 16_384
const maxKnown = 10_000
const maxKnownText = 8 * 1024 * 1024

export function jwtAuth(middleware: MiddlewareOf<'jwt_auth'>, workshop: Workshop): Handler {
  const { name, type } = middleware
  const { now } = workshop
  const keys = keysOf(middleware, workshop)
  const options = optionsOf(middleware, keys.algorithms)
  const known = new LRUCache<string, Known>({
    max: maxKnown,
    maxSize: maxKnownText,
    sizeCalculation: ({ claims }) => 100 + claims.size,
  })

  const invalid = (reason: string): Refusal =>
    refuse('auth/invalid', `${name}: ${reason}`, challenge('Bearer error="invalid_token"'))
  const unavailable = (): Refusal =>
    refuse('auth/unavailable', `${name}: the keys that verify tokens cannot be had`, challenge('Bearer'))

  const verify = async (exchange: Exchange, token: string, digest: string): Promise<Verdict> => {
    let set = keys.current() ?? (await keys.refresh())
    if (set === undefined) return unavailable()
    let outcome = await check(token, set, options)
    if (outcome === 'unknown-key') {
      const newer = await keys.refresh()
      if (newer === undefined) return unavailable()
      if (newer !== set) outcome = await check(token, newer, options)
      set = newer
    }
    if (outcome === 'unknown-key') return invalid('the key set has no key of this kid')
    if (typeof outcome === 'string') return invalid(outcome)
    const problem = problemOf(outcome, middleware, now())
    if (problem !== undefined) return invalid(problem)
    const claims = readClaims(outcome)
    known.set(digest, { keys: set, expSecs: outcome.exp, claims })
    leave(claims, exchange)
    return undefined
  }

  return {
    name,
    type,
    left(exchange) {
      const given = credentialsOf(exchange.head, 'bearer')
      if ('problem' in given) {
        if (given.problem === 'invalid') return invalid('the authorization field is malformed or there twice')
        return refuse('auth/missing', `${name}: the request has no bearer token`, challenge('Bearer'))
      }
      const token = given.value
      if (token.length > maxToken) return invalid(`the token is longer than ${maxToken} bytes`)
      // by its hash, so that no token lies about in memory
      const digest = hash('sha256', token, 'base64')
      const before = known.get(digest)
      if (before === undefined || before.keys !== keys.current() || !isAlive(before.expSecs, middleware, now())) {
        return verify(exchange, token, digest)
      }
      leave(before.claims, exchange)
      return undefined
    },
  }
}

/** The claims of a token; else the reason why it is refused. */
async function check(token: string, set: KeySet, options: JWTVerifyOptions): Promise<JWTPayload | string> {
  try {
    const { payload } = await jwtVerify(token, set.find, options)
    return payload
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return 'unknown-key'
    return error instanceof errors.JOSEError ? reasonOf(error) : 'the token cannot be verified with this key'
  }
}

/** For the log: the error's own words may hold what it read, its code and the claim's name do not. */
function reasonOf(error: errors.JOSEError): string {
  if (!(error instanceof errors.JWTClaimValidationFailed)) return sentences[error.code] ?? error.code
  // only claims that the configuration names, and those of RFC 7519
  if (error.reason === 'missing') return `the claim "${error.claim}" is not there`
  return `the claim "${error.claim}" is not as configured`
}

const sentences: Readonly<Record<string, string>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: 'the algorithm of the token is not accepted',
  ERR_JOSE_NOT_SUPPORTED: 'the token needs an extension or a key that is not supported',
  ERR_JWS_INVALID: 'this is no signed JWT',
  ERR_JWT_INVALID: 'the content of the token is no JSON object',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'the signature is not by the configured key',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'the token names no key, and several may have signed it',
}

function optionsOf(config: JwtAuth, algorithms: readonly string[]): JWTVerifyOptions {
  const { issuer, trustedIssuers, audience, requiredClaims } = config
  const issuers =
    issuer === undefined ? trustedIssuers : [issuer].filter((one) => trustedIssuers?.includes(one) ?? true)
  return {
    algorithms: [...algorithms],
    ...(issuers === undefined ? {} : { issuer: [...issuers] }),
    ...(audience === undefined ? {} : { audience }),
    requiredClaims: [...requiredClaims],
    // times are judged by time.ts alone: `exp` may be off, `iat` is on, and the clock is given
    clockTolerance: Number.MAX_SAFE_INTEGER,
  }
}

/** Copies claims into the metadata, where nothing has that name yet (spec 5.1, G06). */
function leave({ entries }: Claims, { metadata }: Exchange): void {
  for (const [name, value] of entries) if (!metadata.has(name)) metadata.set(name, value)
}

// RFC 6750 3
function challenge(value: string): HeaderInit {
  return [['www-authenticate', value]]
}
