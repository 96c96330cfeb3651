// Finds the bearer token of a request, before anything is spent on it.
import type { TokenCode } from './reason.ts'

/** RS256 with 8192 bits and a full set of claims stays far below. In characters. */
export const maxTokenLength = 8192

export type Bearer = { readonly token: string } | { readonly problem: TokenCode }

const absent: Bearer = { problem: 'token/absent' }
const malformed: Bearer = { problem: 'token/malformed' }
const several: Bearer = { problem: 'token/several' }
const tooLong: Bearer = { problem: 'token/too-long' }

/** Reads the token from every value that the request has for `Authorization`. */
export function bearerOf(authorization: readonly string[]): Bearer {
  const [value] = authorization
  if (value === undefined) return absent
  // RFC 9110 11.6.2: the field has one value; which of two would count is anybody's guess
  if (authorization.length > 1) return several
  // decision 21: without regard to case, one space or more
  if (value.slice(0, 6).toLowerCase() !== 'bearer') return absent
  let start = 6
  while (value.charCodeAt(start) === space) start++
  if (start === 6) return value.length === 6 ? malformed : absent
  const token = value.slice(start)
  return token.length > maxTokenLength ? tooLong : token === '' ? malformed : { token }
}

const space = 0x20
