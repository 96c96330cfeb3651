// Drain: no new connections, GOAWAY, requests under way finish until the grace ends, late ones fail at once.
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import * as assert from 'uvu/assert'
import type { Decide, Drained, EngineEvent, Listener, Protocol } from '../../quic/index.ts'
import { startAsker, toPort } from '../support/asker.ts'
import type { Asker } from '../support/asker.ts'
import { until, within } from '../support/deadline.ts'
import { identity, listenFor, portOf, protocols, startClient, watchedEngine } from '../support/rig.ts'
import type { Client, Watched } from '../support/rig.ts'
import { startRelay } from '../support/relay.ts'
import { suite } from '../support/suite.ts'

const test = suite('drain')
let asker: Asker
test.before(async () => {
  asker = await startAsker()
})
test.after(async () => asker.close())

type Held = Watched & {
  listener: Listener
  client: Client
  port: number
  /** Lets the requests for /slow be answered. */
  release(): void
  waiting(): number
  of<T extends EngineEvent['type']>(type: T): Extract<EngineEvent, { type: T }>[]
}

/** A listener that holds the answers for /slow back, and a client that is connected to it. */
async function withHeld(protocol: Protocol, body: (held: Held) => Promise<void>): Promise<void> {
  const watched = await watchedEngine()
  const slow: (() => void)[] = []
  const decide: Decide = async (head) => {
    if (head.target === '/slow') await new Promise<void>((resolve) => slow.push(resolve))
    return { kind: 'respond', status: 200, body: 'whole' }
  }
  const listener = await listenFor(watched.engine, protocol, decide)
  const port = portOf(listener, protocol)
  const client = await startClient(protocol, port)
  const of: Held['of'] = (type) =>
    watched.events.filter((event): event is Extract<EngineEvent, { type: typeof type }> => event.type === type)
  try {
    const first = await client.send({})
    assert.is(String(await first.bytes()), 'whole')
    await until(5_000, 'the record', () => watched.records.length === 1)
    await body({ ...watched, listener, client, port, release: () => slow.splice(0).forEach((go) => go()), waiting: () => slow.length, of }) // prettier-ignore
  } finally {
    slow.splice(0).forEach((go) => go())
    await client.close()
    await watched.engine.stop({ graceMs: 0 })
  }
}

async function refusedTcp(port: number): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
    socket.once('connect', () => {
      socket.destroy()
      resolve('connected')
    })
  })
}

for (const protocol of protocols) {
  test(`a request under way is finished, and new connections are refused at once, ${protocol}`, async () => {
    await withHeld(protocol, async (held) => {
      const slow = held.client.send({ path: '/slow' })
      await until(5_000, 'the request', () => held.waiting() === 1)
      let ended: Drained | undefined
      const drained = held.listener.drain({ graceMs: 30_000 }).then((result) => (ended = result))
      // Refused, not ignored: long before any time-out of the client's.
      const began = performance.now()
      if (protocol === 'h3') {
        await until(5_000, 'a GOAWAY', () => held.of('goaway').length > 0)
        const told = await asker.once({ ...toPort('h3', held.port), timeouts: { connectMs: 5_000 } })
        assert.is(told.code, 'connect/refused', told.detail)
      } else {
        await until(5_000, 'a refusal', async () => (await refusedTcp(held.port)) === 'ECONNREFUSED')
      }
      assert.ok(performance.now() - began < 2_000, `${performance.now() - began} ms`)
      if (protocol !== 'h1') {
        const [goaway] = await until(5_000, 'the GOAWAY', () => held.of('goaway').length > 0 && held.of('goaway'))
        assert.is(goaway?.sent, true)
        assert.is(goaway?.listener, held.listener.id)
        assert.is(goaway?.protocol, protocol === 'h2' ? 20 : 30)
      }
      assert.is(ended, undefined)
      held.release()
      const reply = await within(5_000, 'the answer', slow)
      assert.is(reply.status, 200)
      assert.is(String(await reply.bytes()), 'whole')
      assert.equal(await within(5_000, 'the drain', drained), { finished: 1, cut: 0 })
      await until(5_000, 'the records', () => held.records.length === 2)
      assert.equal(
        held.records.map((record) => record.code),
        [undefined, undefined],
      )
      await until(5_000, 'the event', () => held.of('listener-down').length === 1)
      assert.is(held.of('listener-down')[0]?.cut, 0)
    })
  })

  test(`what is left when the grace ends is cut, and counted, ${protocol}`, async () => {
    await withHeld(protocol, async (held) => {
      const slow = [1, 2, 3].map(() => held.client.send({ path: '/slow' }).then((reply) => reply.status, () => 'failed')) // prettier-ignore
      await until(5_000, 'the requests', () => held.waiting() === 3)
      const began = performance.now()
      const drained = await within(5_000, 'the drain', held.listener.drain({ graceMs: 300 }))
      assert.ok(performance.now() - began >= 290)
      assert.equal(drained, { finished: 0, cut: 3 })
      await until(5_000, 'the records', () => held.records.length === 4)
      const cut = held.records.slice(1).map((record) => `${record.code} ${record.status}`)
      assert.equal(cut, ['drain/cut 503', 'drain/cut 503', 'drain/cut 503'])
      await until(5_000, 'the event', () => held.of('listener-down').length === 1)
      assert.is(held.of('listener-down')[0]?.cut, 3)
      assert.equal(await within(5_000, 'the answers', Promise.all(slow)), [503, 503, 503])
    })
  })

  test(`an answer in the middle of its body is cut when the grace ends, and seen to be, ${protocol}`, async () => {
    const watched = await watchedEngine()
    const endless = async function* () {
      yield 'a piece'
      await new Promise(() => {})
    }
    const listener = await listenFor(watched.engine, protocol, () => ({
      kind: 'respond',
      status: 200,
      body: endless(),
    }))
    const client = await startClient(protocol, portOf(listener, protocol))
    const reply = await client.send({})
    assert.is(reply.status, 200)
    const bytes = reply.bytes().then(String, () => 'cut')
    const drained = await within(5_000, 'the drain', listener.drain({ graceMs: 50 }))
    assert.equal(drained, { finished: 0, cut: 1 })
    assert.is(await within(5_000, 'the end', bytes), 'cut')
    await until(5_000, 'the record', () => watched.records.length === 1)
    assert.is(watched.records[0]?.code, 'drain/cut')
    await client.close()
    await watched.engine.stop({ graceMs: 0 })
  })

  test(`an idle connection is closed at once, and the port is free again, ${protocol}`, async () => {
    await withHeld(protocol, async (held) => {
      const began = performance.now()
      assert.equal(await within(5_000, 'the drain', held.listener.drain({ graceMs: 20_000 })), { finished: 0, cut: 0 })
      assert.ok(performance.now() - began < 2_000, `${performance.now() - began} ms`)
      const quic = protocol === 'h3'
      const tls = { identities: [{ certificate: identity().certificate, key: identity().key }] }
      const again = await held.engine.listen(
        { address: '127.0.0.1', port: held.port, ...(quic ? { quic: { tls } } : { tcp: { tls } }) },
        () => ({ kind: 'respond', status: 204 }),
      )
      assert.is(portOf(again, protocol), held.port)
      assert.is((await asker.once(toPort(protocol, held.port))).status, 204)
    })
  })

  test(`drains of one listener leave others alone, ${protocol}`, async () => {
    await withHeld(protocol, async (held) => {
      const other = await listenFor(held.engine, protocol, () => ({ kind: 'respond', status: 200 }))
      const client = await startClient(protocol, portOf(other, protocol))
      assert.is((await client.send({})).status, 200)
      await within(5_000, 'the drain', held.listener.drain({ graceMs: 1_000 }))
      assert.is((await client.send({})).status, 200)
      await client.close()
    })
  })

  test(`while one origin drains and another takes over, no request is lost, ${protocol}`, async () => {
    const origins = await watchedEngine()
    let served = 0
    const decide: Decide = async () => {
      served += 1
      await new Promise((resolve) => setImmediate(resolve))
      return { kind: 'respond', status: 200, body: 'x'.repeat(1000) }
    }
    const tls = { identities: [{ certificate: identity().certificate, key: identity().key }] }
    const start = async () => origins.engine.listen({ address: '127.0.0.1', port: 0, tcp: { tls }, quic: {} }, decide)
    let [current, next] = [await start(), await start()]
    const upstream = asker.engine.upstream({
      ...toPort(protocol, current.port),
      addresses: [`127.0.0.1:${current.port}`, `127.0.0.1:${next.port}`],
    })
    const ended = new AbortController()
    const wrong: string[] = []
    const loop = async (method: string) => {
      while (!ended.signal.aborted) {
        const told = await asker.ask(upstream, { method, ...(method === 'POST' ? { body: 'content' } : {}) })
        if (told.status !== 200 || told.body.length !== 1000) {
          wrong.push(`${method} ${told.status} ${told.code} ${told.detail} attempts ${told.record.attempts}`)
        }
      }
    }
    const loops = ['GET', 'GET', 'GET', 'PUT', 'GET'].map(loop)
    for (let turn = 0; turn < 3; turn++) {
      const before = served
      await until(10_000, 'requests', () => served > before + 100)
      const address = { address: '127.0.0.1', port: current.port }
      await within(10_000, 'the drain', current.drain({ graceMs: 5_000 }))
      // The next to drain is the one that serves; the first is up again meanwhile.
      const again = await origins.engine.listen({ ...address, tcp: { tls }, quic: {} }, decide)
      ;[current, next] = [next, again]
    }
    ended.abort()
    await Promise.all(loops)
    assert.equal(wrong, [])
    upstream.close()
    await origins.engine.stop({ graceMs: 0 })
  })
}

test('a stop sees a listener that drains already to its end', async () => {
  await withHeld('h1', async (held) => {
    const slow = held.client.send({ path: '/slow' })
    await until(5_000, 'the request', () => held.waiting() === 1)
    const drained = held.listener.drain({ graceMs: 20_000 })
    await until(5_000, 'a refusal', async () => (await refusedTcp(held.port)) === 'ECONNREFUSED')
    const stopped = held.engine.stop({ graceMs: 20_000 })
    held.release()
    const reply = await within(5_000, 'the answer', slow)
    assert.is(String(await reply.bytes()), 'whole')
    assert.equal(await within(5_000, 'the stop', stopped), { cut: 0 })
    assert.equal(await within(5_000, 'the drain', drained), { finished: 1, cut: 0 })
  })
})

test('the grace of a stop ends that of a drain before it, and what is cut counts', async () => {
  await withHeld('h1', async (held) => {
    const slow = held.client.send({ path: '/slow' })
    await until(5_000, 'the request', () => held.waiting() === 1)
    void held.listener.drain({ graceMs: 60_000 })
    await until(5_000, 'a refusal', async () => (await refusedTcp(held.port)) === 'ECONNREFUSED')
    assert.equal(await within(5_000, 'the stop', held.engine.stop({ graceMs: 100 })), { cut: 1 })
    assert.is((await within(5_000, 'the answer', slow)).status, 503)
  })
})

test('HTTP/1.1 answers during the drain say connection: close, and the connection ends', async () => {
  await withHeld('h1', async (held) => {
    const agent = new http.Agent({ keepAlive: true })
    const answer = new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ port: held.port, host: '127.0.0.1', path: '/slow', agent }, resolve).on('error', reject)
    })
    await until(5_000, 'the request', () => held.waiting() === 1)
    const drained = held.listener.drain({ graceMs: 20_000 })
    await until(5_000, 'a refusal', async () => (await refusedTcp(held.port)) === 'ECONNREFUSED')
    held.release()
    const response = await answer
    assert.is(response.headers.connection, 'close')
    const { socket } = response
    const closed = new Promise((resolve) => socket.once('close', resolve))
    response.resume()
    await within(5_000, 'the end of the connection', closed)
    assert.equal(await drained, { finished: 1, cut: 0 })
    agent.destroy()
  })
})

test('HTTP/2 clients see a GOAWAY without an error, and the stream that they had opened is answered', async () => {
  await withHeld('h2', async (held) => {
    const session = http2.connect(`https://127.0.0.1:${held.port}`, { ca: identity().ca })
    const goaways: [number, number][] = []
    session.on('goaway', (code, last) => goaways.push([code, last]))
    const stream = session.request({ ':path': '/slow' })
    const status = new Promise((resolve, reject) =>
      stream.once('response', (head) => resolve(head[':status'])).once('error', reject),
    )
    await until(5_000, 'the request', () => held.waiting() === 1)
    const drained = held.listener.drain({ graceMs: 20_000 })
    await until(5_000, 'the GOAWAY that names the last stream', () => goaways.at(-1)?.[1] === stream.id)
    for (const [code] of goaways) assert.is(code, 0)
    held.release()
    assert.is(await within(5_000, 'the answer', status), 200)
    stream.resume()
    await within(5_000, 'the drain', drained)
    await until(5_000, 'the end of the session', () => session.destroyed)
  })
})

test('an HTTP/2 stream above the last one of the GOAWAY is never answered by the policy', async () => {
  await withHeld('h2', async (held) => {
    const socket = await rawHttp2(held.port)
    const frames: Frame[] = []
    socket.on('data', collect(frames))
    const get = (id: number, path: string) => headers(id, path)
    socket.write(get(1, '/slow'))
    await until(5_000, 'the request', () => held.waiting() === 1)
    const drained = held.listener.drain({ graceMs: 20_000 })
    const ping = await until(5_000, 'the ping', () => frames.find((frame) => frame.type === 6 && !(frame.flags & 1)))
    // RFC 9113 6.8: what came before the round trip is over is still taken.
    socket.write(get(3, '/slow'))
    await until(5_000, 'the second request', () => held.waiting() === 2)
    socket.write(frame(6, 1, 0, ping.payload))
    const last = await until(5_000, 'the last GOAWAY', () =>
      frames.find((one) => one.type === 7 && one.payload.readUInt32BE(0) < 0x7fff_ffff),
    )
    assert.is(last.payload.readUInt32BE(0), 3)
    assert.is(last.payload.readUInt32BE(4), 0)
    socket.write(get(5, '/slow'))
    // An acknowledged ping says that the stream before it was seen.
    socket.write(frame(6, 0, 0, Buffer.from('12345678')))
    await until(5_000, 'the pong', () => frames.some((one) => one.type === 6 && one.payload.toString() === '12345678'))
    assert.is(held.waiting(), 2)
    held.release()
    assert.equal(await within(5_000, 'the drain', drained), { finished: 1, cut: 0 })
    assert.equal(frames.filter((one) => one.type === 1).map((one) => one.id).toSorted((one, other) => one - other), [1, 3]) // prettier-ignore
    socket.destroy()
  })
})

test('a late HTTP/3 request on a connection that was sent GOAWAY is rejected at once, and sent elsewhere', async () => {
  await withHeld('h3', async (held) => {
    const elsewhere = await listenFor(held.engine, 'h3', () => ({ kind: 'respond', status: 202 }))
    const relay = await startRelay({ to: held.port })
    const upstream = asker.engine.upstream({
      ...toPort('h3', relay.port),
      addresses: [`127.0.0.1:${relay.port}`, `127.0.0.1:${portOf(elsewhere, 'h3')}`],
    })
    assert.is((await asker.ask(upstream)).status, 200)
    // Keeps the connection open while the listener drains.
    const slow = asker.ask(upstream, { path: '/slow' })
    await until(5_000, 'the request', () => held.waiting() === 1)
    // The client does not see the GOAWAY before it has sent its request.
    relay.blackhole(true, 'down')
    const drained = held.listener.drain({ graceMs: 20_000 })
    await until(5_000, 'the GOAWAY', () => held.of('goaway').length >= 2)
    const sent = relay.up.forwarded
    const late = asker.ask(upstream, { path: '/late' })
    await until(5_000, 'the request', () => relay.up.forwarded > sent)
    relay.blackhole(false, 'down')
    const told = await within(5_000, 'the late answer', late)
    assert.is(told.status, 202, told.detail)
    assert.is(told.record.attempts, 2)
    held.release()
    assert.is((await within(5_000, 'the slow answer', slow)).status, 200)
    assert.is((await drained).cut, 0)
    // Nothing of it reached the policy of the listener that drains.
    await until(5_000, 'the records', () => held.records.filter((record) => record.listener === held.listener.id).length === 3) // prettier-ignore
    upstream.close()
    await relay.close()
  })
})

test('stop drains all listeners at once, and says how many exchanges were cut', async () => {
  const watched = await watchedEngine()
  let waiting = 0
  const decide: Decide = async () => {
    waiting += 1
    return new Promise(() => {})
  }
  const clients: Client[] = []
  const asked: Promise<unknown>[] = []
  for (const protocol of protocols) {
    const listener = await listenFor(watched.engine, protocol, decide)
    const client = await startClient(protocol, portOf(listener, protocol))
    clients.push(client)
    asked.push(client.send({}).then(() => {}, () => {})) // prettier-ignore
  }
  await until(5_000, 'the requests', () => waiting === 3)
  const began = performance.now()
  assert.equal(await within(10_000, 'the stop', watched.engine.stop({ graceMs: 300 })), { cut: 3 })
  const ms = performance.now() - began
  assert.ok(ms >= 290 && ms < 3_000, `${ms} ms`)
  assert.equal(
    watched.records.map((record) => record.code),
    ['drain/cut', 'drain/cut', 'drain/cut'],
  )
  await Promise.all(asked)
  for (const client of clients) await client.close()
})

// --- HTTP/2 by hand ---

type Frame = { type: number; flags: number; id: number; payload: Buffer }

function frame(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

/** A GET as one HEADERS frame: indexed fields, and literals that are not indexed (RFC 7541 6). */
function headers(id: number, path: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
  return frame(1, 5, id, Buffer.concat([Buffer.from([0x82, 0x87, 0x04]), text(path), Buffer.from([0x01]), text('localhost')])) // prettier-ignore
}

function collect(frames: Frame[]): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3)
      frames.push({ type: rest[3] ?? 0, flags: rest[4] ?? 0, id: rest.readUInt32BE(5), payload: rest.subarray(9, end) })
      rest = rest.subarray(end)
    }
  }
}

async function rawHttp2(port: number): Promise<net.Socket> {
  const { connect } = await import('node:tls')
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: identity().ca, ALPNProtocols: ['h2'] })
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0)), frame(4, 1, 0, Buffer.alloc(0))])) // prettier-ignore
  return socket
}

test.run()
