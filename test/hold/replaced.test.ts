// Limits that are exchanged while a listener serves: what is new has them, what is open stays.
import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import type { Decide, Listener, Protocol } from '../../quic/index.ts'
import { until, within } from '../support/deadline.ts'
import { frameKinds } from '../support/frames.ts'
import { identity, listenFor, portOf, protocols, startClient, watchedEngine } from '../support/rig.ts'
import type { Client, Reply, Watched } from '../support/rig.ts'
import { suite } from '../support/suite.ts'
import { connectHttp2 } from '../support/wire.ts'

const test = suite('limits that are exchanged')

type Bench = Watched & { listener: Listener; client: () => Promise<Client>; open: () => number }

const ok: Decide = () => ({ kind: 'respond', status: 200, body: 'ok' })
const gauges = { h1: 'openHttp1', h2: 'openHttp2', h3: 'openHttp3' } as const
const path = `/${'x'.repeat(200)}`

/** A listener with the default limits, and clients of it. */
async function withBench(from: Protocol, body: (bench: Bench) => Promise<void>, decide: Decide = ok): Promise<void> {
  const watched = await watchedEngine()
  const clients: Client[] = []
  try {
    const listener = await listenFor(watched.engine, from, decide)
    const client = async () => {
      const made = await startClient(from, portOf(listener, from))
      clients.push(made)
      return made
    }
    await body({ ...watched, listener, client, open: () => Number(watched.engine.stats().counts[gauges[from]]) })
  } finally {
    for (const client of clients) await client.close()
    await watched.engine.stop({ graceMs: 0 })
  }
}

/** The status of an answer that came whole; nothing when none came. */
async function ask(client: Client, more: Parameters<Client['send']>[0] = {}): Promise<number | undefined> {
  try {
    const reply: Reply = await within(10_000, 'an answer', client.send(more))
    await reply.bytes()
    return reply.status
  } catch {
    return undefined
  }
}

for (const from of protocols) {
  test(`a new connection has the new limits, an open one keeps its own, ${from}`, async () =>
    withBench(from, async ({ listener, client, records }) => {
      const old = await client()
      assert.is(await ask(old), 200)
      await listener.replaceLimits({ maxTargetBytes: 100 })
      assert.is(await ask(old, { path }), 200)
      assert.is(await ask(await client(), { path }), 414)
      // and those that are left out are the defaults again
      await listener.replaceLimits({})
      assert.is(await ask(await client(), { path }), 200)
      // the old client had one connection all the time
      assert.is(await ask(old), 200)
      const own = () => records.filter(({ connection }) => connection === records[0]?.connection)
      await until(5_000, 'the records', () => own().length === 3)
    }))

  test(`a new request on an open connection has the new limits on content, ${from}`, async () => {
    const gather: Decide = () => ({ kind: 'collect', maxBytes: 100, onBody: () => ({ kind: 'respond', status: 200 }) })
    await withBench(
      from,
      async ({ listener, client, records }) => {
        const old = await client()
        assert.is(await ask(old), 200)
        await listener.replaceLimits({ bodyIdleMs: 300 })
        const stalled = new Readable({ read: () => {} })
        stalled.push('some')
        const asked = ask(old, { method: 'POST', body: stalled })
        const second = await until(10_000, 'the second record', () => records[1])
        assert.is(second.code, 'timeout/client-idle')
        assert.is(second.connection, records[0]?.connection)
        stalled.destroy()
        await asked
      },
      gather,
    )
  })

  test(`fewer connections than are open close none and let no other in, ${from}`, async () =>
    withBench(from, async ({ listener, client, open, events, records }) => {
      const [first, second] = [await client(), await client()]
      assert.equal([await ask(first), await ask(second)], [200, 200])
      await listener.replaceLimits({ maxConnections: 1 })
      const refused = await ask(await client())
      // behind the client of HTTP/3 stands an engine, which answers 502 for it
      assert.ok(refused === undefined || refused === 502, String(refused))
      await until(5_000, 'the event', () => events.some((event) => event['limit'] === 'maxConnections'))
      assert.equal([await ask(first), await ask(second)], [200, 200])
      assert.is(open(), 2)
      await listener.replaceLimits({ maxConnections: 3 })
      const third = await client()
      await until(10_000, 'room', async () => (await ask(third)) === 200)
      await until(5_000, 'the records', () => records.length >= 5)
      assert.is(new Set(records.map((record) => record.connection)).size, 3)
    }))
}

test('the streams that a new connection may open are those of the new limits, h2', async () => {
  const watched = await watchedEngine()
  try {
    const options = { address: '127.0.0.1', port: 0, tcp: { protocols: ['h2'] } } as const
    const listener = await watched.engine.listen(options, ok)
    await listener.replaceLimits({ maxStreams: 2 })
    const wire = await connectHttp2(listener.port)
    const said = await until(5_000, 'the settings', () =>
      wire.frames().find((one) => one.kind === frameKinds.settings && one.payload.length > 0),
    )
    // RFC 9113 6.5.2: SETTINGS_MAX_CONCURRENT_STREAMS
    assert.ok(said.payload.includes(Buffer.from([0, 3, 0, 0, 0, 2])))
    wire.destroy()
  } finally {
    await watched.engine.stop({ graceMs: 0 })
  }
})

for (const swap of ['alone', 'before certificates are exchanged'] as const) {
  test(`the streams that a new connection may open are those of the new limits, h3, ${swap}`, async () => {
    const waiting: (() => void)[] = []
    const on = new Map<number, number>()
    const decide: Decide = async ({ connection }) => {
      on.set(connection, (on.get(connection) ?? 0) + 1)
      await new Promise<void>((resolve) => waiting.push(resolve))
      return { kind: 'respond', status: 200 }
    }
    await withBench(
      'h3',
      async ({ listener, client }) => {
        await listener.replaceLimits({ maxStreams: 2 })
        const { certificate, key } = identity()
        if (swap !== 'alone') await listener.replaceTls({ identities: [{ certificate, key }] })
        const one = await client()
        const asked = Array.from({ length: 5 }, () => ask(one))
        // the engine behind the client makes another connection when one is full
        await until(10_000, 'requests', () => waiting.length === 5)
        assert.is(Math.max(...on.values()), 2)
        for (const go of waiting) go()
        assert.equal(await Promise.all(asked), [200, 200, 200, 200, 200])
      },
      decide,
    )
  })
}

test('limits of a listener that was drained cannot be exchanged', async () =>
  withBench('h1', async ({ listener }) => {
    await listener.drain()
    const failure: unknown = await listener.replaceLimits({}).catch((error: unknown) => error)
    assert.instance(failure, Error)
    assert.is((failure as Error & { code?: string }).code, 'listener/unknown')
  }))

test.run()
