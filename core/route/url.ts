// URLs of ingresses and of destinations: how they are written (spec 4.3, 7.4).
import { domainToASCII } from 'node:url'
import ipaddr from 'ipaddr.js'
import type { UrlPattern } from '../config/model.ts'
import { hostOf, isOwnHost } from './host.ts'
import { splitTarget } from './path.ts'
import type { PathProblem, Target } from './path.ts'

/** What is wrong, to stand behind "is …: ": `must not have a query`. */
export type Problem = { readonly problem: string }

/** Reads the URL of an ingress or of a destination. */
export function parseUrlPattern(text: string): UrlPattern | Problem {
  const parts = shape.exec(text)
  const [, given = '', authority = '', rest = ''] = parts ?? []
  if (parts === null) return { problem: 'must start with http:// or https://' }
  if (authority.includes('@')) return { problem: 'must not contain user information' }
  if (authority === '' || authority.startsWith(':')) return { problem: 'must name a host' }
  const ascii = asciiAuthority(authority)
  const named = ascii === undefined ? undefined : hostOf(ascii)
  if (named === undefined || isOddNumber(named.host)) return { problem: 'must name a valid host and port' }
  const prefix = parsePrefix(/^[?#]|^$/.test(rest) ? `/${rest}` : rest)
  if (typeof prefix !== 'string') return prefix
  const scheme = given.toLowerCase() === 'https' ? 'https' : 'http'
  return { text, scheme, host: named.host, port: named.port, path: prefix }
}

/** Reads a path that routes begin with: an absolute one, returned in the spelling of keys, without a slash at its end. */
export function parsePrefix(text: string): string | Problem {
  const target = readPath(text)
  if ('problem' in target) return target
  // decision 20: no request's path is ever read so that it would match
  if (!target.plain) return { problem: 'must not have empty segments, parameters (;), %2f or %5c' }
  return target.key.length > 1 && target.key.endsWith('/') ? target.key.slice(0, -1) : target.key
}

/** Takes apart an absolute path that was written; characters beyond ASCII are percent-encoded as UTF-8 (RFC 3987 3.1). */
export function readPath(text: string): Target | Problem {
  if (!text.isWellFormed()) return { problem: problems.control }
  const target = splitTarget(text.replace(/[^\0-\x7f]+/g, encodeURIComponent))
  if (typeof target === 'string') return { problem: problems[target] }
  if (target.path === '*') return { problem: problems.form }
  return target.query === '' ? target : { problem: 'must not have a query' }
}

/** Whether what comes from a URL could be changed on its way: it is not https, and not of this machine. */
export function isPlain({ protocol, hostname }: URL): boolean {
  return protocol !== 'https:' && !isOwnHost(hostname)
}

/** The port that a URL without one means. */
export function defaultPort(scheme: 'http' | 'https'): number {
  return scheme === 'https' ? 443 : 80
}

const shape = /^(https?):\/\/([^/?#\\]*)(.*)$/is

const problems: Readonly<Record<PathProblem, string>> = {
  form: 'must have a path that starts with /',
  dots: 'must not have . or .. segments in its path',
  backslash: 'must not contain a backslash',
  control: 'must not contain spaces or control characters',
  percent: 'must have valid percent-encoding in its path',
  fragment: 'must not have a fragment',
}

/** Names beyond ASCII as DNS has them (RFC 5891); nothing when they cannot be written so. */
function asciiAuthority(authority: string): string | undefined {
  if (authority.length > 1024) return undefined
  if (/^[\0-\x7f]*$/.test(authority)) return authority
  const [, host = '', port = ''] = /^(.*?)(:[0-9]*)?$/s.exec(authority) ?? []
  const ascii = domainToASCII(host)
  return ascii === '' ? undefined : ascii + port
}

/** `127.1`, `010.0.0.1` and `0x7f000001` are addresses to some and names to others. */
function isOddNumber(host: string): boolean {
  return /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/.test(host) && !ipaddr.IPv4.isValidFourPartDecimal(host)
}
