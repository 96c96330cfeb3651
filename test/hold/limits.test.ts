// Every limit of a listener and of the engine: what the client sees, and what is told of it.
// deadline: 120 s
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import * as assert from 'uvu/assert'
import type { Decide, EngineOptions, ListenerLimits, Listener, ListenOptions, Protocol } from '../../quic/index.ts'
import { until, within } from '../support/deadline.ts'
import * as frames from '../support/frames.ts'
import { identity, listenOptions, portOf, protocols, startClient, watchedEngine, withRig } from '../support/rig.ts'
import type { Client, Handler, Watched } from '../support/rig.ts'
import { suite } from '../support/suite.ts'
import { startTunnelClient } from '../support/tunnel.ts'
import type { OnUpgrade } from '../support/upgrade.ts'

const test = suite('limits')

type Gate = Watched & { listener: Listener; port: number }

const ok: Decide = () => ({ kind: 'respond', status: 200, body: 'ok' })

/** A gateway that answers by itself, and whatever the test connects to it. */
async function withGate(
  setup: { protocol: Protocol; limits: ListenerLimits; plain?: boolean; decide?: Decide; engine?: EngineOptions },
  body: (gate: Gate) => Promise<void>,
): Promise<void> {
  const watched = await watchedEngine(setup.engine)
  const options: ListenOptions = setup.plain
    ? { address: '127.0.0.1', port: 0, limits: setup.limits, tcp: { protocols: [setup.protocol as 'h1' | 'h2'] } }
    : listenOptions(setup.protocol, setup.limits)
  const listener = await watched.engine.listen(options, setup.decide ?? ok)
  try {
    await body({ ...watched, listener, port: portOf(listener, setup.protocol) })
  } finally {
    await watched.engine.stop({ graceMs: 0 })
  }
}

async function withClient(protocol: Protocol, port: number, body: (client: Client) => Promise<void>): Promise<void> {
  const client = await startClient(protocol, port)
  try {
    await body(client)
  } finally {
    await client.close()
  }
}

type Wire = { socket: Socket; read: () => Buffer; text: () => string; closed: () => boolean }

/** A connection on which the test says every byte. */
async function wire(port: number, body: (wire: Wire) => Promise<void>): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  const pieces: Buffer[] = []
  let closed = false
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  socket.on('error', () => (closed = true))
  socket.on('end', () => (closed = true))
  socket.on('close', () => (closed = true))
  const read = (): Buffer => Buffer.concat(pieces)
  try {
    await body({ socket, read, text: () => read().toString('latin1'), closed: () => closed })
  } finally {
    socket.destroy()
  }
}

type Frame = { kind: number; flags: number; stream: number; payload: Buffer }

/** The whole frames among what arrived (RFC 9113 4.1). */
function framesOf(bytes: Buffer): Frame[] {
  const list: Frame[] = []
  let at = 0
  while (at + 9 <= bytes.length) {
    const end = at + 9 + bytes.readUIntBE(at, 3)
    if (end > bytes.length) break
    const [kind, flags] = [bytes.readUInt8(at + 3), bytes.readUInt8(at + 4)]
    list.push({ kind, flags, stream: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + 9, end) })
    at = end
  }
  return list
}

const goaway = 7
const enhanceYourCalm = 0xb

/** The error code of the last GOAWAY (RFC 9113 6.8). */
const goawayCode = (bytes: Buffer): number | undefined =>
  framesOf(bytes)
    .findLast(({ kind }) => kind === goaway)
    ?.payload.readUInt32BE(4)

const limitEvents = ({ events }: Watched, limit: string): unknown[] =>
  events.filter((event) => event.type === 'limit' && event.limit === limit)

// --- connections and time ---

for (const limit of ['maxConnections', 'maxConnectionsPerAddress'] as const) {
  for (const protocol of protocols) {
    test(`a connection over ${limit} is refused and told, and there is room again when one ends, ${protocol}`, async () => {
      await withGate({ protocol, limits: { [limit]: 1 } }, async (gate) => {
        await withClient(protocol, gate.port, async (first) => {
          assert.is((await first.send({})).status, 200)
          await withClient(protocol, gate.port, async (second) => {
            const outcome = await within(
              20_000,
              'the refusal',
              second.send({}).then(
                ({ status }) => status,
                () => 'refused',
              ),
            )
            // the engine behind an HTTP/3 client tells it as a failure of its upstream
            assert.is(outcome, protocol === 'h3' ? 502 : 'refused')
            await until(5_000, 'the event', () => limitEvents(gate, limit).length > 0)
            assert.ok((gate.engine.stats().counts['limitsHit'] ?? 0) > 0)
          })
        })
        await until(10_000, 'room', async () => {
          let status = 0
          await withClient(protocol, gate.port, async (third) => {
            status = await third.send({}).then(
              (reply) => reply.status,
              () => 0,
            )
          })
          return status === 200
        })
      })
    })
  }
}

test('a client that says nothing in its TLS handshake is closed after handshakeMs, and told', async () => {
  await withGate({ protocol: 'h2', limits: { handshakeMs: 200 } }, async ({ port, events, engine }) => {
    await wire(port, async ({ closed }) => {
      await until(5_000, 'the end of the connection', closed)
      const failed = await until(5_000, 'its event', () => events.find(({ type }) => type === 'handshake-failed'))
      assert.is(failed['code'], 'timeout/handshake')
      assert.is(failed['transport'], 'tcp')
      assert.is(engine.stats().counts['handshakeFailures'], 1)
    })
  })
})

for (const protocol of protocols) {
  test(`a connection without requests is closed after idleMs, ${protocol}`, async () => {
    await withGate({ protocol, limits: { idleMs: 300 } }, async ({ port, engine, events }) => {
      await withClient(protocol, port, async (client) => {
        assert.is(String(await (await client.send({})).bytes()), 'ok')
        const gauge = `openHttp${protocol.slice(1)}`
        await until(10_000, 'the end of the connection', () => engine.stats().counts[gauge] === 0)
        if (protocol !== 'h1') {
          assert.ok(protocol === 'h3' || events.some(({ type, sent }) => type === 'goaway' && sent), 'said goodbye')
        }
      })
    })
  })
}

for (const protocol of protocols) {
  test(`a connection is not idle while a request is under way, ${protocol}`, async () => {
    let release: () => void = () => undefined
    const handler: Handler = (_request, response) => {
      release = () => void response.end('late')
    }
    await withRig({ from: protocol, to: 'h1', handler, limits: { idleMs: 200 } }, async ({ client, engine }) => {
      const reply = client.send({})
      reply.catch(() => undefined)
      await until(5_000, 'the request', () => engine.stats().counts['openExchanges'] === 1)
      const began = performance.now()
      await until(5_000, 'three times idleMs', () => performance.now() - began > 600)
      release()
      assert.is(String(await (await within(5_000, 'the answer', reply)).bytes()), 'late')
    })
  })
}

test('a head that trickles is answered 408 after headMs, and told, h1', async () => {
  await withGate({ protocol: 'h1', limits: { headMs: 300 } }, async ({ port, events, records }) => {
    await wire(port, async ({ socket, text, closed }) => {
      socket.write('GET / HTTP/1.1\r\nhost: x\r\n')
      const trickle = setInterval(() => !closed() && socket.write('a: b\r\n'), 50)
      try {
        await until(5_000, 'the end of the connection', closed)
      } finally {
        clearInterval(trickle)
      }
      assert.match(text(), /^HTTP\/1\.1 408 /)
      const told = await until(5_000, 'its event', () => events.find(({ type }) => type === 'request-refused'))
      assert.equal([told['status'], told['code'], told['protocol']], [408, 'timeout/head', 11])
      assert.is(records.length, 0, 'no exchange has begun')
    })
  })
})

for (const protocol of ['h1', 'h2'] as const) {
  test(`a connection that never says anything is closed after headMs, ${protocol}`, async () => {
    await withGate({ protocol, plain: true, limits: { headMs: 200 } }, async ({ port, engine }) => {
      await wire(port, async ({ closed }) => {
        await until(5_000, 'the end of the connection', closed)
        await until(5_000, 'its gauge', () => engine.stats().counts[`openHttp${protocol.slice(1)}`] === 0)
      })
    })
  })
}

test('half a preface is no connection for longer than headMs, h2', async () => {
  await withGate({ protocol: 'h2', plain: true, limits: { headMs: 200 } }, async ({ port }) => {
    await wire(port, async ({ socket, closed }) => {
      socket.write(frames.preface.subarray(0, 10))
      await until(5_000, 'the end of the connection', closed)
    })
  })
})

test('TLS without a request is closed after headMs, h2', async () => {
  await withGate({ protocol: 'h2', limits: { headMs: 200 } }, async ({ port }) => {
    const socket = tlsConnect({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: identity().ca,
      ALPNProtocols: ['h2'],
    })
    let closed = false
    socket.on('error', () => undefined)
    socket.on('close', () => (closed = true))
    socket.resume()
    await until(5_000, 'the end of the connection', () => closed)
  })
})

// --- bodies ---

const swallow: Handler = (request, response) => {
  request.on('error', () => undefined)
  request.on('end', () => response.end('whole'))
  request.resume()
}

for (const protocol of protocols) {
  test(`an upload that stops is answered 408 after bodyIdleMs, ${protocol}`, async () => {
    const limits = { bodyIdleMs: 300 }
    await withRig({ from: protocol, to: 'h1', handler: swallow, limits }, async ({ client, record }) => {
      const body = new Readable({ read() {} })
      body.push('some')
      const reply = await within(10_000, 'the answer', client.send({ method: 'POST', body }))
      assert.is(reply.status, 408)
      const { code, status, bytesIn } = await record()
      assert.equal([code, status, bytesIn], ['timeout/client-idle', 408, 4])
      body.destroy()
    })
  })

  test(`an answer that is not read is cut after bodyIdleMs, ${protocol}`, async () => {
    const piece = Buffer.alloc(64 * 1024)
    const handler: Handler = (_request, response) => {
      response.on('error', () => undefined)
      const more = (): void => {
        while (response.write(piece));
        response.once('drain', more)
      }
      more()
    }
    const limits = { bodyIdleMs: 400 }
    await withRig({ from: protocol, to: 'h1', handler, limits }, async ({ client, record }) => {
      const reply = await client.send({})
      reply.body.on('error', () => undefined)
      reply.body.pause()
      await until(20_000, 'the end of the exchange', () =>
        record().then(
          () => true,
          () => false,
        ),
      )
      const { code, status } = await record()
      assert.equal([code, status], ['timeout/client-idle', 200])
    })
  })
}

test('an upload that trickles below minBodyRate is answered 408', async () => {
  const limits = { minBodyRate: 1_000 }
  await withRig({ from: 'h1', to: 'h1', handler: swallow, limits }, async ({ client, record }) => {
    const body = new Readable({ read() {} })
    const trickle = setInterval(() => body.push('x'), 200)
    try {
      const reply = await within(30_000, 'the answer', client.send({ method: 'POST', body }))
      assert.is(reply.status, 408)
      assert.is((await record()).code, 'timeout/rate')
    } finally {
      clearInterval(trickle)
      body.destroy()
    }
  })
})

// --- heads ---

const tooLarge: readonly {
  name: string
  limits: ListenerLimits
  path?: string
  headers?: Record<string, string>
  status: number
}[] = [
  {
    name: 'a head longer than maxHeadBytes',
    limits: { maxHeadBytes: 1_024 },
    headers: { 'x-long': 'x'.repeat(2_000) },
    status: 431,
  },
  {
    name: 'a head of more than maxFields',
    limits: { maxFields: 20 },
    headers: Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`x-${index}`, 'y'])),
    status: 431,
  },
  {
    name: 'a target longer than maxTargetBytes',
    limits: { maxTargetBytes: 100 },
    path: `/${'x'.repeat(100)}`,
    status: 414,
  },
]

for (const { name, limits, path, headers, status } of tooLarge) {
  for (const protocol of protocols) {
    test(`${name} is answered ${status} before the policy, ${protocol}`, async () => {
      let decided = 0
      const decide: Decide = () => {
        decided += 1
        return { kind: 'respond', status: 200 }
      }
      await withGate({ protocol, limits, decide }, async ({ port }) => {
        await withClient(protocol, port, async (client) => {
          const reply = await within(
            10_000,
            'the answer',
            client.send({ path: path ?? '/', ...(headers ? { headers } : {}) }),
          )
          // the engine behind an HTTP/3 client refuses by itself once it knows the SETTINGS (RFC 9114 4.2.2)
          const bySettings = protocol === 'h3' && limits.maxHeadBytes !== undefined
          assert.ok(reply.status === status || (bySettings && reply.status === 502), `answered ${reply.status}`)
          assert.is(decided, 0)
          assert.is((await client.send({})).status, 200, 'the next request is served')
        })
      })
    })
  }
}

// --- HTTP/2 ---

test('maxStreams is what SETTINGS say, h2', async () => {
  await withGate({ protocol: 'h2', plain: true, limits: { maxStreams: 7 } }, async ({ port }) => {
    await wire(port, async ({ socket, read }) => {
      socket.write(Buffer.concat([frames.preface, frames.settings]))
      const said = await until(5_000, 'settings', () =>
        framesOf(read()).find(({ kind }) => kind === frames.frameKinds.settings),
      )
      const values = new Map<number, number>()
      for (let at = 0; at < said.payload.length; at += 6) {
        values.set(said.payload.readUInt16BE(at), said.payload.readUInt32BE(at + 2))
      }
      // RFC 9113 6.5.2: SETTINGS_MAX_CONCURRENT_STREAMS
      assert.is(values.get(3), 7)
    })
  })
})

/** GET / of a plain connection. */
const get = (stream: number): Buffer =>
  frames.headers(stream, [2, frames.indexed.schemeHttp, frames.indexed.path, [':authority', 'x']], frames.endStream)

test('streams reset faster than maxResets end the connection with ENHANCE_YOUR_CALM, and are told, h2', async () => {
  const decide: Decide = () => new Promise(() => undefined)
  await withGate({ protocol: 'h2', plain: true, limits: { maxResets: 20 }, decide }, async (gate) => {
    await wire(gate.port, async ({ socket, read, closed }) => {
      socket.write(Buffer.concat([frames.preface, frames.settings, frames.settingsAck]))
      for (let stream = 1; stream < 1_000 && !closed(); stream += 2) {
        socket.write(Buffer.concat([get(stream), frames.reset(stream, 8)]))
        await new Promise((resolve) => setImmediate(resolve))
      }
      await until(5_000, 'the end of the connection', closed)
      assert.is(goawayCode(read()), enhanceYourCalm)
      // h2 itself ends the connection when one read brings more of them than may be open
      const told = (): boolean =>
        limitEvents(gate, 'maxResets').length > 0 ||
        gate.events.some(({ type, wireCode }) => type === 'connection-failed' && wireCode === enhanceYourCalm)
      await until(5_000, 'the event', told)
      await until(5_000, 'no exchange left', () => gate.engine.stats().counts['openExchanges'] === 0)
    })
  })
})

test('a head that goes on in CONTINUATION for ever ends the connection, h2', async () => {
  await withGate({ protocol: 'h2', plain: true, limits: {} }, async ({ port, engine }) => {
    await wire(port, async ({ socket, closed }) => {
      const field = Buffer.concat([Buffer.from([0, 1, 0x78, 127, 129, 126]), Buffer.alloc(16_256, 0x79)])
      const frame = (kind: number, payload: Uint8Array): Buffer => {
        const head = Buffer.alloc(9)
        head.writeUIntBE(payload.length, 0, 3)
        head.writeUInt8(kind, 3)
        head.writeUInt32BE(1, 5)
        return Buffer.concat([head, payload])
      }
      socket.write(Buffer.concat([frames.preface, frames.settings, frames.settingsAck]))
      socket.write(frame(frames.frameKinds.headers, Buffer.from([0x82, 0x86, 0x84])))
      let sent = 0
      await until(20_000, 'the end of the connection', () => {
        if (socket.writableLength === 0 && !closed())
          sent += Number(socket.write(frame(9, field.subarray(0, 16_000)))) * 16_000
        return closed()
      })
      assert.ok(sent < 16 * 1024 * 1024, `${sent} bytes were taken`)
      await until(5_000, 'its gauge', () => engine.stats().counts['openHttp2'] === 0)
    })
  })
})

// --- tunnels, and the engine ---

for (const protocol of protocols) {
  test(`a tunnel through which nothing moves is closed after tunnelIdleMs, ${protocol}`, async () => {
    const onUpgrade: OnUpgrade = (upgrade) => {
      const side = upgrade.accept()
      side.on('error', () => undefined)
      side.pipe(side)
    }
    const limits = { tunnelIdleMs: 300 }
    await withRig({ from: protocol, to: 'h1', handler: swallow, onUpgrade, limits }, async ({ listener, records }) => {
      const client = await startTunnelClient(protocol, portOf(listener, protocol))
      try {
        const { wire: tunnel } = await client.open()
        let closed = false
        tunnel.on('error', () => (closed = true))
        tunnel.on('end', () => (closed = true))
        tunnel.on('close', () => (closed = true))
        tunnel.resume()
        tunnel.write('hello')
        await until(10_000, 'the end of the tunnel', () => closed)
        await until(5_000, 'its record', () => records.length === 1)
        assert.match(records[0]?.code ?? '', /^timeout\//)
      } finally {
        await client.close()
      }
    })
  })

  test(`requests beyond maxWaitingHeads are answered 503 while the policy is busy, ${protocol}`, async () => {
    const decide: Decide = () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
      return new Promise((resolve) => setTimeout(() => resolve({ kind: 'respond', status: 200 }), 300))
    }
    await withGate({ protocol, limits: {}, decide, engine: { limits: { maxWaitingHeads: 4 } } }, async (gate) => {
      await withClient(protocol, gate.port, async (client) => {
        const asked = Array.from({ length: 40 }, async () => (await client.send({})).status)
        const statuses = await within(20_000, 'the answers', Promise.all(asked))
        const refused = statuses.filter((status) => status === 503).length
        assert.is(statuses.filter((status) => status === 200).length, 40 - refused)
        assert.ok(refused > 0)
        await until(5_000, 'the records', () => gate.records.length === 40)
        assert.is(gate.records.filter(({ code }) => code === 'overload/queue').length, refused)
        assert.is(gate.engine.stats().counts['queueRefused'], refused)
      })
    })
  })
}

test.run()
