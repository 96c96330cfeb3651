// Listeners: where requests come in, and under which certificates and limits.
import { isIP } from 'node:net'
import { integer, list, oneOf, pem, pemText, refuse, shape } from './check.ts'
import type { Check } from './check.ts'
import { fromNative } from './errors.ts'
import type { NativeEngine } from './native.ts'

/** Where and how to listen. TCP, QUIC or both. */
export type ListenOptions = {
  /** An IP address: `127.0.0.1`, `0.0.0.0`, `::`. */
  readonly address: string
  /** TCP port, and UDP port unless `quic.port` says another. 0 lets the system choose. */
  readonly port: number
  readonly tcp?: TcpOptions | undefined
  readonly quic?: QuicOptions | undefined
  readonly limits?: ListenerLimits | undefined
}

export type TcpOptions = {
  /** Without it, connections are not encrypted, and `h2` means prior knowledge (RFC 9113 3.3). */
  readonly tls?: ServerTls | undefined
  /** Both, when left out. */
  readonly protocols?: readonly ('h1' | 'h2')[] | undefined
}

export type QuicOptions = {
  /** That of `tcp`, when left out. */
  readonly tls?: ServerTls | undefined
  /** UDP port. */
  readonly port?: number | undefined
}

export type ServerTls = {
  /** Chosen by the name that the client asks for (SNI); the first one answers when none has it. */
  readonly identities: readonly Identity[]
  /** Asks clients for certificates; `decide` sees them. */
  readonly clientCertificates?: ClientCertificates | undefined
  /** `1.2` when left out, over TCP; QUIC is always 1.3 (RFC 9001 4.2). */
  readonly minVersion?: '1.2' | '1.3' | undefined
}

/** A certificate chain, leaf first, and its private key. PEM. */
export type Identity = { readonly certificate: string | Uint8Array; readonly key: string | Uint8Array }

export type ClientCertificates = {
  readonly mode: 'optional' | 'required'
  /** Authorities that a client's chain must end in, PEM. */
  readonly ca: string | Uint8Array
}

/** Bounds on what clients may do. Times are in milliseconds. */
export type ListenerLimits = {
  /** Connections at once. Default 16,384. */
  readonly maxConnections?: number | undefined
  /** Connections at once from one address. Default 4,096. */
  readonly maxConnectionsPerAddress?: number | undefined
  /** TLS or QUIC handshake. Default 10,000. */
  readonly handshakeMs?: number | undefined
  /** A connection without a request; over QUIC also one whose client is silent. Default 75,000. */
  readonly idleMs?: number | undefined
  /** From the first byte of a head to its last. Default 15,000. */
  readonly headMs?: number | undefined
  /** A body that does not move. Default 60,000. */
  readonly bodyIdleMs?: number | undefined
  /** An upgraded connection through which nothing moves. Default 600,000. */
  readonly tunnelIdleMs?: number | undefined
  /** Slowest request body, bytes per second over 10 s; 0 accepts any. Default 64. */
  readonly minBodyRate?: number | undefined
  /** Default 65,536. */
  readonly maxHeadBytes?: number | undefined
  /** Fields in a head. Default 200. */
  readonly maxFields?: number | undefined
  /** Default 16,384. */
  readonly maxTargetBytes?: number | undefined
  /** Requests at once on one HTTP/2 or HTTP/3 connection. Default 128. */
  readonly maxStreams?: number | undefined
  /** Streams that a client may reset within 10 s. Default 400. */
  readonly maxResets?: number | undefined
  /** Bytes of an unwanted request body still read, so that the client sees the answer. Default 262,144. */
  readonly maxDiscard?: number | undefined
  /** QUIC handshakes under way beyond which new peers prove their address. Default 256. */
  readonly retryAbove?: number | undefined
}

/** How a drain ended: exchanges that were complete in time, and those cut off. */
export type Drained = { readonly finished: number; readonly cut: number }

const ms = integer(1, 86_400_000)
const port = integer(0, 65_535)
const count = integer(1, 10_000_000)

const address: Check = (path, value) => {
  if (typeof value !== 'string' || !isIP(value)) refuse(path, value, 'must be an IP address')
}

const tls = shape(
  {
    identities: list(shape({ certificate: pem, key: pem }, ['certificate', 'key'])),
    clientCertificates: shape({ mode: oneOf('optional', 'required'), ca: pem }, ['mode', 'ca']),
    minVersion: oneOf('1.2', '1.3'),
  },
  ['identities'],
)

const limits = shape({
  maxConnections: count,
  maxConnectionsPerAddress: count,
  handshakeMs: ms,
  idleMs: ms,
  headMs: ms,
  bodyIdleMs: ms,
  tunnelIdleMs: ms,
  minBodyRate: integer(0, 1_000_000_000),
  maxHeadBytes: integer(1024, 16_777_216),
  maxFields: integer(1, 10_000),
  maxTargetBytes: integer(1, 16_777_216),
  maxStreams: integer(1, 100_000),
  maxResets: count,
  maxDiscard: integer(0, 1_073_741_824),
  retryAbove: integer(0, 10_000_000),
})

const options = shape(
  {
    address,
    port,
    tcp: shape({ tls, protocols: list(oneOf('h1', 'h2')) }),
    quic: shape({ tls, port }),
    limits,
  },
  ['address', 'port'],
)

/** A listener that is up. */
export class Listener {
  /** Unique in its engine; heads, records and events carry it. */
  readonly id: number
  readonly address: string
  /** TCP port, as it is; without `tcp`, the UDP port. */
  readonly port: number
  /** UDP port, when HTTP/3 is served. */
  readonly quicPort: number | undefined
  #native: NativeEngine
  #ended: (id: number) => void
  #drained: Promise<Drained> | undefined

  constructor(native: NativeEngine, up: ListenerUp, ended: (id: number) => void) {
    this.#native = native
    this.id = up.id
    this.address = up.address
    this.port = up.port
    this.quicPort = up.quicPort ?? undefined
    this.#ended = ended
  }

  /**
   * Exchanges certificates, client authorities and versions for all new connections, over TCP and
   * QUIC at once. Either all of it is taken, or it throws and nothing has changed.
   */
  // a promise, so that callers need not change when the swap has to wait for something
  async replaceTls(config: ServerTls): Promise<void> {
    tls('tls', config)
    try {
      this.#native.replaceTls(this.id, JSON.stringify(tlsJson(config)))
    } catch (error) {
      throw fromNative(error)
    }
  }

  /**
   * Exchanges all limits; those that are left out are the defaults. New connections have all of them, new requests
   * on open connections have `bodyIdleMs`, `tunnelIdleMs`, `minBodyRate` and `maxDiscard`; no connection is closed.
   */
  // a promise, as that of `replaceTls`
  async replaceLimits(given: ListenerLimits): Promise<void> {
    limits('limits', given)
    try {
      this.#native.replaceLimits(this.id, JSON.stringify(given))
    } catch (error) {
      throw fromNative(error)
    }
  }

  /**
   * Stops accepting, tells HTTP/2 and HTTP/3 clients to go elsewhere (GOAWAY), and lets requests
   * under way finish for up to `graceMs` (0 to 86,400,000; default 30,000); what is left is cut off.
   */
  drain(options: { readonly graceMs?: number | undefined } = {}): Promise<Drained> {
    const graceMs = options.graceMs ?? 30_000
    integer(0, 86_400_000)('drain.graceMs', graceMs)
    return (this.#drained ??= this.#drain(graceMs))
  }

  async #drain(graceMs: number): Promise<Drained> {
    try {
      // { finished, cut }
      return JSON.parse(await this.#native.drain(this.id, graceMs)) as Drained
    } catch (error) {
      throw fromNative(error)
    } finally {
      this.#ended(this.id)
    }
  }
}

/** What the engine says of a listener that is up. */
export type ListenerUp = {
  readonly id: number
  readonly address: string
  readonly port: number
  readonly quicPort?: number | null
}

/** Checks the options and writes them for the engine. */
export function listenJson(given: ListenOptions): string {
  options('listen', given)
  const { tcp, quic } = given
  if (tcp === undefined && quic === undefined) throw new TypeError('listen holds neither tcp nor quic: must hold one')
  if (quic !== undefined && (quic.tls ?? tcp?.tls) === undefined)
    refuse('listen.quic.tls', undefined, 'must be given, here or in tcp')
  return JSON.stringify({
    ...given,
    tcp: tcp && { ...tcp, tls: tcp.tls && tlsJson(tcp.tls) },
    quic: quic && { ...quic, tls: quic.tls && tlsJson(quic.tls) },
  })
}

function tlsJson(config: ServerTls): object {
  const { clientCertificates } = config
  return {
    ...config,
    identities: config.identities.map(({ certificate, key }) => ({
      certificate: pemText(certificate),
      key: pemText(key),
    })),
    clientCertificates: clientCertificates && { ...clientCertificates, ca: pemText(clientCertificates.ca) },
  }
}
