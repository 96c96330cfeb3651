// What a reload does to sockets: what stays keeps its connections, what is gone drains, what cannot be bound changes
// nothing.
import http2 from 'node:http2'
import net from 'node:net'
import * as assert from 'uvu/assert'
import { Listeners } from '../../core/gateway/listeners.ts'
import type { Config, Network } from '../../core/config/model.ts'
import { pattern } from '../peers/index.ts'
import { fakeEngine } from '../quic/fake.ts'
import { engine as engineSays } from '../quic/wire.ts'
import { networkWith } from '../support/config.ts'
import { until, within } from '../support/deadline.ts'
import { frameKinds, headers, indexed } from '../support/frames.ts'
import { answered, later, overwrite, serialIn, serialOf, withReloading } from '../support/reloading.ts'
import type { Reloading } from '../support/reloading.ts'
import { identity, localhost, protocols, startClient } from '../support/rig.ts'
import { textOf } from '../support/serve.ts'
import { suite } from '../support/suite.ts'
import { connect, connectHttp2, outcome, statuses } from '../support/wire.ts'

const test = suite('sockets after a reload')

const get = { path: '/bytes/10' }
const ten = pattern(10)

/** Whether somebody listens. */
async function open(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1')
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
  } finally {
    socket.destroy()
  }
}

/** A socket of somebody else's. */
async function taken(port: number): Promise<net.Server> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return server
}

/** HTTP/1.1 by hand, on one connection. */
async function wired(port: number) {
  const wire = await connect(port)
  let asked = 0
  return {
    wire,
    /** The status of one more request. */
    ask: async (): Promise<number | undefined> => {
      asked += 1
      wire.write('GET /relay/bytes/10 HTTP/1.1\r\nhost: localhost\r\n\r\n')
      await until(5_000, 'an answer', () => statuses(wire.text()).length === asked || wire.closed())
      return statuses(wire.text())[asked - 1]
    },
  }
}

const accepted = async ({ metric }: Reloading): Promise<number[]> =>
  Promise.all(['http2', 'http3'].map(async (name) => metric(`harmony_engine_accepted_${name}_total`)))

test('listeners that stay as they were keep their connections, while others come and go', async () =>
  withReloading(async (scene) => {
    const { plain, spare, b, take, client } = scene
    const wire = await wired(plain)
    const kept = [await client('h2'), await client('h3')]
    assert.is(await wire.ask(), 200)
    for (const one of kept) assert.is(await answered(one, get, ten), 'a')
    const before = await accepted(scene)
    assert.equal(before, [1, 1])
    for (const setting of [{ backend: b.port }, { spare: [...spare] }, { spare: [spare[1]] }, {}]) {
      assert.ok((await take(setting)).ok)
      assert.is(await wire.ask(), 200)
      for (const one of kept) assert.is(await answered(one, get, ten), 'b')
    }
    assert.is(wire.wire.closed(), false)
    assert.equal(await accepted(scene), before)
    wire.wire.destroy()
  }))

test('a changed certificate is shown to new connections, while open ones over HTTP/2 and HTTP/3 stay', async () =>
  withReloading(async (scene) => {
    const { tls, pairs, project, take, client } = scene
    const kept = [await client('h2'), await client('h3')]
    for (const one of kept) assert.is(await answered(one, get, ten), 'a')
    const before = await accepted(scene)
    assert.is(await serialOf(tls), serialIn(pairs, 0))
    overwrite(project, pairs, 1)
    const reloaded = await take()
    assert.ok(reloaded.ok)
    assert.match(reloaded.message, '2 with a new certificate')
    assert.is(await serialOf(tls), serialIn(pairs, 1))
    for (const one of kept) assert.is(await answered(one, get, ten), 'a')
    assert.equal(await accepted(scene), before)
  }))

test('a changed certificate is shown over HTTP/3 too', async () =>
  withReloading(async ({ tls, pairs, project, take, client }) => {
    assert.is(await answered(await client('h3'), get, ten), 'a')
    // of an authority that the client does not know
    const other = identity().authority.issue('elsewhere', { names: ['DNS:elsewhere'] })
    project.write('identity/cert.pem', textOf(other.chain))
    project.write('identity/key.pem', textOf(other.key))
    assert.ok((await take()).ok)
    const refused = await startClient('h3', tls)
    const reply = await refused.send({ path: '/relay/bytes/10' })
    await reply.bytes()
    assert.is(reply.status, 502)
    await until(5_000, 'a certificate that is refused', () => refused.bridge?.records[0]?.code?.startsWith('tls/'))
    await refused.close()
    overwrite(project, pairs, 1)
    assert.ok((await take()).ok)
    assert.is(await answered(await client('h3'), get, ten), 'a')
  }))

for (const protocol of protocols)
  test(`a listener that is removed drains: no new connection, and the answer under way is said to its end, ${protocol}`, async () =>
    withReloading(async ({ a, tls, spare, project, gateway, take, client }) => {
      assert.ok((await take({ spare: [spare[0]] })).ok)
      const asker = await client(protocol, protocol === 'h1' ? spare[0] : tls)
      const half = await within(5_000, 'the head', asker.send({ path: '/relay/held/half' }))
      const whole = later(half.bytes())
      const held = later(answered(asker, { path: '/held' }, 'held at a'))
      await until(5_000, 'the request at a', () => a.asked() === 2)
      // the spare one and that of HTTP/2 and HTTP/3
      const config = textOf(project.config)
      project.write('config.toml', config.slice(0, config.indexOf('[network.tls')).concat('\n'))
      project.write('pipelines/relay.toml', textOf(project.path('pipelines/relay.toml')).replace(/networks = .*/, 'networks = ["plain"]')) // prettier-ignore
      const reloaded = await gateway.reload('test')
      assert.ok(reloaded.ok, reloaded.message)
      assert.match(reloaded.message, 'listeners -3')
      await until(5_000, 'closed sockets', async () => !(await open(spare[0])) && !(await open(tls)))
      if (protocol === 'h3') {
        const late = await startClient('h3', tls)
        assert.is((await late.send({ path: '/relay/bytes/10' })).status, 502)
        await late.close()
      }
      a.release()
      assert.is(await held, 'a')
      assert.is(String(await within(5_000, 'the rest', whole)), 'first of a,last of a')
    }))

test('what was on its way to a listener that is removed is answered by the generation that had it', async () =>
  withReloading(async ({ a, spare, take }) => {
    assert.ok((await take({ spare: [spare[0]] })).ok)
    const wire = await connectHttp2(spare[0])
    const ask = (stream: number, path: string): void =>
      wire.write(headers(stream, [2, indexed.schemeHttp, [':path', path], [':authority', 'localhost']], 1))
    ask(1, '/relay/held')
    await until(5_000, 'the request at a', () => a.asked() === 1)
    assert.ok((await take({ spare: undefined })).ok)
    await until(5_000, 'a GOAWAY', () => wire.frames().some(({ kind }) => kind === frameKinds.goaway))
    // RFC 9113 6.8: the client has not acknowledged yet, so its requests are still taken
    ask(3, '/relay/bytes/10')
    await until(5_000, 'an answer', () => outcome(wire.frames(), 3))
    assert.is(outcome(wire.frames(), 3), '200')
    a.release()
    await until(5_000, 'the other answer', () => outcome(wire.frames(), 1))
    assert.is(outcome(wire.frames(), 1), '200')
    wire.destroy()
  }))

test('an address that cannot be bound keeps the old generation, whole', async () =>
  withReloading(async (scene) => {
    const { plain, tls, spare, pairs, project, b, gateway, take, client, lines, metric } = scene
    const other = await taken(spare[1])
    try {
      const kept = [await client('h1'), await client('h2'), await client('h3')]
      overwrite(project, pairs, 1)
      const reloaded = await take({ backend: b.port, spare: [...spare] })
      assert.is(reloaded.ok, false)
      assert.is(reloaded.generation, 1)
      assert.match(reloaded.message, `network "spare1" cannot listen on 127.0.0.1 TCP port ${spare[1]}`)
      const logged = lines.find((line) => line['event'] === 'reload')
      assert.equal([logged?.level, logged?.message], ['error', reloaded.message])
      assert.is(await metric('harmony_config_reloads_total{outcome="failed"}'), 1)
      // neither the new backend, nor the new certificate, nor the other new socket
      for (const one of kept) assert.is(await answered(one, get, ten), 'a')
      assert.is(await serialOf(tls), serialIn(pairs, 0))
      assert.is(await open(spare[0]), false)
      assert.equal([...new Set(gateway.listening.map(({ port }) => port))], [plain, tls])
    } finally {
      await new Promise((resolve) => other.close(resolve))
    }
    assert.ok((await take()).ok)
    assert.is(await answered(await client('h1', spare[1]), get, ten), 'b')
    assert.is(await serialOf(tls), serialIn(pairs, 1))
  }))

test('a port that turns from plain to TLS answers in TLS, and turns back when the rest cannot be bound', async () =>
  withReloading(async ({ a, spare, project, take, gateway, client }) => {
    assert.ok((await take({ spare: [spare[0]] })).ok)
    const asker = await client('h1', spare[0])
    const held = later(answered(asker, { path: '/held' }, 'held at a'))
    await until(5_000, 'the request at a', () => a.asked() === 1)
    const plain = textOf(project.config)
    const pair = 'cert_path = "identity/cert.pem"\nkey_path = "identity/key.pem"\n'
    const encrypted = plain.replace(`bind_port = ${spare[0]}\n`, `bind_port = ${spare[0]}\n${pair}`)
    const other = await taken(spare[1])
    try {
      project.write('config.toml', `${encrypted}\n[network.more.tcp_config]\nbind_address = "127.0.0.1"\nbind_port = ${spare[1]}\n`) // prettier-ignore
      assert.is((await gateway.reload('test')).ok, false)
      assert.is(await answered(await client('h1', spare[0]), get, ten), 'a')
    } finally {
      await new Promise((resolve) => other.close(resolve))
    }
    project.write('config.toml', encrypted)
    const reloaded = await gateway.reload('test')
    assert.ok(reloaded.ok, reloaded.message)
    assert.is(await answered(await client('h2', spare[0]), get, ten), 'a')
    a.release()
    assert.is(await held, 'a')
  }))

test('a network that gets another name keeps its socket and its connections', async () =>
  withReloading(async ({ spare, project, take, gateway }) => {
    assert.ok((await take({ spare: [spare[0]] })).ok)
    const wire = await wired(spare[0])
    assert.is(await wire.ask(), 200)
    for (const file of ['config.toml', 'pipelines/relay.toml'])
      project.write(file, textOf(project.path(file)).replaceAll('spare0', 'renamed'))
    const reloaded = await gateway.reload('test')
    assert.ok(reloaded.ok, reloaded.message)
    assert.is(await wire.ask(), 200)
    assert.is(gateway.listening.find(({ port }) => port === spare[0])?.network, 'renamed')
    wire.wire.destroy()
  }))

test('limits that change hold for new connections, and the open ones stay', async () =>
  withReloading(async ({ plain, project, gateway, client, tls }) => {
    const session = http2.connect(`https://localhost:${tls}`, { ca: identity().ca, lookup: localhost })
    const ask = async (): Promise<number> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': `/relay/bytes/10?${'x'.repeat(500)}` })
        stream.once('response', (head) => resolve(Number(head[':status']))).once('error', reject)
        stream.resume()
      })
    assert.is(await ask(), 200)
    project.write('config.toml', `${textOf(project.config)}\n[network.tls.limits]\nmax_target_bytes = 100\n`)
    assert.ok((await gateway.reload('test')).ok)
    assert.is(await ask(), 200)
    const fresh = await client('h2')
    const reply = await fresh.send({ path: `/relay/bytes/10?${'x'.repeat(500)}` })
    assert.is(reply.status, 414)
    assert.is(await answered(await client('h1', plain), get, ten), 'a')
    session.destroy()
  }))

test('a gateway that stops while a removed listener drains ends within its grace', async () =>
  withReloading(async ({ a, spare, take, client, gateway }) => {
    assert.ok((await take({ spare: [spare[0]] })).ok)
    const asker = await client('h1', spare[0])
    const held = asker.send({ path: '/relay/held' }).then(({ status }) => status, () => 'cut') // prettier-ignore
    await until(5_000, 'the request at a', () => a.asked() === 1)
    assert.ok((await take({ spare: undefined })).ok)
    assert.equal(await within(10_000, 'the stop', gateway.stop({ graceMs: 100 })), { cut: 1 })
    assert.is(await held, 503)
  }))

test('a request that comes in while others are still being opened waits until the configuration is taken', async () => {
  const { engine, native } = fakeEngine()
  const networks = ['first', 'second'].map((name, at): [string, Network] => {
    const network = networkWith(name)
    const tcp = { address: '127.0.0.1', port: 80 + at, tls: undefined, forceHttps: false, place: network.place }
    return [name, { ...network, tcp }]
  })
  const decided: string[] = []
  const listeners = new Listeners(
    engine,
    ({ network }, head) => {
      decided.push(`${network} ${head.target}`)
      return { kind: 'respond', status: 200 }
    },
    1_000,
  )
  // sockets are made of the networks alone
  const prepared = await listeners.prepare({ networks: new Map(networks) } as unknown as Config)
  native.tell(engineSays.head(1, { listener: 1, target: '/early' }))
  await until(5_000, 'the request', () => native.waiting === 0 && native.idle)
  assert.equal([decided, native.said], [[], []])
  prepared.commit(undefined)
  await until(5_000, 'the answer', () => native.said.length === 1)
  assert.equal(decided, ['first /early'])
  native.tell(engineSays.head(2, { listener: 2, target: '/late' }))
  await until(5_000, 'the other answer', () => native.said.length === 2)
  assert.equal(decided, ['first /early', 'second /late'])
  await engine.stop()
})

test.run()
