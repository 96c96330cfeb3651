// Addresses that cannot be listened on: the error says which and why, and nothing stays open.
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import * as assert from 'uvu/assert'
import { TransportError } from '../../quic/index.ts'
import type { Engine, ListenOptions } from '../../quic/index.ts'
import { identity, watchedEngine } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('addresses that cannot be listened on')

const ip = '127.0.0.1'
const tls = () => ({ identities: [{ certificate: identity().certificate, key: identity().key }] })
const ok = () => ({ kind: 'respond', status: 200 }) as const

async function holdTcp(port = 0): Promise<Server> {
  const server = createServer().listen(port, ip)
  await once(server, 'listening')
  return server
}

async function holdUdp(port = 0): Promise<Socket> {
  const socket = createSocket('udp4').bind(port, ip)
  await once(socket, 'listening')
  return socket
}

async function letGo(held: Server | Socket): Promise<void> {
  const closed = once(held, 'close')
  held.close()
  await closed
}

const portOf = (held: Server | Socket): number => (held.address() as AddressInfo).port

async function refusal(engine: Engine, options: ListenOptions): Promise<TransportError> {
  const failure: unknown = await engine.listen(options, ok).catch((error: unknown) => error)
  assert.instance(failure, TransportError)
  return failure as TransportError
}

async function withEngine(body: (engine: Engine, events: readonly { type: string }[]) => Promise<void>): Promise<void> {
  const { engine, events } = await watchedEngine()
  try {
    await body(engine, events)
  } finally {
    await engine.stop({ graceMs: 0 })
  }
}

test('a TCP port that is taken is named, and no UDP port is held', async () =>
  withEngine(async (engine, events) => {
    const held = await holdTcp()
    const port = portOf(held)
    const options: ListenOptions = { address: ip, port, tcp: { tls: tls() }, quic: {} }
    const { code, detail } = await refusal(engine, options)
    assert.is(code, 'listen/in-use')
    assert.ok(detail.startsWith(`cannot listen on tcp ${ip}:${port}: `), detail)
    await letGo(await holdUdp(port))
    assert.equal(events, [])
    await letGo(held)
    const listener = await engine.listen(options, ok)
    assert.equal([listener.port, listener.quicPort], [port, port])
  }))

test('a UDP port that is taken is named, and no TCP port is held', async () =>
  withEngine(async (engine, events) => {
    const held = await holdUdp()
    const port = portOf(held)
    const options: ListenOptions = { address: ip, port, tcp: { tls: tls() }, quic: {} }
    const { code, detail } = await refusal(engine, options)
    assert.is(code, 'listen/in-use')
    assert.ok(detail.startsWith(`cannot listen on udp ${ip}:${port}: `), detail)
    await letGo(await holdTcp(port))
    assert.equal(events, [])
    await letGo(held)
    const listener = await engine.listen(options, ok)
    assert.equal([listener.port, listener.quicPort], [port, port])
  }))

test('an address of another host is named', async () =>
  withEngine(async (engine) => {
    // RFC 5737: addresses that nobody has
    for (const options of [{ tcp: {} }, { quic: { tls: tls() } }]) {
      const { code, detail } = await refusal(engine, { address: '192.0.2.1', port: 0, ...options })
      assert.is(code, 'listen/unavailable')
      assert.match(detail, /^cannot listen on (tcp|udp) 192\.0\.2\.1:0: /)
    }
  }))

/** Whether port 1 is denied to who has no right to it: some containers let everybody have it. */
function everybodyMay(): string | undefined {
  if (process.platform !== 'linux') return 'linux tells who may'
  const first = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
  return first > 1 ? undefined : 'everybody may listen on every port'
}

test(
  'a port that is not allowed is named',
  async () =>
    withEngine(async (engine) => {
      const { seteuid, getuid } = process
      const root = getuid?.() === 0
      if (root) seteuid?.(65_534)
      try {
        for (const [transport, options] of [
          ['tcp', { tcp: {} }],
          ['udp', { quic: { tls: tls() } }],
        ] as const) {
          const { code, detail } = await refusal(engine, { address: ip, port: 1, ...options })
          assert.is(code, 'listen/denied')
          assert.ok(detail.startsWith(`cannot listen on ${transport} ${ip}:1: `), detail)
        }
      } finally {
        if (root) seteuid?.(0)
      }
    }),
  { skip: everybodyMay() },
)

test('a certificate that cannot be used opens nothing', async () =>
  withEngine(async (engine, events) => {
    const held = await holdTcp()
    const port = portOf(held)
    await letGo(held)
    const broken = { identities: [{ certificate: identity().certificate, key: identity().certificate }] }
    const { code } = await refusal(engine, { address: ip, port, tcp: {}, quic: { tls: broken } })
    assert.is(code, 'listen/failed')
    await letGo(await holdTcp(port))
    await letGo(await holdUdp(port))
    assert.equal(events, [])
  }))

test.run()
