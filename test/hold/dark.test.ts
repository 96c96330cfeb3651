// Upstreams that go dark without a word: pooled connections to them are given up in a bounded time.
import net from 'node:net'
import * as assert from 'uvu/assert'
import type { Decide } from '../../quic/index.ts'
import { startAsker, toPort } from '../support/asker.ts'
import type { Asker } from '../support/asker.ts'
import { until, within } from '../support/deadline.ts'
import { identity, watchedEngine } from '../support/rig.ts'
import { startRelay } from '../support/relay.ts'
import { suite } from '../support/suite.ts'

const test = suite('upstreams that go dark')

const decide: Decide = async (head) =>
  head.target === '/never' ? new Promise(() => {}) : { kind: 'respond', status: 200 }

/** A way to the port that can be blocked. */
type Way = { port: number; block(): void; close(): void | Promise<void> }

async function tcpWay(to: number): Promise<Way> {
  const pipes: [net.Socket, net.Socket][] = []
  const server = net.createServer((near) => {
    const far = net.connect(to, '127.0.0.1')
    for (const socket of [near, far]) socket.on('error', () => {})
    pipes.push([near, far])
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as net.AddressInfo).port,
    block: () => {
      for (const [near, far] of pipes) {
        near.unpipe(far).resume()
        far.unpipe(near).resume()
      }
    },
    close: () => {
      for (const [near, far] of pipes) {
        near.destroy()
        far.destroy()
      }
      server.close()
    },
  }
}

async function udpWay(to: number): Promise<Way> {
  const relay = await startRelay({ to })
  return { port: relay.port, block: () => relay.blackhole(true), close: () => relay.close() }
}

async function goesDark(asker: Asker, protocol: 'h2' | 'h3', port: number): Promise<void> {
  const way = await (protocol === 'h2' ? tcpWay(port) : udpWay(port))
  const upstream = asker.engine.upstream({
    ...toPort(protocol, way.port),
    // Where a request goes that is sent once more.
    addresses: [`127.0.0.1:${way.port}`, `127.0.0.1:${port}`],
  })
  assert.is((await asker.ask(upstream)).status, 200)
  // Not idempotent, so that it is not sent again.
  const asked = asker.ask(upstream, { method: 'POST', path: '/never' })
  await until(5_000, 'the request', () => {
    // What the engine says of an upstream is its own.
    const stats = asker.engine.stats().upstreams[String(upstream.id)] as { active: number }
    return stats.active === 1
  })
  way.block()
  const began = performance.now()
  const told = await within(45_000, `the end over ${protocol}`, asked)
  const ms = performance.now() - began
  assert.is(told.status, 502, `${protocol}: ${told.code} ${told.detail}`)
  assert.match(told.code ?? '', /^upstream\/closed$/)
  // 30 s without an answer, and what the clock of the last one adds.
  assert.ok(ms < 40_000, `${protocol} ${ms} ms`)
  // The next request does not go to the dead connection.
  const next = await within(5_000, 'the next request', asker.ask(upstream))
  assert.is(next.status, 200, next.detail)
  assert.is(next.record.reused, false)
  upstream.close()
  await way.close()
}

test(
  'a connection over HTTP/2 or HTTP/3 whose peer went dark is given up in a bounded time',
  async () => {
    const asker = await startAsker()
    const origin = await watchedEngine()
    const tls = { identities: [{ certificate: identity().certificate, key: identity().key }] }
    const listener = await origin.engine.listen({ address: '127.0.0.1', port: 0, tcp: { tls }, quic: {} }, decide)
    try {
      await Promise.all([goesDark(asker, 'h2', listener.port), goesDark(asker, 'h3', listener.port)])
    } finally {
      await asker.close()
      await origin.engine.stop({ graceMs: 0 })
    }
  },
  { withinMs: 60_000 },
)

test.run()
