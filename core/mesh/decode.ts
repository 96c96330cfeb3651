// Reads what a token says, without believing any of it.
import { decodeJwt, decodeProtectedHeader } from 'jose'

/** The members of a JSON object. */
export type Members = Readonly<Record<string, unknown>>
export type Decoded = { readonly header: Members; readonly claims: Members }

/**
 * Header and claims of a JWT in compact form (RFC 7515 7.1); nothing when it is none.
 *
 * One token has one spelling: base64url whose last character has stray bits is refused (RFC 4648 3.5), so that
 * nobody who holds a token can make others of it.
 */
export function decode(token: string): Decoded | undefined {
  const parts = token.split('.', 4)
  if (parts.length !== 3 || !parts.every(canonical)) return undefined
  try {
    return { header: { ...decodeProtectedHeader(token) }, claims: decodeJwt(token) }
  } catch {
    return undefined
  }
}

function canonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}
