// One generation after the other: a request belongs to that which decided about it, from its first byte to its last.
import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import { pattern } from '../peers/index.ts'
import { until, within } from '../support/deadline.ts'
import { answered, later, withReloading } from '../support/reloading.ts'
import { protocols } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('one generation after the other')

for (const protocol of protocols) {
  test(`a request that its origin holds is answered by it after the backend was exchanged, ${protocol}`, async () =>
    withReloading(async ({ a, b, take, client }) => {
      const asker = await client(protocol)
      const held = later(answered(asker, { path: '/held' }, 'held at a'))
      await until(5_000, 'the request at a', () => a.asked() === 1)
      assert.ok((await take({ backend: b.port })).ok)
      assert.is(await answered(asker, { path: '/bytes/10' }, pattern(10)), 'b')
      a.release()
      assert.is(await held, 'a')
      assert.equal([a.asked(), b.asked()], [1, 1])
    }))

  test(`an answer that is half said is said to its end after its pipeline was removed, ${protocol}`, async () =>
    withReloading(async ({ a, project, gateway, client }) => {
      const asker = await client(protocol)
      const reply = await within(5_000, 'the head', asker.send({ path: '/relay/held/half' }))
      project.remove('pipelines/relay.toml')
      assert.ok((await gateway.reload('test')).ok)
      const gone = await asker.send({ path: '/relay/bytes/10' })
      assert.is(gone.status, 404)
      await gone.bytes()
      a.release()
      assert.is(String(await within(5_000, 'the rest', reply.bytes())), 'first of a,last of a')
    }))

  test(`content that is half sent goes on to where it began, ${protocol}`, async () =>
    withReloading(async ({ a, b, take, client }) => {
      const asker = await client(protocol)
      const content = new Readable({ read: () => undefined })
      content.push('before the reload,')
      const echo = later(
        answered(asker, { method: 'POST', path: '/echo', body: content }, 'before the reload, after it'),
      )
      await until(5_000, 'the request at a', () => a.asked() === 1)
      assert.ok((await take({ backend: b.port })).ok)
      content.push(' after it')
      content.push(null)
      assert.is(await echo, 'a')
      assert.is(b.asked(), 0)
    }))
}

test('content that is still being gathered leads to a request of the generation that asked for it', async () =>
  withReloading(
    async ({ a, b, take, client, metric }) => {
      const asker = await client('h1')
      const content = new Readable({ read: () => undefined })
      content.push('some')
      const echo = later(answered(asker, { method: 'POST', path: '/echo', body: content }, 'some more'))
      await until(5_000, 'the request', async () => (await metric('harmony_engine_open_exchanges')) === 2)
      assert.is(a.asked(), 0)
      assert.ok((await take({ backend: b.port })).ok)
      content.push(' more')
      content.push(null)
      assert.is(await echo, 'a')
    },
    { middleware: 'dump', more: '[middleware.dump]\ntype = "log_dump"\noptions.max_bytes = 1000\n' },
  ))

test('an origin that nobody uses any more is let go with the last request to it, not before', async () =>
  withReloading(async ({ a, b, take, client, metric }) => {
    const pool = (port: number): string =>
      `harmony_upstream_pool{origin="http://127.0.0.1:${port}",state="connections"}`
    const asker = await client('h1')
    const held = later(answered(asker, { path: '/held' }, 'held at a'))
    await until(5_000, 'the request at a', () => a.asked() === 1)
    assert.ok((await take({ backend: b.port })).ok)
    assert.is(await metric(pool(a.port)), 1)
    a.release()
    await held
    await until(5_000, 'the end of the connection to a', async () => (await metric(pool(a.port))) === 0)
    await answered(asker, { path: '/bytes/1' }, pattern(1))
    assert.is(await metric(pool(b.port)), 1)
  }))

test('what a reload leaves as it was keeps its connections to the origin', async () =>
  withReloading(async ({ a, spare, take, client, metric }) => {
    const asker = await client('h1')
    await answered(asker, { path: '/bytes/1' }, pattern(1))
    assert.ok((await take({ spare: [spare[0]] })).ok)
    await answered(asker, { path: '/bytes/1' }, pattern(1))
    assert.is(a.asked(), 2)
    assert.is(await metric('harmony_engine_connected_http1_total'), 1)
  }))

test('reloads that are asked for at once are made one after the other', async () =>
  withReloading(async ({ b, gateway, write, client }) => {
    write({ backend: b.port })
    const reloads = await Promise.all(['one', 'two', 'three'].map(async (cause) => gateway.reload(cause)))
    assert.equal(
      reloads.map(({ ok, generation }) => [ok, generation]),
      [
        [true, 2],
        [true, 3],
        [true, 4],
      ],
    )
    assert.is(await answered(await client('h1'), { path: '/bytes/1' }, pattern(1)), 'b')
  }))

test('whoever asks for reloads without end gets few of them, the last with the newest files', async () =>
  withReloading(async ({ b, gateway, write, client }) => {
    const asked = Array.from({ length: 200 }, async (_none, index) => gateway.reload(String(index)))
    write({ backend: b.port })
    const last = gateway.reload('last')
    const generations = (await Promise.all([...asked, last])).map(({ ok, generation }) => (ok ? generation : 0))
    assert.ok(Math.max(...generations) < 10, `${Math.max(...generations)} generations`)
    assert.is((await last).generation, Math.max(...generations))
    assert.is(await answered(await client('h1'), { path: '/bytes/1' }, pattern(1)), 'b')
  }))

test('what was used up of a rate limit stays used up', async () =>
  withReloading(
    async ({ take, client, b }) => {
      const asker = await client('h1')
      const ask = async (): Promise<number> => {
        const reply = await asker.send({ path: '/relay/bytes/1' })
        await reply.bytes()
        return reply.status
      }
      assert.equal([await ask(), await ask()], [200, 200])
      assert.ok((await take({ backend: b.port })).ok)
      assert.equal([await ask(), await ask()], [200, 403])
    },
    {
      middleware: 'limit',
      more: `
[middleware.limit]
type = "policies"
options.policies = ["three"]

[policies.three]
id = "three"
name = "three"
rules = ["all", "three"]

[rules.all]
id = "all"
type = "allow_all"
name = "all"
weight = 1

[rules.three]
id = "three"
type = "rate_limit"
name = "three"
weight = 1
options.max_requests = 3
options.window_seconds = 3600
`,
    },
  ))

test.run()
