// Authorities: the host and the port that a request names, in the one spelling that ingress URLs have too.
import ipaddr from 'ipaddr.js'
import { isLoopback } from '../address.ts'
import type { Target } from './path.ts'

export type Host = {
  /** Lower case, no dot at the end, IPv6 in brackets and in its short form; empty when none is named. */
  readonly host: string
  readonly port: number | undefined
}

/** Takes an authority apart; nothing when it is not a valid host with an optional port. */
export function hostOf(authority: string): Host | undefined {
  if (authority === '') return { host: '', port: undefined }
  if (authority.length > longest) return undefined
  const named = name.exec(authority)
  if (named !== null) return of(named[1]?.toLowerCase(), named[2])
  const numbered = bracketed.exec(authority)
  return numbered === null ? undefined : of(shortened(numbered[1]), numbered[2])
}

/**
 * Where a request over plain text is sent by `force_https`: the same target at the same host, at the port of https
 * (spec 15, G03). Nothing when the request names no host.
 */
export function httpsLocation({ host }: Host, { path, query }: Pick<Target, 'path' | 'query'>): string | undefined {
  if (host === '') return undefined
  // RFC 9110 9.3.7: the server as a whole has no path
  return `https://${host}${path === '*' ? '/' : path}${query}`
}

/** Whether a host, as `hostOf` gives it, is this machine. */
export function isOwnHost(host: string): boolean {
  return host === 'localhost' || isLoopback(host.replace(/^\[(.*)\]$/, '$1'))
}

// RFC 1035 2.3.4: 255 octets; then a port
const longest = 262
// Stricter than RFC 3986 3.2.2: no percent-encoding, no sub-delims. No label is empty, no port begins with a zero.
const name = /^([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::([1-9][0-9]{0,4})?)?$/i
const bracketed = /^\[([0-9a-f:.]{2,45})\](?::([1-9][0-9]{0,4})?)?$/i

function of(host: string | undefined, digits: string | undefined): Host | undefined {
  if (host === undefined) return undefined
  if (digits === undefined) return { host, port: undefined }
  const port = Number(digits)
  return port > 65_535 ? undefined : { host, port }
}

function shortened(address: string | undefined): string | undefined {
  if (address === undefined || !ipaddr.IPv6.isValid(address)) return undefined
  return `[${ipaddr.IPv6.parse(address).toRFC5952String()}]`
}
