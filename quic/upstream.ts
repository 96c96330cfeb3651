// Upstreams: where requests are forwarded to, and how they are reached.
import { isIP } from 'node:net'
import { flag, integer, list, oneOf, pem, pemText, refuse, shape, text } from './check.ts'
import type { Check } from './check.ts'
import type { Protocol } from './head.ts'
import type { Identity } from './listener.ts'
import type { NativeEngine } from './native.ts'

/** How an upstream is reached. Times are in milliseconds. */
export type UpstreamOptions = {
  /** `http://host:port` or `https://host:port`, without a path. */
  readonly origin: string
  /** In order of preference. `['h1']` for http, `['h2', 'h1']` for https; `h3` needs https. */
  readonly protocols?: readonly Protocol[] | undefined
  readonly tls?: UpstreamTls | undefined
  readonly timeouts?: UpstreamTimeouts | undefined
  readonly pool?: PoolOptions | undefined
  /** False: a preferred h3 that cannot connect is a failure. Default true. */
  readonly fallback?: boolean | undefined
  /** `ip` or `ip:port` (`[ip]:port` for IPv6) to connect to, instead of asking DNS. */
  readonly addresses?: readonly string[] | undefined
  readonly limits?: UpstreamLimits | undefined
}

export type UpstreamTls = {
  /** Authorities to trust, PEM. */
  readonly ca?: string | Uint8Array | undefined
  /** Whether the system's authorities are trusted too. `none` with `ca`, else `system`. */
  readonly roots?: 'system' | 'none' | undefined
  /** The name to ask for and to verify. The origin's host. */
  readonly serverName?: string | undefined
  readonly clientCertificate?: Identity | undefined
}

export type UpstreamTimeouts = {
  /** DNS, TCP, TLS or QUIC together. Default 10,000. */
  readonly connectMs?: number | undefined
  /** From the request sent to the head of its response. Default 60,000. */
  readonly firstByteMs?: number | undefined
  /** A body that does not move. Default 60,000. */
  readonly idleMs?: number | undefined
  /** What HTTP/3 is given before TLS over TCP is tried beside it. Default 250. */
  readonly headStartMs?: number | undefined
  /** First wait before HTTP/3 is probed again after a failure; doubles up to `reprobeMaxMs`. Default 5,000. */
  readonly reprobeMs?: number | undefined
  /** Default 300,000. */
  readonly reprobeMaxMs?: number | undefined
}

export type PoolOptions = {
  /** Connections at once. Default 256. */
  readonly maxConnections?: number | undefined
  /** HTTP/1.1 connections kept while unused. Default 128. */
  readonly maxIdle?: number | undefined
  /** An unused connection is closed after this. Default 60,000. */
  readonly idleMs?: number | undefined
  /** Requests that may wait for a connection. Default 4,096. */
  readonly maxWaiting?: number | undefined
  /** Requests at once on one HTTP/2 or HTTP/3 connection. Default 128. */
  readonly maxStreams?: number | undefined
}

export type UpstreamLimits = {
  /** Bytes of a response's head. Default 65,536. */
  readonly maxHeadBytes?: number | undefined
  /** Fields of a response's head. Default 200. */
  readonly maxFields?: number | undefined
}

const ms = integer(1, 86_400_000)
const count = integer(1, 1_000_000)

const origin: Check = (path, value) => {
  text(path, value)
  const url = URL.parse(value as string)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || !url.host) {
    refuse(path, value, 'must be http://host:port or https://host:port')
  }
  if (url.pathname !== '/' || url.search || url.hash || url.username || url.password) {
    // it may hold a password: not shown
    throw new TypeError(`${path} holds more than scheme, host and port: must be http://host:port or https://host:port`)
  }
}

const address: Check = (path, value) => {
  text(path, value)
  // text() has made sure
  const given = value as string
  if (isIP(given)) return
  const split = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+)):(?<port>\d{1,5})$/.exec(given)?.groups
  const fits = split !== undefined && (split['six'] ? isIP(split['six']) === 6 : isIP(split['four'] ?? '') === 4)
  if (!fits || Number(split['port']) < 1 || Number(split['port']) > 65_535) {
    refuse(path, value, 'must be ip, ip:port or [ip]:port')
  }
}

const options = shape(
  {
    origin,
    protocols: list(oneOf('h3', 'h2', 'h1')),
    tls: shape({
      ca: pem,
      roots: oneOf('system', 'none'),
      serverName: text,
      clientCertificate: shape({ certificate: pem, key: pem }, ['certificate', 'key']),
    }),
    timeouts: shape({
      connectMs: ms,
      firstByteMs: ms,
      idleMs: ms,
      headStartMs: integer(0, 86_400_000),
      reprobeMs: ms,
      reprobeMaxMs: ms,
    }),
    pool: shape({
      maxConnections: count,
      maxIdle: integer(0, 1_000_000),
      idleMs: ms,
      maxWaiting: integer(0, 1_000_000),
      maxStreams: count,
    }),
    fallback: flag,
    addresses: list(address),
    limits: shape({ maxHeadBytes: integer(1024, 16_777_216), maxFields: integer(1, 10_000) }),
  },
  ['origin'],
)

/** An upstream of one engine. */
export class Upstream {
  /** Unique in its engine; records and events carry it. */
  readonly id: number
  readonly origin: string
  #owner: object
  #close: (id: number) => void
  #closed = false

  constructor(owner: object, id: number, origin: string, close: (id: number) => void) {
    this.#owner = owner
    this.id = id
    this.origin = origin
    this.#close = close
  }

  /** Takes no more requests; those under way finish, then its connections close. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#close(this.id)
  }

  /** The id, for the engine that it belongs to. */
  static idFor(upstream: unknown, owner: object): number {
    if (!(upstream instanceof Upstream))
      throw new TypeError('upstream is missing: must be one that engine.upstream() gave')
    if (upstream.#owner !== owner) throw new TypeError('upstream is of another engine')
    return upstream.id
  }
}

/** Checks the options and gives them to the engine. */
export function openUpstream(owner: object, native: NativeEngine, given: UpstreamOptions): Upstream {
  options('upstream', given)
  if (given.origin.startsWith('http:') && given.protocols?.includes('h3')) {
    throw new TypeError('upstream.protocols holds h3: must be h2 or h1 for an http origin')
  }
  const id = native.upstream(upstreamJson(given))
  return new Upstream(owner, id, given.origin, (closed) => native.closeUpstream(closed))
}

function upstreamJson(given: UpstreamOptions): string {
  const { tls } = given
  const crossing = tls && {
    ...tls,
    ca: tls.ca && pemText(tls.ca),
    clientCertificate: tls.clientCertificate && {
      certificate: pemText(tls.clientCertificate.certificate),
      key: pemText(tls.clientCertificate.key),
    },
  }
  return JSON.stringify({ ...given, origin: new URL(given.origin).origin, tls: crossing })
}
