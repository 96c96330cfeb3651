// What the library makes of its options: what crosses to the engine, and how mistakes are told.
import { Buffer } from 'node:buffer'
import * as assert from 'uvu/assert'
import { Engine } from '../../quic/engine.ts'
import type { EngineOptions } from '../../quic/engine.ts'
import { errorCodes } from '../../quic/errors.ts'
import { startEngine } from '../../quic/index.ts'
import type { ListenOptions } from '../../quic/listener.ts'
import { enginePath } from '../../quic/native.ts'
import type { NativeModule } from '../../quic/native.ts'
import type { UpstreamOptions } from '../../quic/upstream.ts'
import { suite } from '../support/suite.ts'
import { fakeEngine, serving, table } from './fake.ts'

const test = suite('options')
const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'
const identity = { certificate: Buffer.from(pem), key: pem }
const crossed = { certificate: pem, key: pem }
const answer = () => ({ kind: 'respond', status: 200 }) as const

/** Stands in for the class of an engine that cannot start. */
function Failing(): void {
  throw new Error('tls/untrusted: no such authority')
}

async function mistake(attempt: () => unknown): Promise<string> {
  try {
    await attempt()
  } catch (error) {
    assert.instance(error, TypeError)
    return (error as Error).message
  }
  throw new Error('no mistake was found')
}

test('a mistake in listen names the key, the value and the rule', async () => {
  const { engine, native } = fakeEngine()
  const good = { address: '127.0.0.1', port: 0, tcp: {} }
  const cases: [options: unknown, message: string][] = [
    [{ ...good, port: 70_000 }, 'listen.port is 70000: must be 0 to 65535'],
    [{ ...good, port: undefined }, 'listen.port is missing: must be given'],
    [{ ...good, address: 'localhost' }, "listen.address is 'localhost': must be an IP address"],
    [{ address: '::', port: 0 }, 'listen holds neither tcp nor quic: must hold one'],
    [{ ...good, tcp: { protocols: ['h3'] } }, "listen.tcp.protocols[0] is 'h3': must be one of h1, h2"],
    [{ ...good, tcp: { protocols: ['h1', 'h1'] } }, "listen.tcp.protocols[1] is 'h1': stands there twice"],
    [{ ...good, tcp: { protocols: [] } }, 'listen.tcp.protocols is an empty list: must hold at least 1'],
    [{ ...good, quic: {} }, 'listen.quic.tls is missing: must be given, here or in tcp'],
    [{ ...good, tcp: { tls: { identities: [] } } }, 'listen.tcp.tls.identities is an empty list: must hold at least 1'],
    [
      { ...good, tcp: { tls: { identities: [{ certificate: 'secret', key: pem }] } } },
      'listen.tcp.tls.identities[0].certificate is not PEM: must hold a -----BEGIN line',
    ],
    [{ ...good, limits: { idleMs: 0 } }, 'listen.limits.idleMs is 0: must be 1 to 86400000'],
    [null, 'listen is null: must be an object'],
  ]
  for (const [options, message] of cases) {
    assert.is(await mistake(() => engine.listen(options as ListenOptions, answer)), message)
  }
  assert.match(
    await mistake(() => engine.listen({ ...good, limits: { idle: 5 } } as ListenOptions, answer)),
    /^listen\.limits\.idle is not an option: must be one of maxConnections, /,
  )
  assert.is(
    await mistake(() => engine.listen(good, undefined as unknown as typeof answer)),
    'decide is missing: must be a function',
  )
  assert.equal(native.given.listen, [])
  await engine.stop()
})

test('a mistake in an upstream names the key, the value and the rule, and shows no password', async () => {
  const { engine, native } = fakeEngine()
  const origin = 'https://example.test'
  const cases: [options: unknown, message: string][] = [
    [{}, 'upstream.origin is missing: must be given'],
    [{ origin: 'ftp://x' }, "upstream.origin is 'ftp://x': must be http://host:port or https://host:port"],
    [
      { origin: 'https://user:hunter2@x/' },
      'upstream.origin holds more than scheme, host and port: must be http://host:port or https://host:port',
    ],
    [{ origin: 'http://x', protocols: ['h3'] }, 'upstream.protocols holds h3: must be h2 or h1 for an http origin'],
    [
      { origin, addresses: ['example.test:1'] },
      "upstream.addresses[0] is 'example.test:1': must be ip, ip:port or [ip]:port",
    ],
    [
      { origin, addresses: ['127.0.0.1:70000'] },
      "upstream.addresses[0] is '127.0.0.1:70000': must be ip, ip:port or [ip]:port",
    ],
    [{ origin, pool: { maxIdle: -1 } }, 'upstream.pool.maxIdle is -1: must be 0 to 1000000'],
    [{ origin, timeouts: { connectMs: '5' } }, "upstream.timeouts.connectMs is '5': must be 1 to 86400000"],
    [{ origin, fallback: 1 }, 'upstream.fallback is 1: must be true or false'],
    [{ origin, tls: { roots: 'all' } }, "upstream.tls.roots is 'all': must be one of system, none"],
    [{ origin, tls: { ca: 5 } }, 'upstream.tls.ca is 5: must be PEM as a string or a Uint8Array'],
    [
      { origin, tls: { clientCertificate: { key: pem } } },
      'upstream.tls.clientCertificate.certificate is missing: must be given',
    ],
  ]
  for (const [options, message] of cases) {
    assert.is(await mistake(() => engine.upstream(options as UpstreamOptions)), message)
  }
  for (const address of ['127.0.0.1', '127.0.0.1:1', '::1', '[::1]:65535'])
    engine.upstream({ origin, addresses: [address] })
  assert.is(native.given.upstream.length, 4)
  await engine.stop()
})

test('a mistake in the engine, in drain or in stop names the key, the value and the rule', async () => {
  const cases: [options: unknown, message: string][] = [
    [{ threads: 0 }, 'engine.threads is 0: must be 1 to 256'],
    [{ limits: { decisionMs: 1.5 } }, 'engine.limits.decisionMs is 1.5: must be 1 to 86400000'],
    [{ onRecord: 5 }, 'engine.onRecord is 5: must be a function'],
  ]
  for (const [options, message] of cases) assert.is(await mistake(() => startEngine(options as EngineOptions)), message)
  const { engine, listener } = await serving(answer)
  assert.is(await mistake(() => listener.drain({ graceMs: -1 })), 'drain.graceMs is -1: must be 0 to 86400000')
  assert.is(await mistake(() => engine.stop({ graceMs: -1 })), 'stop.graceMs is -1: must be 0 to 86400000')
  assert.is(
    await mistake(() => listener.replaceTls({ identities: [] })),
    'tls.identities is an empty list: must hold at least 1',
  )
  assert.is(await mistake(() => listener.replaceLimits({ idleMs: 0 })), 'limits.idleMs is 0: must be 1 to 86400000')
  await engine.stop()
})

test('what the engine is given holds PEM as text, and nothing that was left out', async () => {
  const { engine, native } = fakeEngine({ threads: 2, limits: { decisionMs: 50 }, onEvent: () => undefined })
  const tls = { identities: [identity], clientCertificates: { mode: 'optional', ca: identity.certificate } } as const
  const limits = { maxStreams: 5 }
  const listener = await engine.listen(
    { address: '::1', port: 0, tcp: { tls, protocols: ['h2'] }, quic: { port: 9 }, limits },
    answer,
  )
  await listener.replaceTls({ identities: [identity], minVersion: '1.3' })
  await listener.replaceLimits({ maxStreams: 6, idleMs: undefined })
  const upstream = engine.upstream({
    origin: 'https://Example.test:443/',
    tls: { ca: identity.certificate, clientCertificate: identity },
    protocols: ['h3', 'h1'],
  })
  upstream.close()
  upstream.close()
  assert.equal(native.given, {
    options: { threads: 2, limits: { decisionMs: 50 } },
    listen: [
      {
        address: '::1',
        port: 0,
        tcp: { tls: { identities: [crossed], clientCertificates: { mode: 'optional', ca: pem } }, protocols: ['h2'] },
        quic: { port: 9 },
        limits,
      },
    ],
    tls: [[1, { identities: [crossed], minVersion: '1.3' }]],
    limits: [[1, { maxStreams: 6 }]],
    upstream: [
      { origin: 'https://example.test', tls: { ca: pem, clientCertificate: crossed }, protocols: ['h3', 'h1'] },
      1,
    ],
  })
  assert.equal([listener.port, listener.quicPort, upstream.origin], [8080, undefined, 'https://Example.test:443/'])
  await engine.stop()
})

test('an error of the engine carries its code and what the table says of it', async () => {
  try {
    // never used beyond its constructor
    Engine.start({ NativeEngine: Failing as unknown as NativeModule['NativeEngine'], errorTable: () => table }, {})
    assert.unreachable()
  } catch (error) {
    assert.equal(
      { ...(error as object) },
      { name: 'TransportError', code: 'tls/untrusted', detail: 'no such authority' },
    )
  }
  const { engine } = fakeEngine()
  assert.equal(engine.stats(), { counts: { openExchanges: 1, owedByPolicy: 0 }, upstreams: { 1: {} } })
  assert.equal([...engine.errors.keys()], [...errorCodes])
  await engine.stop()
})

test('an engine that is missing says where it was sought and how to get it', async () => {
  await startEngine({ native: '/nowhere/engine.node' }).then(
    () => assert.unreachable(),
    (error: unknown) =>
      assert.is((error as Error).message, 'the engine is missing at /nowhere/engine.node: run npm run build'),
  )
  await startEngine({ native: import.meta.filename }).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match((error as Error).message, /cannot be loaded \(.*\): run npm run build$/),
  )
  assert.match(enginePath(), /dist\/harmony-engine\.node$/)
})

test.run()
