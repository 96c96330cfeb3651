// Upgrades by a client: WebSocket handshakes over HTTP/1.1 (RFC 6455 4.1), HTTP/2 (RFC 8441) and, by a second
// engine, HTTP/3 (RFC 9220).
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import http2 from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Protocol } from '../../quic/index.ts'
import { identity, localhost, startClient } from './rig.ts'
import type { Watched } from './rig.ts'
import type { Fields } from './upgrade.ts'

export type Opened = {
  status: number
  headers: Fields
  /** The tunnel, when it is open. */
  wire: Duplex
  /** The key that the client sent, over HTTP/1.1. */
  key: string
  /** Leaves without a word: RST of the connection, or of the stream. */
  abort(): void
}

export type Refused = { status: number; headers: Fields; body: string }

export type TunnelAsk = { path?: string; token?: string; headers?: Record<string, string> }

export type TunnelClient = {
  open(ask?: TunnelAsk): Promise<Opened>
  /** Expects that the handshake is refused. */
  refused(ask?: TunnelAsk): Promise<Refused>
  close(): Promise<void>
  /** For HTTP/3, the engine behind the client. */
  bridge?: Watched
}

/** A client of upgrades to a port of 127.0.0.1; over HTTP/3 by a second engine. */
export async function startTunnelClient(protocol: Protocol, port: number): Promise<TunnelClient> {
  if (protocol === 'h1') return overHttp1(port)
  if (protocol === 'h2') return overHttp2(port)
  const client = await startClient('h3', port)
  const { bridge } = client
  if (bridge === undefined) throw new Error('no bridge')
  const inner = overHttp1(bridge.port)
  return {
    ...inner,
    bridge,
    close: async () => {
      await inner.close()
      await client.close()
    },
  }
}

type Shaken = { opened: Opened } | { refused: Refused }

function client(shake: (ask: TunnelAsk) => Promise<Shaken>, close: () => void): TunnelClient {
  return {
    open: async (ask = {}) => {
      const shaken = await shake(ask)
      if ('refused' in shaken) throw new Error(`refused with ${shaken.refused.status}: ${shaken.refused.body}`)
      return shaken.opened
    },
    refused: async (ask = {}) => {
      const shaken = await shake(ask)
      if ('opened' in shaken) throw new Error(`accepted with ${shaken.opened.status}`)
      return shaken.refused
    },
    close: async () => close(),
  }
}

function overHttp1(port: number): TunnelClient {
  const sockets = new Set<Socket>()
  const shake = (ask: TunnelAsk): Promise<Shaken> =>
    new Promise((resolve, reject) => {
      const key = randomBytes(16).toString('base64')
      const request = http.request({
        path: ask.path ?? '/',
        headers: {
          host: 'localhost',
          connection: 'Upgrade',
          upgrade: ask.token ?? 'websocket',
          'sec-websocket-key': key,
          'sec-websocket-version': '13',
          ...ask.headers,
        },
        createConnection: () => {
          const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
          sockets.add(socket)
          socket.on('error', () => {})
          return socket
        },
      })
      request.on('error', reject)
      request.on('upgrade', (response, stream, first) => {
        // it is the socket that was made above
        const socket = stream
        if (first.length > 0) socket.unshift(first)
        const { statusCode: status = 0, headers } = response
        resolve({ opened: { status, headers, wire: socket, key, abort: () => socket.resetAndDestroy() } })
      })
      request.on('response', (response) => {
        const { statusCode: status = 0, headers } = response
        text(response).then((body) => resolve({ refused: { status, headers, body } }), reject)
      })
      request.end()
    })
  return client(shake, () => sockets.forEach((socket) => socket.destroy()))
}

function overHttp2(port: number): TunnelClient {
  const session = http2.connect(`https://localhost:${port}`, { ca: identity().ca, lookup: localhost })
  session.on('error', () => {})
  const ready = new Promise<void>((resolve) => session.once('remoteSettings', () => resolve()))
  const shake = async (ask: TunnelAsk): Promise<Shaken> => {
    await ready
    // RFC 8441 3: only to a server that said so
    if (session.remoteSettings.enableConnectProtocol !== true) throw new Error('no extended CONNECT')
    return new Promise((resolve, reject) => {
      const stream = session.request(
        {
          ':method': 'CONNECT',
          ':protocol': ask.token ?? 'websocket',
          ':scheme': 'https',
          ':path': ask.path ?? '/',
          'sec-websocket-version': '13',
          ...ask.headers,
        },
        { endStream: false },
      )
      stream.on('error', reject)
      stream.on('response', (headers) => {
        const status = Number(headers[':status'])
        // close() would end the stream in order before it resets it
        const abort = (): void => void stream.destroy(new Error('left'))
        if (status === 200) return resolve({ opened: { status, headers, wire: stream, key: '', abort } })
        stream.end()
        text(stream).then((body) => resolve({ refused: { status, headers, body } }), reject)
      })
    })
  }
  return client(shake, () => session.destroy())
}

async function text(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return String(Buffer.concat(chunks))
}
