// The times of a token (RFC 7519 4.1.4 to 4.1.6), with the leeway of the configuration.
import type { JWTPayload } from 'jose'
import type { JwtAuth } from '../../../config/middleware.ts'

type Rules = Pick<JwtAuth, 'leewaySecs' | 'validateExpiry'>

/** What is wrong with the times of a token. */
export function problemOf({ exp, nbf, iat }: JWTPayload, rules: Rules, nowMs: number): string | undefined {
  const latest = nowMs / 1000 + rules.leewaySecs
  if (nbf !== undefined && !(nbf <= latest)) return 'the token is not valid yet'
  if (iat !== undefined && !(iat <= latest)) return 'the token was issued in the future'
  if (rules.validateExpiry && exp === undefined) return 'the token does not expire'
  return isAlive(exp, rules, nowMs) ? undefined : 'the token has expired'
}

export function isAlive(expSecs: number | undefined, rules: Rules, nowMs: number): boolean {
  if (!rules.validateExpiry) return true
  return expSecs !== undefined && Number.isFinite(expSecs) && expSecs > nowMs / 1000 - rules.leewaySecs
}
