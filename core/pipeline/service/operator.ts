// Who may change the gateway through its management service (spec 6.10, decision 9).
import { createHash, timingSafeEqual } from 'node:crypto'
import { isLoopback } from '../../address.ts'
import { credentialsOf } from '../credentials.ts'
import { refuse } from '../../refusal/refusal.ts'
import type { Refusal } from '../../refusal/refusal.ts'
import { hostOf, isOwnHost } from '../../route/host.ts'
import type { RequestHead } from '../../../quic/index.ts'
import type { Secret } from '../../secret.ts'

/** The part of an exchange that decides. */
export type Asking = {
  readonly head: Pick<RequestHead, 'header' | 'headerAll' | 'authority' | 'scheme'>
  readonly peerAddress: string
  readonly clientAddress: string
}

/** Nothing when the request may change the gateway. */
export function authorize(asking: Asking, token: Secret | undefined): Refusal | undefined {
  return token === undefined ? byPlace(asking) : byToken(asking, token)
}

// A token is for everybody, loopback peers too: who sets one says that the place is not enough. A browser cannot be
// made to send it from elsewhere: it is in no cookie, and nothing here answers a preflight.
function byToken({ head }: Asking, token: Secret): Refusal | undefined {
  const challenge = { 'www-authenticate': 'Bearer' }
  const given = credentialsOf(head, 'bearer')
  if ('value' in given && equal(given.value, token.reveal())) return undefined
  return head.header('authorization') === undefined
    ? refuse('auth/missing', 'management: no bearer token', challenge)
    : refuse('auth/invalid', 'management: wrong bearer token', challenge)
}

const proxied = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'] as const

function byPlace({ head, peerAddress, clientAddress }: Asking): Refusal | undefined {
  if (!isLoopback(peerAddress)) return denied('the peer is not on loopback, and management.token is not set')
  // A proxy on this machine speaks for others. Nobody gains by adding these fields, only by leaving them out, which
  // a client of such a proxy cannot do.
  if (!isLoopback(clientAddress) || proxied.some((name) => head.header(name) !== undefined)) {
    return denied('the request came through a proxy')
  }
  // A page of any site can be made to resolve to loopback; its requests then carry the name of that site
  if (!isOwnHost(hostOf(head.authority)?.host ?? '')) return denied('the request names a host that is not loopback')
  // and a page of any site can send requests to loopback; they then carry the origin of that site
  const origins = head.headerAll('origin')
  const own = `${head.scheme}://${head.authority}`.toLowerCase()
  if (origins.some((origin) => origin.toLowerCase() !== own)) return denied('the request is of a page elsewhere')
  const site = head.header('sec-fetch-site')
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    return denied('the request is of a page elsewhere')
  }
  return undefined
}

/** In constant time, of the length too. */
function equal(left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function denied(why: string): Refusal {
  return refuse('management/denied', `management: ${why}`)
}
