// The keys of a JWKS document (RFC 7517), by URL: fetched when they are first needed, kept for the configured time,
// fetched again ahead of its end, and when a token names a key that is not among them. Neither clients with made-up
// key ids nor a failing provider make it fetch more often than the intervals below.
import { createLocalJWKSet } from 'jose'
import type { JWK, JWTVerifyGetKey } from 'jose'
import type { Log } from '../log/log.ts'

/** Keys that were fetched together. */
export type KeySet = { readonly find: JWTVerifyGetKey }

export type JwksSource = {
  /** The keys, when they are not older than `cacheMs`. */
  current(cacheMs: number): KeySet | undefined
  /** Fetches the keys, unless that was done just now: then those in force. None when they cannot be had. */
  refresh(): Promise<KeySet | undefined>
}

type Context = {
  /** Unix time in ms. */
  readonly now: () => number
  readonly log: Log
  readonly fetchJwks: (url: string) => Promise<unknown>
}

/** The least time between two fetches: after one that succeeded, and after one that failed. */
const restMs = 30_000
const retryMs = 10_000
/** From this part of their time on, keys are fetched again while they still serve. */
const ahead = 0.75
const maxKeys = 256
/** Characters of a member: the modulus of a 16,384 bit key has 2,731. */
const maxText = 4096

/** A source for one URL. */
export function createJwks(url: string, { now, log, fetchJwks }: Context): JwksSource {
  let keys: (KeySet & { readonly text: string }) | undefined
  let fetchedMs = 0
  let last: { readonly endedMs: number; readonly failed: boolean } | undefined
  let underWay: Promise<KeySet | undefined> | undefined

  const fetch = async (): Promise<KeySet | undefined> => {
    try {
      const found = usableKeys(await fetchJwks(url))
      const text = JSON.stringify(found)
      // the same keys stay the same set: what was verified by them need not be verified again
      if (keys?.text !== text) keys = { find: createLocalJWKSet({ keys: found }), text }
      fetchedMs = now()
      last = { endedMs: fetchedMs, failed: false }
      return keys
    } catch (error) {
      last = { endedMs: now(), failed: true }
      const reason = error instanceof Error ? error.message : String(error)
      // a URL may carry a credential
      const host = URL.parse(url)?.host
      log.error(
        { event: 'jwks', host, reason: reason.replaceAll(url, '[url]') },
        'the keys that verify tokens cannot be fetched',
      )
      return undefined
    }
  }

  const refresh = async (): Promise<KeySet | undefined> => {
    if (underWay !== undefined) return underWay
    if (last !== undefined && age(last.endedMs, now()) < (last.failed ? retryMs : restMs)) {
      return last.failed ? undefined : keys
    }
    underWay = fetch().finally(() => (underWay = undefined))
    return underWay
  }

  return {
    refresh,
    current(cacheMs) {
      if (keys === undefined) return undefined
      const old = age(fetchedMs, now())
      if (old >= cacheMs) return undefined
      // fetch() settles every failure itself
      if (old >= cacheMs * ahead) void refresh()
      return keys
    },
  }
}

/** A clock that was set back makes things old, not young. */
function age(thenMs: number, nowMs: number): number {
  return Math.abs(nowMs - thenMs)
}

/** Public keys for signatures; anything else in the document is left out (RFC 7517 5). */
function usableKeys(document: unknown): JWK[] {
  const keys = isRecord(document) ? document['keys'] : undefined
  if (!Array.isArray(keys)) throw new Error('the document is no JWKS: it has no list of keys')
  if (keys.length > maxKeys) throw new Error(`the document has ${keys.length} keys: at most ${maxKeys} are taken`)
  const usable = keys.filter(isRecord).flatMap((key) => publicPart(key) ?? [])
  if (usable.length === 0) throw new Error('the document has no key for verifying signatures')
  return usable
}

function publicPart(key: Readonly<Record<string, unknown>>): JWK | undefined {
  const { kty, use, key_ops: operations } = key
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  const needed = typeof kty === 'string' ? members.get(kty) : undefined
  if (needed === undefined) return undefined
  const names = ['kty', ...needed, ...['kid', 'alg'].filter((name) => key[name] !== undefined)]
  if (!names.every((name) => isShortText(key[name]))) return undefined
  return Object.fromEntries(names.map((name) => [name, key[name]]))
}

/** Public members by type of key; other types cannot be public: a shared secret (oct) is no key of a JWKS. */
const members: ReadonlyMap<string, readonly string[]> = new Map([
  ['RSA', ['n', 'e']],
  ['EC', ['crv', 'x', 'y']],
  ['OKP', ['crv', 'x']],
])

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxText
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
