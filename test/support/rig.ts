// The nine pairs of protocols: a gateway with a client that speaks `in` and an origin that speaks `out`.
// HTTP/1.1 and HTTP/2 are spoken by Node's own client and server. HTTP/3 is spoken by a second engine:
// before the origin it turns HTTP/3 into HTTP/1.1, behind the client HTTP/1.1 into HTTP/3; what
// foreign HTTP/3 peers see is tested in test/interop.
import http from 'node:http'
import http2 from 'node:http2'
import { readFileSync } from 'node:fs'
import type { AddressInfo, LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import { startEngine } from '../../quic/index.ts'
import type {
  Decide,
  Engine,
  EngineEvent,
  EngineOptions,
  ExchangeRecord,
  Forward,
  ListenOptions,
  Listener,
  ListenerLimits,
  Protocol,
  Upstream,
  UpstreamOptions,
} from '../../quic/index.ts'
import { authority } from '../peers/certificate.ts'
import type { Authority } from '../peers/certificate.ts'
import { until } from './deadline.ts'
import { upgradesOverHttp1, upgradesOverHttp2 } from './upgrade.ts'
import type { OnUpgrade } from './upgrade.ts'

export const protocols = ['h1', 'h2', 'h3'] as const
export const pairs = protocols.flatMap((from) => protocols.map((to) => ({ from, to, name: `${from} to ${to}` })))

let shared: { authority: Authority; ca: string; certificate: string; key: string } | undefined

/** One authority and one identity (localhost, 127.0.0.1, ::1) for all rigs of a file. */
export function identity(): { authority: Authority; ca: string; certificate: string; key: string } {
  if (shared === undefined) {
    const made = authority()
    const issued = made.issue('localhost')
    shared = {
      authority: made,
      ca: readFileSync(made.ca, 'utf8'),
      certificate: readFileSync(issued.chain, 'utf8'),
      key: readFileSync(issued.key, 'utf8'),
    }
  }
  return shared
}

/** What a handler gets, whether it speaks HTTP/1.1 or HTTP/2. */
export type Request = http.IncomingMessage | http2.Http2ServerRequest
export type Handler = (request: Request, response: http.ServerResponse) => void

export type TestOrigin = {
  /** `https://localhost:port`, or `http://` for HTTP/1.1. */
  url: string
  port: number
  close: () => Promise<void>
}

export type Watched = { engine: Engine; records: ExchangeRecord[]; events: EngineEvent[] }

/** An engine whose records and events are kept. */
export async function watchedEngine(options: EngineOptions = {}): Promise<Watched> {
  const records: ExchangeRecord[] = []
  const events: EngineEvent[] = []
  const engine = await startEngine({
    ...options,
    onRecord: (batch) => records.push(...batch),
    onEvent: (event) => events.push(event),
  })
  return { engine, records, events }
}

const tls = () => ({ identities: [{ certificate: identity().certificate, key: identity().key }] })

/** Options to listen for one protocol, encrypted unless it is HTTP/1.1. */
export function listenOptions(protocol: Protocol, limits?: ListenerLimits): ListenOptions {
  const base = { address: '127.0.0.1', port: 0, limits }
  if (protocol === 'h1') return { ...base, tcp: { protocols: ['h1'] } }
  if (protocol === 'h2') return { ...base, tcp: { tls: tls(), protocols: ['h2'] } }
  return { ...base, quic: { tls: tls() } }
}

/** Listens for one protocol. */
export function listenFor(
  engine: Engine,
  protocol: Protocol,
  decide: Decide,
  limits?: ListenerLimits,
): Promise<Listener> {
  return engine.listen(listenOptions(protocol, limits), decide)
}

/** The port that a listener of `listenFor` answers on. */
export function portOf(listener: Listener, protocol: Protocol): number {
  return protocol === 'h3' ? (listener.quicPort ?? listener.port) : listener.port
}

/** Node refuses streams beyond it; 10 hold no hundred of them. */
const sessionMegabytes = 1_000

/** Streams that HTTP/3 origins and clients allow on one connection. */
const manyStreams = 512

/** Starts an origin that speaks one protocol; the handler is Node's, in every case. */
export async function startOrigin(protocol: Protocol, handler: Handler, onUpgrade?: OnUpgrade): Promise<TestOrigin> {
  if (protocol === 'h2') {
    const server = http2.createSecureServer({
      cert: identity().certificate,
      key: identity().key,
      maxSessionMemory: sessionMegabytes,
      settings: { enableConnectProtocol: true },
    })
    if (onUpgrade !== undefined) upgradesOverHttp2(server, onUpgrade)
    const sessions = new Set<http2.ServerHttp2Session>()
    server.on('session', (session) => {
      sessions.add(session)
      session.on('error', () => {})
      session.on('close', () => sessions.delete(session))
    })
    server.on('sessionError', () => {})
    server.on('request', (request, response) => {
      request.stream.on('error', () => {})
      // The compatibility API has the same methods as far as handlers use them.
      handler(request, response as unknown as http.ServerResponse)
    })
    server.on('checkContinue', (request: Request, response: http.ServerResponse) => handler(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const port = (server.address() as AddressInfo).port
    const close = async () => {
      for (const session of sessions) session.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
    return { url: `https://localhost:${port}`, port, close }
  }
  const server = http.createServer({ keepAliveTimeout: 60_000 }, handler)
  server.on('checkContinue', handler)
  const endTunnels = onUpgrade === undefined ? undefined : upgradesOverHttp1(server, onUpgrade)
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = (server.address() as AddressInfo).port
  const closeServer = async () => {
    server.closeAllConnections()
    endTunnels?.()
    await new Promise((resolve) => server.close(resolve))
  }
  if (protocol === 'h1') return { url: `http://127.0.0.1:${port}`, port, close: closeServer }
  const front = await startEngine()
  const behind = front.upstream({ origin: `http://127.0.0.1:${port}`, pool: { maxConnections: manyStreams } })
  const forward: Decide = (head) => ({ kind: 'forward', upstream: behind, authority: head.authority })
  const listener = await listenFor(front, 'h3', forward, { maxStreams: manyStreams })
  const quic = portOf(listener, 'h3')
  return {
    url: `https://localhost:${quic}`,
    port: quic,
    close: async () => {
      await front.stop({ graceMs: 0 })
      await closeServer()
    },
  }
}

/** Options to reach a test origin over one protocol alone. */
export function toOrigin(origin: TestOrigin, protocol: Protocol, more: Partial<UpstreamOptions> = {}): UpstreamOptions {
  const encrypted = protocol !== 'h1'
  return {
    origin: origin.url,
    protocols: [protocol],
    addresses: ['127.0.0.1'],
    ...(encrypted ? { tls: { ca: identity().ca } } : {}),
    ...more,
  }
}

export type Ask = {
  method?: string
  path?: string
  headers?: Record<string, string | string[]>
  /** Sent whole, or piped. */
  body?: string | Uint8Array | Readable
  /** Leaves, before or after the answer. */
  signal?: AbortSignal
  /** Told of each interim response when it comes. */
  onInterim?: (status: number) => void
}

export type Reply = {
  status: number
  headers: http.IncomingHttpHeaders | http2.IncomingHttpHeaders
  /** Name and value pairs in order, as far as the protocol's client tells. */
  rawHeaders: [string, string][]
  interim: { status: number; headers: Record<string, string | string[] | undefined> }[]
  body: Readable
  /** Reads the body to its end; rejects when it is cut. */
  bytes(): Promise<Buffer>
  /** After the end. */
  trailers(): Record<string, string | string[] | undefined>
}

export type Client = {
  send: (ask: Ask) => Promise<Reply>
  close: () => Promise<void>
  /** For HTTP/3, the engine behind the client: its records tell which codes came over the wire. */
  bridge?: Watched & { /** Where it speaks HTTP/1.1. */ port: number }
}

/** A client that speaks one protocol to a port of 127.0.0.1. */
export async function startClient(protocol: Protocol, port: number, name = 'localhost'): Promise<Client> {
  if (protocol === 'h2') return http2Client(port, name)
  if (protocol === 'h1') return http1Client(port)
  const bridge = await watchedEngine()
  const upstream = bridge.engine.upstream({
    origin: `https://${name}:${port}`,
    protocols: ['h3'],
    addresses: ['127.0.0.1'],
    tls: { ca: identity().ca },
    pool: { maxStreams: manyStreams },
  })
  const listener = await listenFor(bridge.engine, 'h1', (head) => ({
    kind: 'forward',
    upstream,
    authority: head.authority,
  }))
  const inner = http1Client(listener.port)
  return {
    send: inner.send,
    bridge: { ...bridge, port: listener.port },
    close: async () => {
      await inner.close()
      await bridge.engine.stop({ graceMs: 0 })
    },
  }
}

function http1Client(port: number): Client {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity })
  const send = (ask: Ask): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const interim: Reply['interim'] = []
      const request = http.request({
        host: '127.0.0.1',
        port,
        agent,
        method: ask.method ?? 'GET',
        path: ask.path ?? '/',
        ...(ask.headers ? { headers: ask.headers } : {}),
      })
      const inform = (status: number, headers: Reply['headers']): void => {
        interim.push({ status, headers })
        ask.onInterim?.(status)
      }
      request.on('information', (info) => inform(info.statusCode, info.headers))
      request.on('error', reject)
      ask.signal?.addEventListener('abort', () => request.destroy())
      request.on('response', (response) => {
        response.on('error', () => {})
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          rawHeaders: couples(response.rawHeaders),
          interim,
          body: response,
          bytes: () => collect(response),
          trailers: () => response.trailers,
        })
      })
      // a head that waits for its content would wait for whatever the content waits for
      if (ask.body !== undefined) request.flushHeaders()
      feed(request, ask)
    })
  return {
    send,
    close: async () => {
      agent.destroy()
    },
  }
}

/** A lookup that answers 127.0.0.1, whatever the machine says of the name. */
export const localhost: LookupFunction = (_name, options, callback) => {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

function http2Client(port: number, name: string): Client {
  const session = http2.connect(`https://${name}:${port}`, {
    ca: identity().ca,
    servername: name,
    maxSessionMemory: sessionMegabytes,
    lookup: localhost,
  })
  session.on('error', () => {})
  // Streams that stall leave room on the connection for others.
  session.on('connect', () => session.setLocalWindowSize(64 * 1024 * 1024))
  const send = (ask: Ask): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const interim: Reply['interim'] = []
      const { host, ...headers } = ask.headers ?? {}
      const stream = session.request(
        {
          ':method': ask.method ?? 'GET',
          ':path': ask.path ?? '/',
          ...(typeof host === 'string' ? { ':authority': host } : {}),
          ...headers,
        },
        { endStream: ask.body === undefined },
      )
      stream.on('headers', (head) => {
        interim.push({ status: Number(head[':status']), headers: head })
        ask.onInterim?.(Number(head[':status']))
      })
      // RST_STREAM with NO_ERROR or CANCEL is no error to Node
      stream.on('close', () => reject(new Error(`reset with ${String(stream.rstCode)}`)))
      stream.on('error', (error) => reject(new Error(`reset with ${String(stream.rstCode)}`, { cause: error })))
      ask.signal?.addEventListener('abort', () => stream.close(http2.constants.NGHTTP2_CANCEL))
      let trailers: Reply['interim'][number]['headers'] = {}
      stream.on('trailers', (fields) => (trailers = fields))
      stream.on('response', (head, _flags, raw?: string[]) => {
        resolve({
          status: Number(head[':status']),
          headers: head,
          rawHeaders: couples(raw ?? []).filter(([field]) => !field.startsWith(':')),
          interim,
          body: stream,
          bytes: () => collect(stream),
          trailers: () => trailers,
        })
      })
      if (ask.body !== undefined) feed(stream, ask)
    })
  return {
    send,
    close: async () => {
      session.destroy()
    },
  }
}

function feed(sink: NodeJS.WritableStream, ask: Ask): void {
  if (ask.body === undefined) {
    sink.end()
  } else if (typeof ask.body === 'string' || ask.body instanceof Uint8Array) {
    sink.end(ask.body)
  } else {
    // With the error, since an HTTP/2 stream that is destroyed without one tells nobody.
    ask.body.on('error', (error) => (sink as http.ClientRequest).destroy(error))
    ask.body.pipe(sink)
  }
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  // A message that was cut short ends its stream like any other in Node's HTTP/1.1 client.
  if ('complete' in stream && stream.complete === false) throw new Error('the message was cut short')
  if ('rstCode' in stream && stream.rstCode !== 0) throw new Error(`reset with ${String(stream.rstCode)}`)
  return Buffer.concat(chunks)
}

function couples(raw: string[]): [string, string][] {
  const list: [string, string][] = []
  for (let index = 0; index + 1 < raw.length; index += 2) list.push([raw[index] ?? '', raw[index + 1] ?? ''])
  return list
}

export type Rig = Watched & {
  client: Client
  origin: TestOrigin
  upstream: Upstream
  listener: Listener
  /** The record of the exchange that ended last, once `count` have ended. */
  record: (count?: number) => Promise<ExchangeRecord>
  close: () => Promise<void>
}

export type RigOptions = {
  from: Protocol
  to: Protocol
  handler: Handler
  /** What the origin does with upgrades. */
  onUpgrade?: OnUpgrade
  limits?: ListenerLimits
  upstream?: Partial<UpstreamOptions>
  engine?: EngineOptions
  /** What the gateway decides; without it, it forwards as it is. */
  decide?: (upstream: Upstream) => Decide
}

/** A gateway between a client and an origin. Close it. */
export async function startRig(options: RigOptions): Promise<Rig> {
  const origin = await startOrigin(options.to, options.handler, options.onUpgrade)
  const watched = await watchedEngine(options.engine)
  const upstream = watched.engine.upstream(toOrigin(origin, options.to, options.upstream))
  const plain: Decide = (head): Forward => ({ kind: 'forward', upstream, authority: head.authority })
  const decide = options.decide?.(upstream) ?? plain
  const listener = await listenFor(watched.engine, options.from, decide, options.limits)
  const client = await startClient(options.from, portOf(listener, options.from))
  return {
    ...watched,
    client,
    origin,
    upstream,
    listener,
    record: async (count = 1) => {
      await until(5_000, `${count} records`, () => watched.records.length >= count)
      const last = watched.records[count - 1]
      if (last === undefined) throw new Error('no record')
      return last
    },
    close: async () => {
      await client.close()
      await watched.engine.stop({ graceMs: 0 })
      await origin.close()
    },
  }
}

/** Runs a body with a rig and closes it, whatever happens. */
export async function withRig(options: RigOptions, body: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = await startRig(options)
  try {
    await body(rig)
  } finally {
    await rig.close()
  }
}
