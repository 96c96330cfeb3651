// The relay does what it says, to other people's QUIC: a test on a relay that lets everything pass proves nothing.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import * as assert from 'uvu/assert'
import { authority, goquic, needsPeers, pattern, sha256, startGoOrigin } from '../peers/index.ts'
import type { Origin } from '../peers/index.ts'
import { until } from './deadline.ts'
import { suite } from './suite.ts'
import { startRelay } from './relay.ts'
import type { Faults, Relay } from './relay.ts'

const test = suite('udp relay')
const skip = needsPeers('goquic', 'openssl')
const megabyte = sha256(pattern(1_000_000))
let origin: Origin | undefined
let ca = ''

test.before(async () => {
  if (skip !== undefined) return
  const issuer = authority()
  ca = issuer.ca
  origin = await startGoOrigin(issuer.issue('localhost'))
})
test.after(async () => origin?.stop())

async function through(faults: Faults, body: (relay: Relay, url: string) => Promise<void>): Promise<void> {
  const relay = await startRelay({ to: origin?.port ?? 0, seed: 7, up: faults, down: faults })
  try {
    await body(relay, `https://localhost:${relay.port}`)
  } finally {
    await relay.close()
  }
}

const harsh: Faults = { loss: 0.03, delayMs: 2, jitterMs: 3, duplicate: 0.02, reorder: 0.05 }
test(
  'loses, doubles and reorders, and a download survives it',
  async () =>
    through(harsh, async (relay, url) => {
      const answer = await goquic.ask({ url: `${url}/bytes/1000000`, http: 'h3', ca })
      assert.is(answer.sha256, megabyte, answer.error)
      assert.ok(relay.down.lost > 0 && relay.down.forwarded > 500, JSON.stringify(relay.down))
    }),
  { skip },
)

test(
  'drops datagrams beyond its size limit, and a download fits itself to it',
  async () =>
    through({ maxBytes: 1300 }, async (relay, url) => {
      const answer = await goquic.ask({ url: `${url}/bytes/1000000`, http: 'h3', ca })
      assert.is(answer.sha256, megabyte, answer.error)
      assert.ok(relay.down.tooLong + relay.up.tooLong > 0, 'nobody tried more')
    }),
  { skip },
)

test(
  'moves the client to another port, and a download goes on',
  async () =>
    through({ delayMs: 2 }, async (relay, url) => {
      const asked = goquic.ask({ url: `${url}/bytes/10000000`, http: 'h3', ca })
      await until(5000, 'the download is under way', () => relay.down.bytes > 100_000)
      await relay.rebind()
      const before = relay.down.bytes
      const answer = await asked
      assert.is(answer.bytes, 10_000_000, answer.error)
      assert.ok(relay.down.bytes > before, 'all had come before the port changed')
    }),
  { skip },
)

test(
  'goes dark, and comes back',
  async () =>
    through({}, async (relay, url) => {
      relay.blackhole(true)
      const asked = goquic.ask({ url: `${url}/bytes/5`, http: 'h3', ca })
      await until(5000, 'a datagram was lost', () => relay.up.dark > 0)
      relay.blackhole(false)
      const answer = await asked
      assert.is(answer.bytes, 5, answer.error)
    }),
  { skip },
)

test('the same seed loses the same datagrams', async () => {
  const first = await arrivals()
  assert.is(await arrivals(), first)
  assert.ok(first.length > 20 && first.split(' ').length < 60, first)
})

/** Which of 64 datagrams arrive through a relay that loses half. */
async function arrivals(): Promise<string> {
  const sink = createSocket('udp4').bind(0, '127.0.0.1')
  await once(sink, 'listening')
  const relay = await startRelay({ to: sink.address().port, seed: 42, up: { loss: 0.5 } })
  const client = createSocket('udp4')
  let arrived = ''
  sink.on('message', (bytes) => {
    arrived += `${bytes.toString()} `
  })
  for (let index = 0; index < 64; index++) {
    client.send(String(index), relay.port, '127.0.0.1')
    // One after the other: UDP keeps no order between sends under way.
    await until(2000, 'the relay has it', () => relay.up.lost + relay.up.forwarded > index)
  }
  await until(2000, 'all that were forwarded arrived', () => arrived.split(' ').length > relay.up.forwarded)
  client.close()
  sink.close()
  await relay.close()
  return arrived
}

test.run()
