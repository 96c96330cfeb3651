// HTTP/3 over a bad network, in front of the gateway and behind it: nothing is damaged, nothing hangs.
// deadline: 240 s
// alone: it depends on time
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { EngineOptions, ListenerLimits, Upstream, UpstreamOptions } from '../../quic/index.ts'
import { until, within } from '../support/deadline.ts'
import { startRelay } from '../support/relay.ts'
import type { Faults, Relay, RelayOptions } from '../support/relay.ts'
import { listenFor, portOf, startClient, startOrigin, toOrigin, watchedEngine } from '../support/rig.ts'
import type { Client, Handler, Watched } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('faults of the network')

/** Where the bad network is: between client and gateway, or between gateway and origin. */
const places = ['in front', 'behind'] as const
type Place = (typeof places)[number]

type Setup = {
  place: Place
  handler: Handler
  relay?: Partial<RelayOptions>
  limits?: ListenerLimits
  upstream?: Partial<UpstreamOptions>
  engine?: EngineOptions
}

type Field = Watched & { client: Client; relay: Relay; upstream: Upstream }

/** Client, gateway and origin with a relay in one of the two gaps, which HTTP/3 crosses; HTTP/1.1 crosses the other. */
async function withField(setup: Setup, body: (field: Field) => Promise<void>): Promise<void> {
  const behind = setup.place === 'behind'
  const origin = await startOrigin(behind ? 'h3' : 'h1', setup.handler)
  const watched = await watchedEngine(setup.engine)
  const far = behind ? await startRelay({ to: origin.port, ...setup.relay }) : undefined
  const upstream = watched.engine.upstream(
    toOrigin(far ? { ...origin, url: `https://localhost:${far.port}` } : origin, behind ? 'h3' : 'h1', setup.upstream),
  )
  const listener = await listenFor(
    watched.engine,
    behind ? 'h1' : 'h3',
    (head) => ({ kind: 'forward', upstream, authority: head.authority }),
    setup.limits,
  )
  const near = far ?? (await startRelay({ to: portOf(listener, 'h3'), ...setup.relay }))
  const client = await startClient(behind ? 'h1' : 'h3', behind ? listener.port : near.port)
  try {
    await body({ ...watched, client, relay: near, upstream })
  } finally {
    // a dark network would make the goodbyes wait
    near.blackhole(false)
    await client.close()
    await watched.engine.stop({ graceMs: 0 })
    await near.close()
    await origin.close()
  }
}

const megabyte = randomBytes(1 << 20)
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Answers with as many bytes as the path says (a megabyte), and tells the digest of what it was sent. */
const echo: Handler = (request, response) => {
  const hash = createHash('sha256')
  request.on('data', (chunk: Buffer) => hash.update(chunk))
  request.on('error', () => undefined)
  request.on('end', () => {
    response.setHeader('x-digest', hash.digest('hex'))
    const bytes = Number(request.url?.slice(1)) || megabyte.length
    response.end(request.method === 'POST' ? 'taken' : megabyte.subarray(0, bytes))
  })
}

const weather: readonly { name: string; faults: Faults; bytes?: number }[] = [
  { name: 'loses a tenth of the datagrams', faults: { loss: 0.1 } },
  { name: 'delays by 30 ms and reorders', faults: { delayMs: 30, reorder: 0.02, reorderMs: 20 }, bytes: 1 << 18 },
  // every datagram overtakes others: to RFC 9002 6.1.1 most look lost, so there is little to be had of such a path
  { name: 'delays by anything from 20 to 50 ms', faults: { delayMs: 20, jitterMs: 30 }, bytes: 1 << 16 },
  {
    name: 'loses, delays, reorders and doubles',
    faults: { loss: 0.05, delayMs: 5, jitterMs: 10, duplicate: 0.2 },
    bytes: 1 << 17,
  },
  // RFC 9000 14: the least that QUIC needs is 1,200 bytes of payload
  { name: 'carries 1,200 bytes and no more', faults: { maxBytes: 1_200 } },
  { name: 'carries 1,280 bytes and no more', faults: { maxBytes: 1_280 } },
]

for (const place of places) {
  for (const { name, faults, bytes = megabyte.length } of weather) {
    test(`bodies arrive whole, both ways, over a network ${place} that ${name}`, async () => {
      await withField({ place, handler: echo, relay: { seed: 7, up: faults, down: faults } }, async (field) => {
        const body = megabyte.subarray(0, bytes)
        const down = await within(40_000, 'the answer', field.client.send({ path: `/${bytes}` }))
        assert.is(down.status, 200)
        assert.is(digest(await within(40_000, 'its body', down.bytes())), digest(body))
        const up = await within(40_000, 'the upload', field.client.send({ method: 'POST', body }))
        assert.is(up.status, 200)
        assert.is(up.headers['x-digest'], digest(body))
        const { lost, tooLong } = field.relay.down
        if (faults.loss) assert.ok(lost > 0, 'the network was bad')
        if (faults.maxBytes) assert.ok(field.relay.up.tooLong + tooLong > 0, 'larger datagrams were tried')
        await until(5_000, 'two records', () => field.records.length === 2)
        assert.equal(
          field.records.map(({ code, bytesIn, bytesOut }) => [code, bytesIn, bytesOut]),
          [
            [undefined, 0, bytes],
            [undefined, bytes, 5],
          ],
        )
      })
    })
  }

  test(`two hundred requests at once all end well over a network ${place} that loses and delays`, async () => {
    const handler: Handler = (request, response) => {
      response.end(`${request.url}`.repeat(200))
    }
    const faults = { loss: 0.05, delayMs: 5, jitterMs: 20 }
    await withField({ place, handler, relay: { seed: 3, up: faults, down: faults } }, async ({ client, records }) => {
      const asks = Array.from({ length: 200 }, async (_, index) => {
        const reply = await client.send({ path: `/${index}` })
        assert.is(reply.status, 200)
        assert.is(String(await reply.bytes()), `/${index}`.repeat(200))
      })
      await within(50_000, 'all answers', Promise.all(asks))
      await until(5_000, 'their records', () => records.length === 200)
      assert.is(records.filter(({ code }) => code !== undefined).length, 0)
    })
  })

  test(`a client that moves to another port keeps its connection and its bodies, ${place}`, async () => {
    let release: () => void = () => undefined
    const half = megabyte.subarray(0, 1 << 19)
    // sends a half, waits for the move, sends the other; takes an upload the same way
    const handler: Handler = (request, response) => {
      if (request.method === 'POST') return echo(request, response)
      response.writeHead(200)
      response.write(half)
      release = () => response.end(half)
    }
    await withField({ place, handler }, async ({ client, relay, records, engine }) => {
      const reply = await client.send({})
      const whole = reply.bytes()
      whole.catch(() => undefined)
      await until(5_000, 'the first half', () => relay.down.bytes > half.length)
      await relay.rebind()
      release()
      assert.is(digest(await within(20_000, 'the other half', whole)), digest(Buffer.concat([half, half])))

      const before = relay.up.bytes
      const upload = new Readable({ read() {} })
      upload.push(half)
      const sent = client.send({ method: 'POST', body: upload })
      sent.catch(() => undefined)
      await until(5_000, 'the first half of the upload', () => relay.up.bytes - before > half.length)
      await relay.rebind()
      upload.push(half)
      upload.push(null)
      const taken = await within(20_000, 'the end of the upload', sent)
      assert.is(taken.headers['x-digest'], digest(Buffer.concat([half, half])))
      await until(5_000, 'two records', () => records.length === 2)
      assert.equal(
        records.map(({ code }) => code),
        [undefined, undefined],
      )
      const { counts } = engine.stats()
      // RFC 9000 9: the same connection
      assert.is(place === 'behind' ? counts['connectedHttp3'] : counts['acceptedHttp3'], 1)
    })
  })
}

test('a network in front that goes dark ends the exchange as cancelled, within the idle time', async () => {
  const handler: Handler = (_request, response) => {
    response.writeHead(200)
    response.write('first')
  }
  const limits = { idleMs: 1_000, bodyIdleMs: 2_000 }
  await withField({ place: 'in front', handler, limits }, async ({ client, relay, records, engine }) => {
    const reply = await client.send({})
    reply.bytes().catch(() => undefined)
    relay.blackhole(true)
    const record = await until(15_000, 'its end', () => records[0])
    assert.match(record.code ?? '', /^(client\/cancelled|timeout\/client-idle|timeout\/idle)$/)
    assert.is(record.status, 200)
    await until(10_000, 'the end of the connection', () => engine.stats().counts['openHttp3'] === 0)
  })
})

test('a network in front that goes dark while the upstream is silent ends the exchange too', async () => {
  let closed = false
  const handler: Handler = (request) => {
    request.on('close', () => (closed = true))
  }
  await withField(
    { place: 'in front', handler, limits: { idleMs: 1_000 } },
    async ({ client, relay, records, engine }) => {
      const asked = client.send({}).catch(() => undefined)
      await until(5_000, 'the request', () => engine.stats().counts['openExchanges'] === 1)
      relay.blackhole(true)
      const record = await until(15_000, 'its end', () => records[0])
      assert.is(record.code, 'client/cancelled')
      await until(5_000, 'the upstream', () => closed)
      relay.blackhole(false)
      await client.close()
      await asked
    },
  )
})

test('a network behind that is dark from the start fails the request within the time to connect', async () => {
  const upstream = { timeouts: { connectMs: 800 } }
  await withField({ place: 'behind', handler: echo, upstream }, async ({ client, relay, records }) => {
    relay.blackhole(true)
    const began = performance.now()
    const reply = await within(10_000, 'the answer', client.send({}))
    assert.is(reply.status, 504)
    assert.ok(performance.now() - began < 5_000)
    const record = await until(5_000, 'its record', () => records[0])
    assert.is(record.code, 'connect/timeout')
    assert.equal([record.attempts, record.connectedMs, record.protocolOut], [1, undefined, undefined])

    relay.blackhole(false)
    assert.is((await within(10_000, 'another', client.send({}))).status, 200, 'it recovers')
  })
})

test('a network behind that goes dark before the answer fails the request within the time to the first byte', async () => {
  const upstream = { timeouts: { firstByteMs: 700 } }
  await withField({ place: 'behind', handler: echo, upstream }, async ({ client, relay, records }) => {
    const warm = await client.send({})
    await warm.bytes()
    relay.blackhole(true)
    const reply = await within(10_000, 'the answer', client.send({}))
    assert.is(reply.status, 504)
    await until(5_000, 'two records', () => records.length === 2)
    assert.is(records[1]?.code, 'timeout/first-byte')
    assert.is(records[1]?.reused, true)
  })
})

test('a network behind that goes dark within the answer cuts it, within the idle time', async () => {
  const handler: Handler = (_request, response) => {
    response.writeHead(200)
    response.write('first')
  }
  const upstream = { timeouts: { idleMs: 700 } }
  await withField({ place: 'behind', handler, upstream }, async ({ client, relay, records }) => {
    const reply = await client.send({})
    const body = reply.bytes().then(
      () => 'whole',
      () => 'cut',
    )
    relay.blackhole(true)
    assert.is(await within(10_000, 'the end of the answer', body), 'cut')
    const record = await until(5_000, 'its record', () => records[0])
    assert.is(record.code, 'timeout/idle')
    assert.is(record.status, 200)
  })
})

test('an upload into a network that went dark fails within the idle time', async () => {
  const upstream = { timeouts: { idleMs: 700, firstByteMs: 1_500 } }
  await withField({ place: 'behind', handler: echo, upstream }, async ({ client, relay, records }) => {
    const upload = new Readable({ read() {} })
    upload.push('x'.repeat(1_000))
    const sent = client.send({ method: 'POST', body: upload }).catch(() => undefined)
    await until(5_000, 'the request', () => relay.up.bytes > 3_000)
    relay.blackhole(true)
    // more than all windows together hold
    const more = Buffer.alloc(1 << 20)
    for (let count = 0; count < 16; count += 1) upload.push(more)
    const record = await until(15_000, 'its end', () => records[0])
    assert.match(record.code ?? '', /^timeout\/(idle|first-byte)$/)
    upload.push(null)
    await within(10_000, 'the client', sent)
  })
})

test('a short darkness is survived', async () => {
  for (const place of places) {
    await withField({ place, handler: echo }, async ({ client, relay, records }) => {
      const reply = await client.send({})
      relay.blackhole(true)
      await pause(300)
      relay.blackhole(false)
      assert.is(digest(await within(20_000, 'the body', reply.bytes())), digest(megabyte))
      await until(5_000, 'its record', () => records.length === 1)
      assert.is(records[0]?.code, undefined)
    })
  }
})

test.run()
