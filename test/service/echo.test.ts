// The echo service: what it shows, what it merges, and what it withstands.
import * as assert from 'uvu/assert'
import { echoService } from '../../core/pipeline/service/echo.ts'
import { buildServices } from '../../core/pipeline/services.ts'
import type { Reach } from '../../core/pipeline/service.ts'
import { protocols, startClient, listenFor, portOf, watchedEngine } from '../support/rig.ts'
import { suite } from '../support/suite.ts'
import { backend, config, exchange, opener, pipeline, refused, responded } from './fixture.ts'

const test = suite('echo')
const limit = 4_096
const service = echoService(limit)

async function show(given: Parameters<typeof exchange>[0] = {}): Promise<Record<string, unknown>> {
  const { status, body } = responded(await service.reach(exchange(given), false))
  assert.is(status, 200)
  return JSON.parse(String(body))
}

const content = (text: string) => Buffer.from(text)

test('it shows method, paths, query and fields', async () => {
  const shown = await show({
    method: 'DELETE',
    target: '/api/Patient/1?a=1&b=x%20y&a=2&c',
    headers: [
      ['accept', '*/*'],
      ['x-two', 'a'],
      ['x-two', 'b'],
      ['x-name', 'J\u00c3\u00bcrgen'],
      ['x-latin', 'J\u00fcrgen'],
    ],
  })
  assert.equal(shown, {
    method: 'DELETE',
    path: 'Patient/1',
    full_path: '/api/Patient/1?a=1&b=x%20y&a=2&c',
    query_params: { a: ['1', '2'], b: 'x y', c: '' },
    headers: { accept: '*/*', 'x-two': ['a', 'b'], 'x-name': 'J\u00fcrgen', 'x-latin': 'J\u00fcrgen' },
    body: null,
  })
})

test('keys of a JSON object stand at the top too, also in place of its own', async () => {
  const shown = await show({ body: content('{"resourceType":"Patient","method":"mine"}') })
  assert.equal([shown['resourceType'], shown['method'], shown['path']], ['Patient', 'mine', ''])
  assert.equal(shown['body'], { resourceType: 'Patient', method: 'mine' })
})

test('numbers are shown as they were written', async () => {
  const text = '{"value":1.10,"id":12345678901234567890}'
  const { body } = responded(await service.reach(exchange({ body: content(text) }), false))
  assert.match(String(body), '"body":{"value":1.10,"id":12345678901234567890}')
})

test('content that is no JSON is text, and what is no text is base64', async () => {
  for (const text of ['plain', '{"cut":', '[1,2', 'NaN']) assert.is((await show({ body: content(text) }))['body'], text)
  for (const value of ['[1,2]', '"text"', '7', 'null']) {
    assert.equal((await show({ body: content(value) }))['body'], JSON.parse(value))
  }
  assert.is((await show({ body: Buffer.from([0xff, 0xfe, 0]) }))['body'], '//4A')
})

test('what the pipeline removed on the way does not come back', async () => {
  const shown = await show({
    headers: [
      ['authorization', 'Bearer mesh-token'],
      ['harmony-forwarded-authorization', 'Basic own'],
    ],
    edits: [{ set: ['authorization', 'Basic own'] }, { remove: 'harmony-forwarded-authorization' }],
  })
  assert.equal(shown['headers'], { authorization: 'Basic own' })
})

// --- hostile ---

test('deep JSON is text: neither parsing nor writing it runs out of stack', async () => {
  for (const text of ['['.repeat(100_000), '[{"a":'.repeat(50_000), `${'['.repeat(2_000)}${']'.repeat(2_000)}`]) {
    const roomy = echoService(1_000_000)
    const { body } = responded(await roomy.reach(exchange({ body: content(text) }), false))
    assert.is((JSON.parse(String(body)) as { body: unknown }).body, text)
  }
  const brackets = `["${'['.repeat(1_000)}\\"["]`
  assert.equal((await show({ body: content(brackets) }))['body'], JSON.parse(brackets), 'brackets in a string are text')
})

test('ten megabytes of numbers do not hold the thread up', async () => {
  const numbers = Array.from({ length: 5_000_000 }, () => 1)
  const body = content(JSON.stringify(numbers))
  const started = performance.now()
  responded(await echoService(body.length).reach(exchange({ body }), false))
  const ms = performance.now() - started
  // 0.2 s, against 6 s with the text of each number
  assert.ok(ms < 3_000, `${ms} ms`)
})

test('names of prototypes are names', async () => {
  const text = '{"__proto__":{"polluted":true},"constructor":1,"toString":2}'
  const { body } = responded(
    await service.reach(
      exchange({ body: content(text), headers: [['__proto__', 'x']], target: '/api?__proto__=y' }),
      false,
    ),
  )
  assert.match(String(body), '"__proto__":{"polluted":true}')
  assert.match(String(body), '"headers":{"__proto__":"x"}')
  assert.match(String(body), '"query_params":{"__proto__":"y"}')
  assert.is(({} as Record<string, unknown>)['polluted'], undefined)
})

test('it asks for content only where there may be some, and holds no more than its limit', async () => {
  assert.is(service.wants?.(exchange({ mayHaveBody: true })), limit)
  assert.is(service.wants?.(exchange()), undefined)
  const over: Reach = await service.reach(exchange({ body: Buffer.alloc(limit + 1) }), false)
  assert.is(refused(over), 'body/too-large')
})

test('a browser neither sniffs nor keeps it', async () => {
  const { headers } = responded(await service.reach(exchange({ body: content('<script>') }), false))
  const fields = new Map(headers as readonly [string, string][])
  assert.is(fields.get('content-type'), 'application/json')
  assert.is(fields.get('x-content-type-options'), 'nosniff')
})

// --- over a wire ---

for (const protocol of protocols) {
  test(`${protocol}: content is gathered and shown; HEAD has the fields and nothing more`, async () => {
    const one = backend('echo')
    const services = buildServices(config([pipeline({ backends: [one] })]), {
      open: opener().open,
      management: undefined,
    })
    const { engine } = await watchedEngine()
    const listener = await listenFor(engine, protocol, (head) => {
      const made = { ...exchange({ target: head.target, backend: one }), head }
      const answer = (body?: Uint8Array) => {
        made.body = body
        return { ...responded(services.reach(made, false) as Reach) }
      }
      const maxBytes = services.wants(made)
      return maxBytes === undefined ? answer() : { kind: 'collect', maxBytes, onBody: answer }
    })
    const client = await startClient(protocol, portOf(listener, protocol))
    try {
      const posted = await client.send({ method: 'POST', path: '/api/x', body: '{"a":1.50}' })
      const text = (await posted.bytes()).toString()
      assert.is(posted.status, 200)
      assert.match(text, '"a":1.50')
      assert.match(text, '"path":"x"')
      const head = await client.send({ method: 'HEAD', path: '/api/x' })
      assert.is(head.status, 200)
      assert.is(head.headers['content-type'], 'application/json')
      assert.is((await head.bytes()).length, 0)
      const large = await client.send({ method: 'POST', path: '/api/x', body: Buffer.alloc(2_000) })
      assert.is(large.status, 413, 'over the limit of the configuration')
    } finally {
      await client.close()
      await engine.stop({ graceMs: 0 })
    }
  })
}

test.run()
