// Upstreams across generations: what is shared, what is closed when, and how each is reached.
import { once } from 'node:events'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import * as assert from 'uvu/assert'
import { Upstreams } from '../../core/gateway/upstreams.ts'
import type { UpstreamSpec } from '../../core/config/model.ts'
import { Secret } from '../../core/secret.ts'
import type { Engine, UpstreamOptions } from '../../quic/index.ts'
import { until } from '../support/deadline.ts'
import { identity, listenFor, startClient, startOrigin, watchedEngine } from '../support/rig.ts'
import { suite } from '../support/suite.ts'
import { spec } from '../service/fixture.ts'

const test = suite('upstreams of generations')

/** An engine that is none, and what was asked of it. */
function fake() {
  const opened: UpstreamOptions[] = []
  const closed: number[] = []
  const upstream = (options: UpstreamOptions) => {
    opened.push(options)
    const id = opened.length
    return { id, origin: options.origin, close: () => closed.push(id) }
  }
  // as much of an engine as the pool uses
  const engine = { upstream } as unknown as Engine
  return { upstreams: new Upstreams(engine, () => 0), opened, closed }
}

const pem = (text: string) => Buffer.from(text)
const place = { file: 'config.toml', path: [] }
const certificate = (key: string) => ({
  certificate: pem('certificate'),
  key: new Secret(pem(key)),
  certificatePath: '/c',
  keyPath: '/k',
  place,
})

test('two backends that are reached in the same way share an upstream', () => {
  const { upstreams, opened } = fake()
  const lease = upstreams.lease()
  const first = lease.open(spec(undefined, { basePath: '/a', ca: pem('ca'), maxRetries: 1 }), false)
  const second = lease.open(spec(undefined, { basePath: '/b', ca: pem('ca'), maxRetries: 9 }), false)
  assert.is(first, second)
  assert.is(opened.length, 1)
})

const base = { ca: pem('ca'), clientCertificate: certificate('key') }
const differences: Record<string, [Partial<UpstreamSpec>, boolean]> = {
  authorities: [{ ca: pem('other') }, false],
  'system authorities': [{ ca: undefined }, false],
  'client key': [{ clientCertificate: certificate('other') }, false],
  'no client certificate': [{ clientCertificate: undefined }, false],
  'connect time-out': [{ connectSecs: 3 }, false],
  'time-out': [{ timeoutSecs: 31 }, false],
  'idle time-out': [{ idleSecs: 61 }, false],
  'HTTP/3': [{}, true],
}

test('whatever decides a connection makes it another upstream, with one budget for the origin', () => {
  const { upstreams, opened } = fake()
  const lease = upstreams.lease()
  const first = lease.open(spec(undefined, base), false)
  for (const [what, [more, http3]] of Object.entries(differences)) {
    const other = lease.open(spec(undefined, { ...base, ...more }), http3)
    assert.is.not(other.upstream, first.upstream, what)
    assert.is(other.budget, first.budget, what)
  }
  const elsewhere = lease.open(spec('https://other.test:443', base), false)
  assert.is.not(elsewhere.budget, first.budget)
  assert.is(opened.length, Object.keys(differences).length + 2)
})

test('protocols: plain HTTP/1.1, TLS with HTTP/2 first, HTTP/3 first, and HTTP/3 alone', () => {
  const { upstreams, opened } = fake()
  const lease = upstreams.lease()
  lease.open(spec('http://upstream.test:80'), false)
  lease.open(spec(), false)
  lease.open(spec(), true)
  lease.open(spec(undefined, { fallback: false }), true)
  const said = opened.map(({ protocols, fallback }) => [protocols, fallback])
  assert.equal(said, [
    [['h1'], undefined],
    [['h2', 'h1'], undefined],
    [['h3', 'h2', 'h1'], true],
    [['h3'], false],
  ])
  lease.open(spec(undefined, { http3: true }), false)
  assert.is(opened.length, 4, 'a spec that prefers HTTP/3 is the one that was asked for with it')
})

test('HTTP/3 to a plain origin is refused before anything is opened', () => {
  const { upstreams, opened } = fake()
  const plain = spec('http://upstream.test:80')
  assert.throws(() => upstreams.lease().open(plain, true), /cannot be reached over HTTP\/3: must be https/)
  assert.throws(() => upstreams.lease().open({ ...plain, http3: true }, false), /must be https/)
  assert.is(opened.length, 0)
})

test('three times bound three things, and nobody waits longer for a connection than for an answer', () => {
  const { upstreams, opened } = fake()
  const lease = upstreams.lease()
  lease.open(spec(undefined, { connectSecs: 5, timeoutSecs: 30, idleSecs: 60 }), false)
  lease.open(spec(undefined, { connectSecs: 10, timeoutSecs: 2, idleSecs: 60 }), false)
  const said = opened.map(({ timeouts }) => timeouts)
  assert.equal(said, [
    { connectMs: 5_000, firstByteMs: 30_000, idleMs: 60_000 },
    { connectMs: 2_000, firstByteMs: 2_000, idleMs: 60_000 },
  ])
})

test('a generation takes over what stays, and the rest closes with the last that held it', () => {
  const { upstreams, closed } = fake()
  const [stays, goes, comes] = [spec('https://a.test:443'), spec('https://b.test:443'), spec('https://c.test:443')]
  const old = upstreams.lease()
  const kept = old.open(stays, false)
  old.open(stays, false)
  old.open(goes, false)
  const young = upstreams.lease()
  assert.is(young.open(stays, false), kept)
  young.open(comes, false)
  assert.is(upstreams.size, 3)
  assert.is(upstreams.originOf(2), 'https://b.test:443')

  old.release()
  old.release()
  assert.equal(closed, [2])
  assert.is(upstreams.size, 2)
  assert.is(upstreams.originOf(2), undefined)
  assert.throws(() => old.open(stays, false), /released/)

  young.release()
  assert.equal(closed, [2, 1, 3])
  assert.is(upstreams.size, 0)
})

test('a budget outlives a change of time-outs', () => {
  const { upstreams } = fake()
  const old = upstreams.lease()
  const { budget } = old.open(spec(), false)
  const young = upstreams.lease()
  const changed = young.open(spec(undefined, { timeoutSecs: 5 }), false)
  old.release()
  assert.is(changed.budget, budget)
  assert.is(young.open(spec(undefined, { timeoutSecs: 6 }), false).budget, budget)
  young.release()
  assert.is.not(upstreams.lease().open(spec(), false).budget, budget)
})

// --- with an engine ---

test('a reload keeps the connection of an upstream that stays, and closes that of one that went', async () => {
  const accepted = { stays: 0, goes: 0 }
  const open = { stays: 0, goes: 0 }
  const serve = async (name: 'stays' | 'goes') => {
    const server = net.createServer((socket) => {
      accepted[name] += 1
      open[name] += 1
      socket.on('error', () => {}).on('close', () => (open[name] -= 1))
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine'))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return { server, spec: spec(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) }
  }
  const [stays, goes] = [await serve('stays'), await serve('goes')]
  const { engine } = await watchedEngine()
  const upstreams = new Upstreams(engine, () => performance.now())
  let lease = upstreams.lease()
  const listener = await listenFor(engine, 'h1', (head) => {
    const to = head.target === '/goes' ? goes : stays
    return { kind: 'forward', upstream: lease.open(to.spec, false).upstream, authority: 'x' }
  })
  const client = await startClient('h1', listener.port)
  const get = async (path: string) => {
    const reply = await client.send({ path })
    await reply.bytes()
    return reply.status
  }
  try {
    assert.equal([await get('/stays'), await get('/goes')], [200, 200])
    for (let reload = 0; reload < 5; reload++) {
      const old = lease
      lease = upstreams.lease()
      lease.open(stays.spec, false)
      old.release()
      assert.is(await get('/stays'), 200)
    }
    assert.is(accepted.stays, 1, 'one connection through five reloads')
    await until(5_000, 'the connection of the other to close', () => open.goes === 0)
    assert.is(Object.keys(engine.stats().upstreams).length, 1)
  } finally {
    await client.close()
    await engine.stop({ graceMs: 0 })
    stays.server.close()
    goes.server.close()
  }
})

test('custom authorities and a client certificate reach the upstream over TLS', async () => {
  const origin = await startOrigin('h2', (_request, response) => response.end('fine'))
  const { engine } = await watchedEngine()
  const lease = new Upstreams(engine, () => 0).lease()
  const { ca, certificate, key } = identity()
  const shown = { ...base.clientCertificate, certificate: pem(certificate), key: new Secret(pem(key)) }
  const trusted = lease.open(spec(origin.url, { ca: pem(ca), clientCertificate: shown }), false)
  const strange = lease.open(spec(origin.url), false)
  const listener = await listenFor(engine, 'h1', (head) => ({
    kind: 'forward',
    upstream: (head.target === '/trusted' ? trusted : strange).upstream,
    authority: 'localhost',
  }))
  const client = await startClient('h1', listener.port)
  try {
    assert.is((await client.send({ path: '/trusted' })).status, 200)
    assert.is((await client.send({ path: '/strange' })).status, 502, 'of no authority that the system trusts')
  } finally {
    await client.close()
    await engine.stop({ graceMs: 0 })
    await origin.close()
  }
})

test.run()
