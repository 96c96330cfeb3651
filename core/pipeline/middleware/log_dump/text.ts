// Text of bounded length, and text that is JSON.

/** The text, cut to a number of bytes of UTF-8, never within a character. */
export function cut(text: string, maxBytes: number): { readonly text: string; readonly truncated: boolean } {
  if (Buffer.byteLength(text) <= maxBytes) return { text, truncated: false }
  const bytes = new Uint8Array(maxBytes)
  const { read } = new TextEncoder().encodeInto(text, bytes)
  return { text: text.slice(0, read), truncated: true }
}

/** What the content says as JSON; nothing when it is none. */
export function readJson(content: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(content))
  } catch {
    return undefined
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
