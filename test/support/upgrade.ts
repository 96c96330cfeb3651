// Upgrades at an origin: WebSocket handshakes over HTTP/1.1 (RFC 6455 4.2) and HTTP/2 (RFC 8441). What flows
// after a handshake is bytes, whoever frames them.
import { createHash } from 'node:crypto'
import type http from 'node:http'
import type http2 from 'node:http2'
import type { Duplex } from 'node:stream'

export type Fields = Record<string, string | string[] | undefined>

/** A handshake as it reached the origin. */
export type Upgrade = {
  /** The token of Upgrade, or `:protocol`. */
  token: string
  target: string
  headers: Fields
  /** Agrees; the bytes of the tunnel. */
  accept(headers?: Record<string, string>): Duplex
  /** Says no with an ordinary answer. */
  refuse(status: number, body: string): void
}

export type OnUpgrade = (upgrade: Upgrade) => void

/** RFC 6455 4.2.2. */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

/** Lets a server of HTTP/1.1 take upgrades; what it returns ends their sockets, which are no longer the server's. */
export function upgradesOverHttp1(server: http.Server, onUpgrade: OnUpgrade): () => void {
  const sockets = new Set<Duplex>()
  server.on('upgrade', (request, socket, first: Buffer) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    if (first.length > 0) socket.unshift(first)
    const token = request.headers.upgrade ?? ''
    onUpgrade({
      token,
      target: request.url ?? '',
      headers: request.headers,
      accept: (headers = {}) => {
        const key = request.headers['sec-websocket-key'] ?? ''
        const fields = { connection: 'upgrade', upgrade: token, 'sec-websocket-accept': acceptOf(key), ...headers }
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines(fields)}\r\n`)
        return socket
      },
      refuse: (status, body) => {
        const fields = { connection: 'close', 'content-length': String(body.length) }
        socket.end(`HTTP/1.1 ${status} No\r\n${lines(fields)}\r\n${body}`)
      },
    })
  })
  return () => sockets.forEach((socket) => socket.destroy())
}

/** Lets a server of HTTP/2, which must have `enableConnectProtocol` among its settings, take upgrades. */
export function upgradesOverHttp2(server: http2.Http2SecureServer, onUpgrade: OnUpgrade): void {
  server.on('connect', ({ stream, headers }: http2.Http2ServerRequest) => {
    stream.on('error', () => {})
    onUpgrade({
      token: String(headers[':protocol'] ?? ''),
      target: headers[':path'] ?? '',
      headers,
      accept: (more = {}) => {
        stream.respond({ ':status': 200, ...more })
        return stream
      },
      refuse: (status, body) => {
        stream.respond({ ':status': status })
        stream.end(body)
      },
    })
  })
}

function lines(fields: Record<string, string>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}
