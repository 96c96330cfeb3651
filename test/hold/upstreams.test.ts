// Upstreams: pools, dead connections, addresses raced, failures by code, protocols in order of preference.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import type { Decide, EngineEvent, Listener, Protocol, UpstreamOptions } from '../../quic/index.ts'
import { startAsker, toPort } from '../support/asker.ts'
import type { Asker } from '../support/asker.ts'
import { until } from '../support/deadline.ts'
import { identity, protocols, startOrigin, toOrigin, watchedEngine } from '../support/rig.ts'
import type { Handler, Watched } from '../support/rig.ts'
import { startRelay } from '../support/relay.ts'
import type { Relay } from '../support/relay.ts'
import { suite } from '../support/suite.ts'

const test = suite('upstreams')
let asker: Asker
let origins: Watched
test.before(async () => {
  asker = await startAsker()
  origins = await watchedEngine()
})
test.after(async () => {
  await asker.close()
  await origins.engine.stop({ graceMs: 0 })
})

const tls = () => ({ identities: [{ certificate: identity().certificate, key: identity().key }] })
const fine: Decide = () => ({ kind: 'respond', status: 200, body: 'fine' })
const plain: Handler = (request, response) => {
  request.resume()
  response.end('fine')
}

/** An origin that speaks all three at one port. */
const listen = async (
  decide: Decide = fine,
  more: { port?: number; maxStreams?: number; maxConnections?: number } = {},
): Promise<Listener> =>
  origins.engine.listen(
    {
      address: '127.0.0.1',
      port: more.port ?? 0,
      tcp: { tls: tls() },
      quic: {},
      limits: { maxStreams: more.maxStreams, maxConnections: more.maxConnections },
    },
    decide,
  )

type Stats = { idle: number; active: number; waiting: number; connections: number; connecting: number }
const stats = (upstream: { id: number }): Stats => asker.engine.stats().upstreams[String(upstream.id)] as Stats
const events = <T extends EngineEvent['type']>(type: T, upstream: { id: number }) =>
  asker.events.filter(
    (event): event is Extract<EngineEvent, { type: T }> => event.type === type && event['upstream'] === upstream.id,
  )

/** A TCP server; `on` is given each connection. */
async function tcpServer(on: (socket: net.Socket, index: number) => void) {
  const sockets = new Set<net.Socket>()
  let index = 0
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    on(socket, (index += 1))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port, sockets, close }
}

/** A port that nobody listens on, neither over TCP nor over UDP. */
async function closedPort(): Promise<number> {
  const server = await tcpServer(() => {})
  await server.close()
  return server.port
}

/** A UDP port that takes everything and answers nothing. */
async function silence(): Promise<{ port: number; close(): void; received(): number }> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  let received = 0
  socket.on('message', () => (received += 1))
  return { port: socket.address().port, close: () => socket.close(), received: () => received }
}

// --- pools ---

for (const protocol of protocols) {
  test(`a connection is used again, and closed when it was idle for too long, ${protocol}`, async () => {
    const origin = await startOrigin(protocol, plain)
    const upstream = asker.engine.upstream(toOrigin(origin, protocol, { pool: { idleMs: 200 } }))
    const first = await asker.ask(upstream)
    const second = await asker.ask(upstream)
    assert.equal([first.record.reused, second.record.reused], [false, true])
    assert.is(stats(upstream).connections, 1)
    assert.is(stats(upstream).idle, 1)
    await until(5_000, 'the end of the connection', () => stats(upstream).connections === 0)
    const third = await asker.ask(upstream)
    assert.is(third.record.reused, false)
    assert.is(third.status, 200)
    upstream.close()
    await until(5_000, 'the end of the connection', () => asker.engine.stats().upstreams[String(upstream.id)] === undefined) // prettier-ignore
    await origin.close()
  })

  test(`a connection in use is not idle, ${protocol}`, async () => {
    let release = (): void => {}
    const origin = await startOrigin(protocol, (request, response) => {
      request.resume()
      if (request.url === '/slow') release = () => response.end('slow')
      else response.end('fine')
    })
    const upstream = asker.engine.upstream(toOrigin(origin, protocol, { pool: { idleMs: 50 } }))
    const slow = asker.ask(upstream, { path: '/slow' })
    await until(5_000, 'the request', () => stats(upstream).active === 1)
    const began = performance.now()
    await until(5_000, 'some time', () => performance.now() - began > 300)
    await until(5_000, 'the handler', () => {
      release()
      return stats(upstream).active === 0
    })
    assert.is((await slow).body, 'slow')
    upstream.close()
    await origin.close()
  })

  test(`a connection that died while it was idle is not handed out, ${protocol}`, async () => {
    let origin = await listen()
    const upstream = asker.engine.upstream(toPort(protocol, origin.port))
    for (let turn = 0; turn < 3; turn++) {
      assert.is((await asker.ask(upstream)).status, 200)
      await origin.drain({ graceMs: 0 })
      origin = await listen(fine, { port: origin.port })
      // POST: nothing may be sent twice, so the dead connection must have been noticed.
      const told = await asker.ask(upstream, { method: 'POST', body: 'content' })
      assert.is(told.status, 200, told.detail)
      assert.is(told.record.reused, false)
    }
    upstream.close()
    await origin.drain({ graceMs: 0 })
  })

  test(`closing an upstream lets requests finish, and takes no more, ${protocol}`, async () => {
    const slow: (() => void)[] = []
    const origin = await listen(async () => {
      await new Promise<void>((resolve) => slow.push(resolve))
      return { kind: 'respond', status: 200 }
    })
    const upstream = asker.engine.upstream(toPort(protocol, origin.port))
    const asked = asker.ask(upstream)
    await until(5_000, 'the request', () => slow.length === 1)
    upstream.close()
    const late = await asker.ask(upstream)
    assert.is(late.code, 'upstream/unknown')
    slow.forEach((go) => go())
    assert.is((await asked).status, 200)
    await until(5_000, 'the end of the connection', () => {
      const { openUpstreamHttp1, openUpstreamHttp2, openUpstreamHttp3 } = asker.engine.stats().counts
      return openUpstreamHttp1 === 0 && openUpstreamHttp2 === 0 && openUpstreamHttp3 === 0
    })
    await origin.drain({ graceMs: 0 })
  })

  test(`the bounds of the pool hold: connections, and who may wait, ${protocol}`, async () => {
    const slow: (() => void)[] = []
    const origin = await listen(async () => {
      await new Promise<void>((resolve) => slow.push(resolve))
      return { kind: 'respond', status: 200 }
    })
    const upstream = asker.engine.upstream(
      toPort(protocol, origin.port, { pool: { maxConnections: 2, maxStreams: 1, maxWaiting: 1 } }),
    )
    // One after the other: both would wait for their first connections at once.
    const asked = [asker.ask(upstream)]
    await until(5_000, 'a request', () => slow.length === 1)
    asked.push(asker.ask(upstream))
    await until(5_000, 'two requests', () => slow.length === 2)
    asked.push(asker.ask(upstream))
    await until(5_000, 'a waiter', () => stats(upstream).waiting === 1)
    const refused = await asker.ask(upstream)
    assert.is(refused.code, 'overload/pool')
    assert.is(refused.status, 503)
    await until(5_000, 'the event', () => events('limit', upstream).some((event) => event.limit === 'pool.maxWaiting'))
    assert.is(stats(upstream).connections, 2)
    slow.splice(0).forEach((go) => go())
    await until(5_000, 'the third request', () => slow.length === 1)
    slow.splice(0).forEach((go) => go())
    for (const told of await Promise.all(asked)) assert.is(told.status, 200, told.detail)
    upstream.close()
    await origin.drain({ graceMs: 0 })
  })
}

const burst = (protocol: 'h2' | 'h3') => async () => {
  const slow: (() => void)[] = []
  const origin = await listen(
    async () => {
      await new Promise<void>((resolve) => slow.push(resolve))
      return { kind: 'respond', status: 200 }
    },
    { maxStreams: 2 },
  )
  const upstream = asker.engine.upstream(toPort(protocol, origin.port))
  const asked = Array.from({ length: 7 }, () => asker.ask(upstream))
  try {
    await until(2_000, 'all requests at once', () => slow.length === 7)
    const { connections } = stats(upstream)
    assert.ok(connections >= 4 && connections <= 7, `${connections} connections`)
    slow.forEach((go) => go())
    for (const told of await Promise.all(asked)) assert.is(told.status, 200, told.detail)
  } finally {
    upstream.close()
    await origin.drain({ graceMs: 0 })
    await Promise.all(asked)
  }
}

const burstName = 'more requests than a peer allows streams get more connections'
test(`${burstName}, h2`, burst('h2'))
test(`${burstName}, h3`, burst('h3'))

for (const [protocol, what, pool, limits] of [
  ['h2', 'may be made', { maxConnections: 1 }, {}],
  ['h3', 'may be made', { maxConnections: 1 }, {}],
  ['h2', 'is accepted', {}, { maxConnections: 1 }],
  ['h3', 'is accepted', {}, { maxConnections: 1 }],
] as const) {
  test(`where no other connection ${what}, requests beyond a peer's streams wait for their turn, ${protocol}`, async () => {
    const slow: (() => void)[] = []
    let most = 0
    const decide: Decide = async () => {
      await new Promise<void>((resolve) => (most = Math.max(most, slow.push(resolve))))
      return { kind: 'respond', status: 200 }
    }
    const origin = await listen(decide, { maxStreams: 2, ...limits })
    const upstream = asker.engine.upstream(toPort(protocol, origin.port, { pool }))
    const asked = Array.from({ length: 40 }, () => asker.ask(upstream))
    try {
      for (let answered = 0; answered < asked.length; answered += 2) {
        await until(2_000, `two requests after ${answered}`, () => slow.length === 2)
        slow.splice(0).forEach((go) => go())
      }
      for (const told of await Promise.all(asked)) assert.is(told.status, 200, told.detail)
      assert.is(most, 2)
      assert.equal([stats(upstream).active, stats(upstream).waiting, stats(upstream).connections], [0, 0, 1])
    } finally {
      upstream.close()
      await origin.drain({ graceMs: 0 })
      await Promise.all(asked)
    }
  })
}

test('a request that waits for a stream gives its place up when its client leaves, h3', async () => {
  const slow: (() => void)[] = []
  const decide: Decide = async () => {
    await new Promise<void>((resolve) => slow.push(resolve))
    return { kind: 'respond', status: 200 }
  }
  const origin = await listen(decide, { maxStreams: 1 })
  const upstream = asker.engine.upstream(toPort('h3', origin.port, { pool: { maxConnections: 1 } }))
  const first = asker.ask(upstream)
  await until(5_000, 'the first', () => slow.length === 1)
  const leaving = new AbortController()
  const second = asker.ask(upstream, { signal: leaving.signal }).catch(() => undefined)
  await until(5_000, 'the second in the queue', () => stats(upstream).waiting === 1)
  const third = asker.ask(upstream)
  await until(5_000, 'the third in the queue', () => stats(upstream).waiting === 2)
  leaving.abort()
  await second
  await until(5_000, 'the second gone', () => stats(upstream).waiting === 1)
  slow.splice(0).forEach((go) => go())
  await until(5_000, 'the third', () => slow.length === 1)
  slow.splice(0).forEach((go) => go())
  assert.equal([(await first).status, (await third).status], [200, 200])
  await until(5_000, 'nobody left', () => stats(upstream).active === 0)
  upstream.close()
  await origin.drain({ graceMs: 0 })
})

// --- the race between a request and the end of its connection ---

test('an idempotent request that meets the end of a kept connection is sent once more, a POST is reported', async () => {
  // Answers the first request of each connection, and cuts the connection when the second one comes.
  let second = 0
  const server = await tcpServer((socket) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (requests === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine')
      else {
        second += 1
        socket.resetAndDestroy()
      }
    })
  })
  const upstream = asker.engine.upstream({ origin: `http://127.0.0.1:${server.port}` })
  for (const method of ['GET', 'PUT', 'DELETE']) {
    assert.is((await asker.ask(upstream)).status, 200)
    const told = await asker.ask(upstream, { method })
    assert.is(told.status, 200, `${method}: ${told.detail}`)
    assert.is(told.record.attempts, 2)
    assert.is(told.record.reused, false)
  }
  await asker.once({ origin: `http://127.0.0.1:${server.port}` })
  const before = second
  const told = await asker.ask(upstream, { method: 'POST', body: 'content' })
  assert.match(told.code ?? '', /^upstream\/(closed|reset|truncated)$/)
  assert.is(told.status, 502)
  assert.is(told.record.attempts, 1)
  assert.is(second, before + 1)
  // An idempotent one whose content has flowed cannot be sent again.
  assert.is((await asker.ask(upstream)).status, 200)
  const put = await asker.ask(upstream, { method: 'PUT', body: Readable.from(['some ', 'content']) })
  assert.is(put.status, 502)
  assert.is(put.record.attempts, 1)
  upstream.close()
  await server.close()
})

test('a request on a new connection is not sent twice', async () => {
  let requests = 0
  const server = await tcpServer((socket) => {
    socket.on('data', () => {
      requests += 1
      socket.resetAndDestroy()
    })
  })
  const told = await asker.once({ origin: `http://127.0.0.1:${server.port}` })
  assert.match(told.code ?? '', /^upstream\/(closed|reset)$/)
  assert.is(requests, 1)
  await server.close()
})

test('streams that an HTTP/2 server refuses are sent once more, whatever their method', async () => {
  const { certificate: cert, key } = identity()
  let asked = 0
  const server = http2.createSecureServer({ cert, key })
  server.on('stream', (stream: http2.ServerHttp2Stream) => {
    asked += 1
    stream.on('error', () => {})
    // REFUSED_STREAM: RFC 9113 8.7, nothing was processed.
    if (asked === 1) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)
    else stream.respond({ ':status': 200 }, { endStream: true })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const told = await asker.once(toPort('h2', (server.address() as net.AddressInfo).port), { method: 'POST' })
  assert.is(told.status, 200, told.detail)
  assert.is(told.record.attempts, 2)
  await new Promise((resolve) => server.close(resolve))
})

// --- addresses and failures ---

for (const protocol of protocols) {
  const reach = (port: number, addresses: string[], more: Partial<UpstreamOptions> = {}): UpstreamOptions => ({
    ...toPort(protocol, port, more),
    addresses,
  })

  test(`an address that refuses costs nothing, ${protocol}`, async () => {
    const origin = await listen()
    const closed = await closedPort()
    const began = performance.now()
    const told = await asker.once(reach(origin.port, [`127.0.0.1:${closed}`, `127.0.0.1:${origin.port}`]))
    assert.is(told.status, 200, told.detail)
    assert.is(told.record.upstreamAddress, `127.0.0.1:${origin.port}`)
    // UDP tells of a refusal by ICMP, which QUIC ignores: a delay of the race.
    assert.ok(performance.now() - began < (protocol === 'h3' ? 1_500 : 1_000))
    await origin.drain({ graceMs: 0 })
  })

  test(`an address that is silent costs one delay of the race, ${protocol}`, async () => {
    const origin = await listen()
    const [hole, close] = await blackhole(protocol)
    const began = performance.now()
    const told = await asker.once(reach(origin.port, [hole, `127.0.0.1:${origin.port}`]))
    const ms = performance.now() - began
    assert.is(told.status, 200, told.detail)
    // RFC 8305 8: 250 ms.
    assert.ok(ms > 200 && ms < 1_500, `${ms} ms`)
    await close()
    await origin.drain({ graceMs: 0 })
  })

  test(`IPv6 that leads nowhere costs one delay of the race, ${protocol}`, async () => {
    const origin = await listen()
    // RFC 6666: the discard prefix. No route to it, or no answer from it.
    const told = await asker.once(reach(origin.port, ['[100::1]:9', `127.0.0.1:${origin.port}`]))
    assert.is(told.status, 200, told.detail)
    await origin.drain({ graceMs: 0 })
  })

  test(`a connection that cannot be made has its code, ${protocol}`, async () => {
    if (protocol !== 'h3') {
      const refused = await asker.once(reach(await closedPort(), ['127.0.0.1']))
      assert.is(refused.code, 'connect/refused')
      assert.is(refused.status, 502)
      const closing = await tcpServer((socket) => socket.destroy())
      assert.is((await asker.once(reach(closing.port, ['127.0.0.1']))).code, 'connect/closed')
      await closing.close()
    }
    const [hole, close] = await blackhole(protocol)
    const began = performance.now()
    const late = await asker.once(reach(1, [hole], { timeouts: { connectMs: 300 } }))
    const ms = performance.now() - began
    assert.is(late.code, 'connect/timeout', late.detail)
    assert.is(late.status, 504)
    assert.ok(ms > 250 && ms < 2_000, `${ms} ms`)
    await close()
    // RFC 6761 6.4: never resolves.
    const unknown = await asker.once({
      ...toPort(protocol, 1),
      origin: 'https://nowhere.invalid',
      addresses: undefined,
    })
    assert.is(unknown.code, 'connect/dns', unknown.detail)
    assert.is(unknown.status, 502)
    assert.is(asker.engine.errors.get('connect/dns')?.fault, 'config')
  })

  test(`an answer that does not begin, or stops, ends in time, ${protocol}`, async () => {
    const origin = await startOrigin(protocol, (request, response) => {
      request.resume()
      if (request.url === '/stops') response.write('some')
    })
    const upstream = asker.engine.upstream(toOrigin(origin, protocol, { timeouts: { firstByteMs: 200, idleMs: 200 } }))
    for (const [path, code, status] of [
      ['/silent', 'timeout/first-byte', 504],
      ['/stops', 'timeout/idle', 200],
    ] as const) {
      // prettier-ignore
      const began = performance.now()
      const told = await asker.ask(upstream, { path })
      const ms = performance.now() - began
      assert.is(told.code, code, told.detail)
      assert.is(told.status, status)
      assert.ok(ms > 190 && ms < 3_000, `${path} ${ms} ms`)
    }
    upstream.close()
    await origin.close()
  })
}

/** An address that takes what is sent and answers nothing. */
async function blackhole(protocol: Protocol): Promise<[string, () => Promise<void>]> {
  if (protocol === 'h3') {
    const hole = await silence()
    return [`127.0.0.1:${hole.port}`, async () => hole.close()]
  }
  // A listener whose queue is full drops what comes: nobody accepts, and the queue holds two.
  const { fullQueue } = await import('../support/queue.ts')
  const full = await fullQueue()
  return [`127.0.0.1:${full.port}`, full.close]
}

// --- preference and fallback ---

type Front = { relay: Relay; options(more?: Partial<UpstreamOptions>): UpstreamOptions }

/** An origin whose UDP goes through a relay on another port, so that it can be blocked alone. */
async function withFront(body: (front: Front) => Promise<void>): Promise<void> {
  const origin = await listen()
  // TCP at the relay's number, so that one origin has both: a second listener of TCP alone.
  let relay = await startRelay({ to: origin.port })
  const tcp = await until(5_000, 'a number that is free for both', async () => {
    try {
      return await origins.engine.listen({ address: '127.0.0.1', port: relay.port, tcp: { tls: tls() } }, fine)
    } catch {
      await relay.close()
      relay = await startRelay({ to: origin.port })
      return undefined
    }
  })
  const options: Front['options'] = (more = {}) => ({
    ...toPort('h3', relay.port),
    protocols: ['h3', 'h2', 'h1'],
    timeouts: { headStartMs: 150, reprobeMs: 100, reprobeMaxMs: 400, connectMs: 600, ...more.timeouts },
    ...('fallback' in more ? { fallback: more.fallback } : {}),
  })
  try {
    await body({ relay, options })
  } finally {
    await relay.close()
    await tcp.drain({ graceMs: 0 })
    await origin.drain({ graceMs: 0 })
  }
}

test('HTTP/3 is preferred where it works', async () => {
  await withFront(async ({ options }) => {
    const upstream = asker.engine.upstream(options())
    for (let turn = 0; turn < 3; turn++) assert.is((await asker.ask(upstream)).record.protocolOut, 30)
    assert.equal(events('fallback', upstream), [])
    upstream.close()
  })
})

test('where HTTP/3 is blocked TCP wins after the head start, it is remembered, probed, and recovered', async () => {
  await withFront(async ({ relay, options }) => {
    relay.blackhole(true)
    const upstream = asker.engine.upstream(options())
    const began = performance.now()
    const first = await asker.ask(upstream)
    const ms = performance.now() - began
    assert.is(first.status, 200, first.detail)
    assert.is(first.record.protocolOut, 20)
    assert.ok(ms > 140 && ms < 1_500, `${ms} ms`)
    const [fallback] = await until(5_000, 'the event', () => {
      const seen = events('fallback', upstream)
      return seen.length > 0 && seen
    })
    assert.equal([fallback?.from, fallback?.to, fallback?.code], ['h3', 'h2', 'connect/timeout'])
    assert.ok((fallback?.nextMs ?? 0) >= 80 && (fallback?.nextMs ?? 0) <= 120, `${fallback?.nextMs} ms`)
    assert.is(
      (asker.engine.stats().upstreams[String(upstream.id)] as { http3: { usable: boolean } }).http3.usable,
      false,
    )
    // Remembered: a new connection goes to TCP without the head start. Asked often, to be quick at least once.
    const quick: number[] = []
    for (let turn = 0; turn < 3; turn++) {
      const start = performance.now()
      const told = await asker.ask(upstream)
      assert.is(told.record.protocolOut, 20)
      quick.push(performance.now() - start)
    }
    assert.ok(Math.min(...quick) < 140, String(quick))

    const failed = await until(10_000, 'failed probes', () => {
      const seen = events('reprobe', upstream).filter((event) => !event.ok)
      return seen.length >= 3 && seen
    })
    const waits = failed.slice(0, 3).map((event) => event.nextMs)
    for (const [index, expected] of [200, 400, 400].entries()) {
      const wait = waits[index] ?? 0
      assert.ok(wait >= expected * 0.85 && wait <= expected * 1.15, String(waits))
    }
    assert.is(events('fallback', upstream).length, 1)
    relay.blackhole(false)
    await until(10_000, 'the probe that succeeds', () => events('reprobe', upstream).some((event) => event.ok))
    const told = await until(5_000, 'a request over HTTP/3', async () => {
      const again = await asker.ask(upstream)
      return again.record.protocolOut === 30 && again
    })
    assert.is(told.status, 200)
    upstream.close()
  })
})

test('a fallback that has been remembered spares new connections the head start', async () => {
  await withFront(async ({ relay, options }) => {
    relay.blackhole(true)
    const upstream = asker.engine.upstream({ ...options({ timeouts: { headStartMs: 400, reprobeMs: 60_000, reprobeMaxMs: 60_000 } }), pool: { maxStreams: 1 } }) // prettier-ignore
    assert.is((await asker.ask(upstream)).record.protocolOut, 20)
    const began = performance.now()
    // More than one at once, so that new connections are made.
    const told = await Promise.all([1, 2, 3, 4].map(() => asker.ask(upstream)))
    const ms = performance.now() - began
    assert.equal(
      told.map((one) => one.record.protocolOut),
      [20, 20, 20, 20],
    )
    assert.ok(stats(upstream).connections > 1)
    assert.ok(ms < 390, `${ms} ms`)
    upstream.close()
  })
})

test('without fallback, HTTP/3 that cannot connect is the failure', async () => {
  await withFront(async ({ relay, options }) => {
    relay.blackhole(true)
    const upstream = asker.engine.upstream(options({ fallback: false }))
    const told = await asker.ask(upstream)
    assert.is(told.code, 'connect/timeout', told.detail)
    assert.match(told.detail, /quic/)
    assert.equal(events('fallback', upstream), [])
    relay.blackhole(false)
    assert.is((await asker.ask(upstream)).record.protocolOut, 30)
    upstream.close()
  })
})

for (const [protocols, to, version] of [
  [['h1', 'h2'], 'h2', 20],
  [['h1'], 'h1', 11],
] as const) {
  test(`an origin without UDP that speaks ${protocols.join(' and ')} over TLS is reached, and the fallback told`, async () => {
    const origin = await origins.engine.listen(
      { address: '127.0.0.1', port: 0, tcp: { tls: tls(), protocols } },
      (head) => ({ kind: 'respond', status: 200, body: String(head.tls) }),
    )
    const upstream = asker.engine.upstream({ ...toPort('h3', origin.port), protocols: ['h3', 'h2', 'h1'], timeouts: { connectMs: 600 } }) // prettier-ignore
    const told = await asker.ask(upstream)
    assert.equal([told.status, told.record.protocolOut, told.body], [200, version, 'true'])
    const fallback = await until(5_000, 'the event', () => events('fallback', upstream)[0])
    assert.equal([fallback.from, fallback.to], ['h3', to])
    upstream.close()
    await origin.drain({ graceMs: 0 })
  })
}

test('no fallback leads to plain text', async () => {
  const heard: Buffer[] = []
  const server = await tcpServer((socket) => {
    socket.once('data', (bytes: Buffer) => {
      heard.push(bytes)
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
    })
  })
  const upstream = asker.engine.upstream({ ...toPort('h3', server.port), protocols: ['h3', 'h2', 'h1'], timeouts: { connectMs: 600 } }) // prettier-ignore
  const told = await asker.ask(upstream)
  assert.match(told.code ?? '', /^(tls|connect)\//)
  // RFC 8446 5.1: each connection begins with a handshake record
  assert.ok(heard.length > 0)
  assert.ok(heard.every((bytes) => bytes[0] === 22))
  upstream.close()
  await server.close()
})

test('a certificate that is wrong is no reason to fall back', async () => {
  await withFront(async ({ options }) => {
    const given = options()
    const upstream = asker.engine.upstream({ ...given, tls: { ...given.tls, serverName: 'other.test' } })
    const told = await asker.ask(upstream)
    assert.is(told.code, 'tls/name-mismatch')
    upstream.close()
  })
})

test('an http origin stays without TLS, and an https origin never goes without', async () => {
  const versions: string[] = []
  const server = http.createServer((request, response) => {
    versions.push(`${request.httpVersion} ${String(request.headers['upgrade'] ?? '')}`)
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const told = await asker.once({ origin: `http://127.0.0.1:${port}` })
  assert.is(told.record.protocolOut, 11)
  assert.equal(versions, ['1.1 '])
  const closed = await asker.once({ ...toPort('h3', port), protocols: ['h3', 'h2', 'h1'], timeouts: { headStartMs: 50, connectMs: 500 } }) // prettier-ignore
  assert.match(closed.code ?? '', /^(tls|connect)\//)
  assert.is(versions.length, 1)
  assert.throws(() => asker.engine.upstream({ origin: 'http://localhost', protocols: ['h3', 'h1'] }), /h3/)
  await new Promise((resolve) => server.close(resolve))
})

// --- peers that are gone ---

test('GOAWAY of an upstream is seen, and told', async () => {
  for (const protocol of ['h2', 'h3'] as const) {
    const slow: (() => void)[] = []
    const origin = await listen(async () => {
      await new Promise<void>((resolve) => slow.push(resolve))
      return { kind: 'respond', status: 200 }
    })
    const upstream = asker.engine.upstream(toPort(protocol, origin.port))
    const asked = asker.ask(upstream)
    await until(5_000, 'the request', () => slow.length === 1)
    const drained = origin.drain({ graceMs: 10_000 })
    await until(10_000, 'the event', () => events('goaway', upstream).length === 1)
    const [event] = events('goaway', upstream)
    assert.equal([event?.sent, event?.protocol], [false, protocol === 'h2' ? 20 : 30])
    slow.forEach((go) => go())
    assert.is((await asked).status, 200)
    await drained
    upstream.close()
  }
})

test.run()
