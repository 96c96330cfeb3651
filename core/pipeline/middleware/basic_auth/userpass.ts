// The credentials of RFC 7617: base64 of a name, a colon, and a password that may have colons too.

export type UserPass = { readonly username: Uint8Array; readonly password: Uint8Array }

const colon = 0x3a

/** Reads them; nothing for what is no canonical base64 (RFC 4648 4) or has no colon. */
export function readUserPass(text: string): UserPass | undefined {
  const bytes = Buffer.from(text, 'base64')
  // Buffer skips what it does not know, takes the URL alphabet, and needs no padding
  if (bytes.toString('base64') !== text) return undefined
  const end = bytes.indexOf(colon)
  return end === -1 ? undefined : { username: bytes.subarray(0, end), password: bytes.subarray(end + 1) }
}
