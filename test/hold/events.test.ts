// What the engine tells about itself: one right record for each exchange, events, and numbers that add up.
// deadline: 120 s
import net from 'node:net'
import tls from 'node:tls'
import * as assert from 'uvu/assert'
import { startEngine } from '../../quic/index.ts'
import type { Decide, Decision, ExchangeRecord, Listener, Protocol } from '../../quic/index.ts'
import { until, within } from '../support/deadline.ts'
import {
  identity,
  listenFor,
  pairs,
  portOf,
  protocols,
  startClient,
  startOrigin,
  toOrigin,
  watchedEngine,
  withRig,
} from '../support/rig.ts'
import type { Handler } from '../support/rig.ts'
import { endStream, headers, reset } from '../support/frames.ts'
import { suite } from '../support/suite.ts'
import { connect, connectHttp2 } from '../support/wire.ts'

const test = suite('events, records and numbers')

const version = { h1: 11, h2: 20, h3: 30 } as const
const suffix = { h1: 'Http1', h2: 'Http2', h3: 'Http3' } as const

/** Times count up, in the order of what they say, and nothing lies after the end. */
function assertTimes(record: ExchangeRecord, wallMs: number): void {
  const { decidedMs, connectedMs, firstByteMs, endMs } = record
  const times = [0, decidedMs, connectedMs, firstByteMs, endMs].filter((time) => time !== undefined)
  assert.equal(
    times,
    [...times].sort((a, b) => a - b),
    'times count up',
  )
  assert.ok(endMs !== undefined && endMs <= wallMs, `${endMs} ms of ${wallMs}`)
  assert.ok(Math.abs(Date.now() - record.acceptedMs - (endMs ?? 0)) < 10_000, 'accepted is in Unix time')
}

const echo: Handler = (request, response) => {
  let bytes = 0
  request.on('data', (chunk: Buffer) => (bytes += chunk.length))
  request.on('end', () => response.writeHead(201).end('y'.repeat(bytes * 2)))
}

for (const { from, to, name } of pairs) {
  test(`the record of a complete exchange tells all of it, ${name}`, async () => {
    await withRig({ from, to, handler: echo }, async (rig) => {
      const began = performance.now()
      for (let count = 1; count <= 2; count += 1) {
        const reply = await rig.client.send({ method: 'POST', body: 'x'.repeat(70_000) })
        assert.is((await reply.bytes()).length, 140_000)
        await rig.record(count)
      }
      const [first, second] = rig.records
      if (first === undefined || second === undefined) throw new Error('no records')
      for (const record of [first, second]) {
        assertTimes(record, performance.now() - began)
        assert.ok(
          record.decidedMs !== undefined && record.connectedMs !== undefined && record.firstByteMs !== undefined,
        )
        const { id: _id, connection: _connection, acceptedMs: _at, decidedMs: _d, connectedMs: _c, ...rest } = record
        const { firstByteMs: _f, endMs: _e, reused: _reused, ...said } = rest
        assert.equal(said, {
          listener: rig.listener.id,
          upstream: rig.upstream.id,
          protocolIn: version[from],
          protocolOut: version[to],
          status: 201,
          bytesIn: 70_000,
          bytesOut: 140_000,
          attempts: 1,
          code: undefined,
          detail: '',
          wireCode: undefined,
          upstreamAddress: `127.0.0.1:${rig.origin.port}`,
        })
      }
      assert.is.not(first.id, second.id)
      assert.is(first.connection, second.connection)
      assert.equal([first.reused, second.reused], [false, true])

      const { counts } = rig.engine.stats()
      assert.is(counts['exchanges'], 2)
      assert.is(counts['openExchanges'], 0)
      assert.is(counts['failedExchanges'], 0)
      assert.is(counts['bytesIn'], 140_000)
      assert.is(counts['bytesOut'], 280_000)
      assert.is(counts['reused'], 1)
      assert.is(counts['owedByPolicy'], 0)
      for (const one of protocols) {
        assert.is(counts[`accepted${suffix[one]}`], one === from ? 1 : 0, `accepted ${one}`)
        assert.is(counts[`open${suffix[one]}`], one === from ? 1 : 0, `open ${one}`)
        assert.is(counts[`connected${suffix[one]}`], one === to ? 1 : 0, `connected ${one}`)
        assert.is(counts[`openUpstream${suffix[one]}`], one === to ? 1 : 0, `open to upstreams ${one}`)
      }
      await rig.client.close()
      await until(5_000, 'the end of the connection', () => rig.engine.stats().counts[`open${suffix[from]}`] === 0)
      rig.upstream.close()
      await until(5_000, 'the end of its pool', () => rig.engine.stats().counts[`openUpstream${suffix[to]}`] === 0)
    })
  })

  test(`the record of an answer that failed tells how far it came, ${name}`, async () => {
    let cut: () => void = () => undefined
    const handler: Handler = (request, response) => {
      response.writeHead(200)
      response.write('z'.repeat(1_000))
      cut = () => {
        // HTTP/2 error code INTERNAL_ERROR
        if ('stream' in response && response.stream) (response.stream as { close(code: number): void }).close(2)
        else request.socket.destroy()
      }
    }
    await withRig({ from, to, handler }, async (rig) => {
      const began = performance.now()
      const reply = await rig.client.send({})
      reply.body.on('error', () => undefined)
      reply.body.once('data', () => cut())
      const record = await rig.record()
      assertTimes(record, performance.now() - began)
      assert.equal(
        [record.status, record.bytesIn, record.bytesOut, record.protocolOut, record.attempts],
        [200, 0, 1_000, version[to], 1],
      )
      assert.is(record.upstreamAddress, `127.0.0.1:${rig.origin.port}`)
      assert.match(record.code ?? '', to === 'h1' ? /^upstream\/(truncated|closed)$/ : /^upstream\/reset$/)
      assert.is(rig.engine.errors.get(record.code ?? '')?.fault, 'upstream')
      // RFC 9113 7 INTERNAL_ERROR, RFC 9114 8.1 H3_INTERNAL_ERROR
      assert.is(record.wireCode, { h1: undefined, h2: 2, h3: 0x102 }[to])
      assert.is(rig.engine.stats().counts['failedExchanges'], 1)
    })
  })

  test(`the record of a client that left says so, ${name}`, async () => {
    const handler: Handler = (_request, response) => {
      response.on('error', () => undefined)
    }
    await withRig({ from, to, handler }, async (rig) => {
      const leave = new AbortController()
      const sent = rig.client
        .send({ method: 'POST', body: 'x'.repeat(500), signal: leave.signal })
        .catch(() => undefined)
      await until(5_000, 'the request', () => {
        const { upstreams } = rig.engine.stats()
        return (upstreams[String(rig.upstream.id)] as { active: number }).active === 1
      })
      leave.abort()
      await sent
      const record = await rig.record()
      assert.equal([record.code, record.status, record.bytesOut], ['client/cancelled', 0, 0])
      assert.is(record.firstByteMs, undefined)
      assert.is(record.protocolOut, version[to])
      assert.is(rig.engine.errors.get('client/cancelled')?.fault, 'client')
    })
  })
}

for (const to of protocols) {
  test(`the record of an upstream that cannot be reached says why, ${to}`, async () => {
    const origin = await startOrigin(to, echo)
    await origin.close()
    const { engine, records } = await watchedEngine()
    try {
      const upstream = engine.upstream(toOrigin(origin, to, { timeouts: { connectMs: 500 } }))
      const listener = await listenFor(engine, 'h1', (head) => ({
        kind: 'forward',
        upstream,
        authority: head.authority,
      }))
      const client = await startClient('h1', listener.port)
      const reply = await client.send({})
      await reply.bytes()
      await until(5_000, 'the record', () => records.length === 1)
      const [record] = records
      // nobody tells that a UDP port is closed
      assert.is(record?.code, to === 'h3' ? 'connect/timeout' : 'connect/refused')
      assert.is(record?.status, to === 'h3' ? 504 : 502)
      assert.is(reply.status, record?.status)
      assert.equal([record?.attempts, record?.reused, record?.protocolOut], [1, false, undefined])
      assert.equal([record?.connectedMs, record?.firstByteMs], [undefined, undefined])
      assert.is(record?.upstream, upstream.id)
      assert.ok((engine.stats().counts['connectFailures'] ?? 0) > 0)
      await client.close()
    } finally {
      await engine.stop({ graceMs: 0 })
    }
  })
}

test('the record of an answer of the policy names no upstream', async () => {
  const { engine, records } = await watchedEngine()
  try {
    const listener = await listenFor(engine, 'h2', () => ({ kind: 'respond', status: 418, headers: [], body: 'short' }))
    const client = await startClient('h2', listener.port)
    await (await client.send({})).bytes()
    await until(5_000, 'the record', () => records.length === 1)
    const [record] = records
    assert.equal([record?.status, record?.bytesOut, record?.attempts], [418, 5, 0])
    assert.equal([record?.upstream, record?.protocolOut, record?.upstreamAddress], [undefined, undefined, ''])
    await client.close()
  } finally {
    await engine.stop({ graceMs: 0 })
  }
})

test('a record is told within 100 ms, also without any other traffic', async () => {
  const { engine, records } = await watchedEngine()
  try {
    const listener = await listenFor(engine, 'h1', () => ({ kind: 'respond', status: 204, headers: [] }))
    const client = await startClient('h1', listener.port)
    let best = Infinity
    // the best of five: a busy machine delays some
    for (let count = 1; count <= 5; count += 1) {
      await (await client.send({})).bytes()
      const began = performance.now()
      await until(5_000, 'the record', () => records.length === count)
      best = Math.min(best, performance.now() - began)
    }
    assert.ok(best < 100, `${best} ms`)
    await client.close()
  } finally {
    await engine.stop({ graceMs: 0 })
  }
})

/** Keeps JavaScript's thread to itself. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

test('every request leaves one record, also while JavaScript is slow', async () => {
  const { engine, records, events } = await watchedEngine()
  try {
    const listener = await listenFor(engine, 'h1', (head) => {
      if (head.target.endsWith('0')) block(20)
      return { kind: 'respond', status: 200, headers: [], body: head.target }
    })
    const client = await startClient('h1', listener.port)
    const asks = Array.from({ length: 300 }, async (_, index) => {
      const leave = new AbortController()
      const sent = client.send({ path: `/${index}`, signal: leave.signal })
      // some leave before they are answered
      if (index % 7 === 0) setImmediate(() => leave.abort())
      await sent.then((reply) => reply.bytes()).catch(() => undefined)
    })
    await within(30_000, 'the answers', Promise.all(asks))
    const asked = () => engine.stats().counts['exchanges'] ?? 0
    await until(
      10_000,
      'a record each',
      () => records.length === asked() && engine.stats().counts['openExchanges'] === 0,
    )
    assert.ok(asked() >= 250)
    assert.is(new Set(records.map(({ id }) => id)).size, records.length)
    assert.is(engine.stats().counts['recordsDropped'], 0)
    assert.is(events.filter(({ type }) => type === 'records-dropped').length, 0)
    await client.close()
  } finally {
    await engine.stop({ graceMs: 0 })
  }
})

for (const from of protocols) {
  test(`the record of a request has the id of its head, and comes after it, ${from}`, async () => {
    const told: string[] = []
    const paths = new Map<number, string>()
    const engine = await startEngine({
      onRecord: (batch) => {
        for (const { id, code } of batch) told.push(`${paths.get(id) ?? 'unseen'} ${code ?? 'complete'}`)
      },
    })
    try {
      const decide: Decide = (head) => {
        paths.set(head.id, head.target)
        if (head.target === '/reset') return { kind: 'reset', reason: 'cancel' }
        const respond: Decision = { kind: 'respond', status: 204 }
        return head.target === '/late' ? new Promise((resolve) => setImmediate(resolve, respond)) : respond
      }
      const listener = await listenFor(engine, from, decide, { maxTargetBytes: 100 })
      const client = await startClient(from, portOf(listener, from))
      const expected = ['/now complete', '/late complete', '/reset reset/decision']
      await (await client.send({ path: '/now' })).bytes()
      await (await client.send({ path: '/late' })).bytes()
      // not a GET, which the engine behind the client of HTTP/3 would send once more
      await client.send({ method: 'POST', path: '/reset' }).catch(() => undefined)
      // requests that are refused before the policy is asked; those that a codec refuses are told by an event
      if (from === 'h1') {
        const wire = await connect(listener.port)
        wire.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
        await until(5_000, 'the refusal', () => wire.closed())
        wire.end()
        expected.push('unseen request/connect')
      } else if (from === 'h2') {
        assert.is((await client.send({ path: `/${'x'.repeat(200)}` })).status, 414)
        expected.push('unseen request/target-too-long')
      }
      await until(5_000, 'the records', () => told.length === expected.length)
      assert.equal(told, expected)
      await client.close()
    } finally {
      await engine.stop({ graceMs: 0 })
    }
  })
}

test('a record never comes before its head, however soon its client leaves', async () => {
  const seen = new Set<number>()
  const early: number[] = []
  let count = 0
  const engine = await startEngine({
    onRecord: (batch) => {
      for (const { id } of batch) if (!seen.has(id)) early.push(id)
      count += batch.length
    },
  })
  try {
    const options = { address: '127.0.0.1', port: 0, tcp: { protocols: ['h2'] } } as const
    const decide: Decide = ({ id }) => {
      seen.add(id)
      return new Promise(() => {})
    }
    const listener = await engine.listen({ ...options, limits: { maxResets: 10_000 } }, decide)
    const wire = await connectHttp2(listener.port)
    const lines: [string, string][] = [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':authority', 'a'],
      [':path', '/'],
    ]
    // a few at a time, since h2 bounds those that it has not handed on
    for (let stream = 1; stream < 400; stream += 2) {
      const before = Number(engine.stats().counts['exchanges'])
      wire.write(headers(stream, lines, endStream))
      // the engine has it, while this thread has not looked at it
      while (Number(engine.stats().counts['exchanges']) === before) block(1)
      wire.write(reset(stream, 8))
      if (stream % 8 === 1) await until(5_000, 'the ends', () => engine.stats().counts['openExchanges'] === 0)
    }
    await until(5_000, 'the records', () => count === 200)
    assert.equal(early, [])
    wire.destroy()
  } finally {
    await engine.stop({ graceMs: 0 })
  }
})

test('events and records that nobody takes are bounded, dropped and counted', async () => {
  const { engine, events, records } = await watchedEngine({
    limits: { maxEvents: 8, maxRecords: 16, maxWaitingHeads: 1 },
  })
  try {
    const listener = await listenFor(engine, 'h1', () => ({ kind: 'respond', status: 204, headers: [] }))
    const sockets = Array.from({ length: 60 }, () => net.connect(listener.port, '127.0.0.1'))
    for (const socket of sockets) socket.on('error', () => undefined)
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
    const told = events.length
    // written before the thread blocks: half are refused (an event each), half are turned away with a 503 (a record each)
    for (const [index, socket] of sockets.entries()) {
      socket.write(index % 2 ? 'GET / HTTP/1.1\r\nhost: a b\r\n\r\n' : 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    }
    block(1_000)
    await until(5_000, 'the drops', () => events.some(({ type }) => type === 'records-dropped'))
    const { counts } = engine.stats()
    assert.ok((counts['eventsDropped'] ?? 0) > 0, 'events were dropped')
    assert.ok((counts['recordsDropped'] ?? 0) > 0, 'records were dropped')
    assert.ok(events.length - told <= 10, `${events.length - told} events`)
    const dropped = events.filter((event) => event.type === 'records-dropped').map((event) => Number(event['count']))
    const sum = dropped.reduce((total, count) => total + count, 0)
    await until(5_000, 'the rest', () => records.length + sum === engine.stats().counts['exchanges'])
    assert.is(sum, engine.stats().counts['recordsDropped'])
    for (const socket of sockets) socket.destroy()
  } finally {
    await engine.stop({ graceMs: 0 })
  }
})

test('a listener tells that it is up and that it is down', async () => {
  const { engine, events } = await watchedEngine()
  try {
    for (const protocol of protocols) {
      const listener = await listenFor(engine, protocol, () => ({ kind: 'respond', status: 204, headers: [] }))
      const up = await until(5_000, 'listener-up', () =>
        events.find((event) => event.type === 'listener-up' && event.listener === listener.id),
      )
      assert.is(up['port'], listener.port)
      assert.is(up['quicPort'], listener.quicPort ?? null)
      assert.equal(up['protocols'], [protocol])
      await listener.drain({ graceMs: 0 })
      const down = events.filter((event) => event.type === 'listener-down' && event.listener === listener.id)
      assert.equal(
        down.map(({ cut }) => cut),
        [0],
        'told by the time that drain ends',
      )
    }
  } finally {
    await engine.stop({ graceMs: 0 })
  }
})

test('a handshake that fails is told with its reason, over TCP and QUIC', async () => {
  const { engine, events } = await watchedEngine()
  const answer = () => ({ kind: 'respond', status: 204, headers: [] }) as const
  const far = await watchedEngine()
  const refused = async (protocol: Protocol, listener: Listener): Promise<number> => {
    const port = portOf(listener, protocol)
    const upstream = far.engine.upstream(
      toOrigin({ url: `https://localhost:${port}`, port, close: async () => undefined }, protocol, {
        tls: { ca: identity().ca, serverName: 'other.test' },
      }),
    )
    const bridge = await listenFor(far.engine, 'h1', () => ({ kind: 'forward', upstream }))
    const client = await startClient('h1', bridge.port)
    const { status } = await client.send({})
    await client.close()
    return status
  }
  const failures = () => events.flatMap((event) => (event.type === 'handshake-failed' ? [event] : []))
  try {
    const tcp = await listenFor(engine, 'h2', answer, { handshakeMs: 300 })
    // a client that looks for another name; the alert that it sends is about our certificate (RFC 8446 6.2)
    assert.is(await refused('h2', tcp), 502)
    const first = await until(5_000, 'the first', () => failures()[0])
    assert.is(first.listener, tcp.id)
    assert.is(first.transport, 'tcp')
    assert.is(first.remoteAddress, '127.0.0.1')
    assert.is(first.code, 'tls/client-certificate')

    // one that speaks no protocol of ours
    tls
      .connect({
        port: tcp.port,
        host: '127.0.0.1',
        ca: identity().ca,
        servername: 'localhost',
        ALPNProtocols: ['spdy/3'],
      })
      .on('error', () => undefined)
    assert.is((await until(5_000, 'the second', () => failures()[1])).code, 'tls/alpn')

    // one that says nothing
    const silent = net.connect(tcp.port, '127.0.0.1').on('error', () => undefined)
    assert.is((await until(5_000, 'the third', () => failures()[2])).code, 'timeout/handshake')
    silent.destroy()

    const quic = await listenFor(engine, 'h3', answer)
    assert.is(await refused('h3', quic), 502)
    const fourth = await until(5_000, 'the fourth', () => failures()[3])
    assert.is(fourth.transport, 'quic')
    assert.is(fourth.listener, quic.id)
    assert.is(fourth.code, 'tls/client-certificate')
    assert.is(engine.stats().counts['handshakeFailures'], 4)
  } finally {
    await far.engine.stop({ graceMs: 0 })
    await engine.stop({ graceMs: 0 })
  }
})

for (const protocol of ['h2', 'h3'] as const satisfies Protocol[]) {
  test(`a GOAWAY is told by the side that sent it and by the side that got it, ${protocol}`, async () => {
    const far = await watchedEngine()
    const near = await watchedEngine()
    try {
      const listener = await listenFor(far.engine, protocol, () => ({ kind: 'respond', status: 204, headers: [] }))
      const upstream = near.engine.upstream(
        toOrigin(
          { url: `https://localhost:${portOf(listener, protocol)}`, port: 0, close: async () => undefined },
          protocol,
        ),
      )
      const front = await listenFor(near.engine, 'h1', () => ({ kind: 'forward', upstream, authority: 'localhost' }))
      const client = await startClient('h1', front.port)
      assert.is((await client.send({})).status, 204)
      await listener.drain({ graceMs: 2_000 })
      const sent = await until(5_000, 'the sender', () => far.events.find(({ type }) => type === 'goaway'))
      assert.equal([sent['sent'], sent['listener'], sent['protocol']], [true, listener.id, version[protocol]])
      const got = await until(10_000, 'the receiver', () => near.events.find(({ type }) => type === 'goaway'))
      assert.equal([got['sent'], got['upstream'], got['protocol']], [false, upstream.id, version[protocol]])
      assert.is(far.engine.stats().counts['goawaySent'], 1)
      assert.is(near.engine.stats().counts['goawayReceived'], 1)
      await client.close()
    } finally {
      await near.engine.stop({ graceMs: 0 })
      await far.engine.stop({ graceMs: 0 })
    }
  })
}

test('a limit that is reached is told by its name', async () => {
  const { engine, events } = await watchedEngine()
  try {
    const answer = () => ({ kind: 'respond', status: 204, headers: [] }) as const
    const listener = await listenFor(engine, 'h1', answer, { maxConnectionsPerAddress: 1 })
    const one = net.connect(listener.port, '127.0.0.1').on('error', () => undefined)
    await new Promise((resolve) => one.once('connect', resolve))
    const two = net.connect(listener.port, '127.0.0.1').on('error', () => undefined)
    const limit = await until(5_000, 'the event', () => events.find(({ type }) => type === 'limit'))
    assert.equal(
      [limit['limit'], limit['listener'], limit['remoteAddress']],
      ['maxConnectionsPerAddress', listener.id, '127.0.0.1'],
    )
    assert.is(engine.stats().counts['limitsHit'], 1)
    one.destroy()
    two.destroy()
  } finally {
    await engine.stop({ graceMs: 0 })
  }
})

test('a queue of heads that fills is told, once', async () => {
  const { engine, events } = await watchedEngine({ limits: { maxWaitingHeads: 8 } })
  try {
    const listener = await listenFor(engine, 'h1', () => ({ kind: 'respond', status: 204, headers: [] }))
    const sockets = Array.from({ length: 6 }, () =>
      net.connect(listener.port, '127.0.0.1').on('error', () => undefined),
    )
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
    for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    block(300)
    const depth = await until(5_000, 'the event', () => events.find(({ type }) => type === 'queue-depth'))
    assert.equal([depth['waiting'], depth['limit']], [4, 8])
    await until(5_000, 'the answers', () => engine.stats().counts['exchanges'] === 6)
    assert.is(events.filter(({ type }) => type === 'queue-depth').length, 1)
    for (const socket of sockets) socket.destroy()
  } finally {
    await engine.stop({ graceMs: 0 })
  }
})

test('a head that is refused is told, with its status', async () => {
  const { engine, events } = await watchedEngine()
  try {
    const answer = () => ({ kind: 'respond', status: 204, headers: [] }) as const
    const plain = await listenFor(engine, 'h1', answer)
    const socket = net.connect(plain.port, '127.0.0.1').on('error', () => undefined)
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n')
    const event = await until(5_000, 'the event', () => events.find(({ type }) => type === 'request-refused'))
    assert.equal(
      [event['listener'], event['protocol'], event['status'], event['code'], event['remoteAddress']],
      [plain.id, 11, 400, 'request/malformed', '127.0.0.1'],
    )
    assert.is(engine.stats().counts['requestsRefused'], 1)
    assert.is(engine.stats().counts['exchanges'], 0)
    socket.destroy()
  } finally {
    await engine.stop({ graceMs: 0 })
  }
})

test.run()
