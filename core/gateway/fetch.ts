// Fetches a small JSON document, such as a JWKS: bounded in time and size, and from where it was asked alone.
import { isPlain } from '../route/url.ts'

const defaults = { timeoutMs: 5_000, maxBytes: 262_144 }

export type FetcherOptions = {
  /** For the whole document. */
  readonly timeoutMs?: number | undefined
  /** As it is after decompression. */
  readonly maxBytes?: number | undefined
}

/** Gives the document; rejects with an error that names its origin and what was wrong, never content. */
export type Fetcher = (url: string) => Promise<unknown>

/** A fetcher. Requests for one URL that come while it is being fetched share one fetch. */
export function createFetcher(options: FetcherOptions = {}): Fetcher {
  const { timeoutMs = defaults.timeoutMs, maxBytes = defaults.maxBytes } = options
  const pending = new Map<string, Promise<unknown>>()
  return (url) => {
    const known = pending.get(url)
    if (known !== undefined) return known
    const fetching = fetchJson(url, timeoutMs, maxBytes).finally(() => pending.delete(url))
    pending.set(url, fetching)
    return fetching
  }
}

async function fetchJson(text: string, timeoutMs: number, maxBytes: number): Promise<unknown> {
  const url = allowed(text)
  const failed = (why: string, cause?: unknown): Error => new Error(`${url.origin}: ${why}`, { cause })
  let response
  try {
    response = await fetch(url, {
      headers: { accept: 'application/json' },
      // a key set that moves is for the operator to follow: a redirect could lead to plain text, or inside
      redirect: 'error',
      credentials: 'omit',
      signal: AbortSignal.timeout(timeoutMs),
    })
  } catch (error) {
    throw failed(isTimeout(error) ? `no answer within ${timeoutMs} ms` : 'cannot be reached', error)
  }
  if (response.status !== 200) {
    await response.body?.cancel()
    throw failed(`answered ${response.status}: must be 200`)
  }
  let bytes
  try {
    bytes = await read(response, maxBytes)
  } catch (error) {
    throw failed(isTimeout(error) ? `no whole answer within ${timeoutMs} ms` : 'the answer was cut', error)
  }
  if (bytes === undefined) throw failed(`the document is larger than ${maxBytes} bytes`)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // the error of the parser quotes the document
    throw failed('the document is no JSON')
  }
}

/** The URL, when it may be fetched: https, or http on this machine. */
function allowed(text: string): URL {
  const url = URL.parse(text)
  if (url === null) throw new TypeError('the URL of a document is malformed')
  if (url.username !== '' || url.password !== '') throw new TypeError(`${url.origin}: must hold no credentials`)
  if (/^https?:$/.test(url.protocol) && !isPlain(url)) return url
  throw new TypeError(`${url.origin}: must be https, or http on loopback`)
}

async function read(response: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    // leaving the loop cancels the rest
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}
