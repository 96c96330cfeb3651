// Retries through a gateway as it is configured: what is asked for again, how often, and never twice what may be done
// only once (spec 6.2).
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import * as assert from 'uvu/assert'
import { freePort } from '../peers/process.ts'
import { until, within } from '../support/deadline.ts'
import { refusal, startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { suite } from '../support/suite.ts'

const test = suite('retries through a gateway')

type Act = 'answer' | 'close' | 'half' | 'busy' | 'silent'

type Origin = {
  port: number
  /** `METHOD path` of what came. */
  heard: string[]
  /** What it does with each request in turn; then it answers. */
  script: Act[]
  /** What it does when the script has ended. */
  after: Act
  /** Cuts an answer that was half said. */
  cut(): void
  close(): Promise<void>
}

async function startOrigin(port = 0): Promise<Origin> {
  const server = http.createServer((request, response) => {
    // RFC 9112 9.3.1: a connection that was kept may have been closed meanwhile, which costs nobody a retry
    response.shouldKeepAlive = false
    origin.heard.push(`${request.method} ${request.url}`)
    const act = origin.script.shift() ?? origin.after
    if (act === 'close') request.socket.destroy()
    else if (act === 'half') {
      response.writeHead(200, { 'content-length': '10' })
      response.write('half,')
      origin.cut = () => void request.socket.destroy()
    } else if (act !== 'silent') {
      request.resume().on('end', () => {
        if (act === 'busy') response.statusCode = 503
        response.end(act)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const origin: Origin = {
    // it listens on TCP
    port: (server.address() as AddressInfo).port,
    heard: [],
    script: [],
    after: 'answer',
    cut: () => undefined,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return origin
}

let edge: Edge
let origin: Origin
/** Of another origin, with another budget. */
let broken: Origin
let closed = 0
test.before(async () => {
  origin = await startOrigin()
  broken = await startOrigin()
  closed = await freePort()
  const pipeline = (name: string, port: number, more: string): string => `
[pipelines.${name}]
networks = ["plain", "tls"]
endpoints = ["${name}"]
backends = ["${name}"]
[endpoints.${name}]
service = "http"
options.path_prefix = "/${name}"
[backends.${name}]
service = "http"
connection = { host = "127.0.0.1", port = ${port} }
${more}
`
  edge = await startEdge({
    config: `
[management]
enabled = true
network = "plain"
`,
    files: {
      'pipelines/p.toml': [
        pipeline('usual', origin.port, ''),
        pipeline('twice', origin.port, 'max_retries = 2'),
        pipeline('never', origin.port, 'max_retries = 0'),
        pipeline('slow', origin.port, 'max_retries = 1\ntimeout_secs = 1'),
        pipeline('posting', origin.port, 'options.method = "POST"'),
        pipeline('closed', closed, 'max_retries = 10'),
        pipeline('broken', broken.port, 'max_retries = 10'),
      ].join(''),
    },
  })
})
test.after(async () => {
  await edge.close()
  await origin.close()
  await broken.close()
})
test.before.each(async () => {
  origin.script = []
  origin.heard = []
  origin.after = 'answer'
  // the budget is one for the origin: each test pays for what it takes
  for (let paid = 0; paid < 20; paid++) await (await edge.client('h1').send({ path: '/never/pay' })).bytes()
  origin.heard = []
})

const retried = async (backend: string): Promise<number> => {
  const reply = await edge.client('h1').send({ path: '/admin/metrics' })
  const found = new RegExp(`^harmony_upstream_retries_total{.*backend="${backend}".*} (\\d+)`, 'm').exec(
    String(await reply.bytes()),
  )
  return Number(found?.[1] ?? 0)
}

for (const protocol of ['h1', 'h2', 'h3'] as const)
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
    test(`${method} is asked again when the origin closes without an answer, ${protocol}`, async () => {
      origin.script = ['close', 'close']
      const reply = await edge.client(protocol).send({ method, path: '/usual/x' })
      assert.is(reply.status, 200)
      await reply.bytes()
      assert.equal(
        origin.heard,
        Array.from({ length: 3 }, () => `${method} /x`),
      )
      assert.is((await edge.line(reply))['attempts'], 3)
    })

for (const method of ['POST', 'PATCH', 'MERGE'])
  test(`${method} is not asked again once it was sent`, async () => {
    origin.script = ['close']
    const reply = await edge.client('h2').send({ method, path: '/usual/x' })
    assert.is(reply.status, 502)
    assert.is((await refusal(reply)).error, 'upstream/failed')
    assert.equal(origin.heard, [`${method} /x`])
  })

test('content that flowed is not sent again, whatever the method', async () => {
  origin.script = ['close']
  const reply = await edge.client('h1').send({ method: 'PUT', path: '/usual/x', body: 'content' })
  assert.is(reply.status, 502)
  await reply.bytes()
  assert.equal(origin.heard, ['PUT /x'])
})

test('the method that is sent decides, not the one that came', async () => {
  origin.script = ['close']
  const reply = await edge.client('h1').send({ path: '/posting/x' })
  assert.is(reply.status, 502)
  await reply.bytes()
  assert.equal(origin.heard, ['POST /x'])
})

for (const [name, times] of [
  ['never', 1],
  ['twice', 3],
] as const)
  test(`max_retries of "${name}" holds`, async () => {
    origin.after = 'close'
    const reply = await edge.client('h1').send({ path: `/${name}/x` })
    assert.is(reply.status, 502)
    await reply.bytes()
    assert.is(origin.heard.length, times)
  })

test('an origin that is silent is asked again for GET, not for POST', async () => {
  origin.script = ['silent']
  const again = await edge.client('h1').send({ path: '/slow/x' })
  assert.is(again.status, 200)
  await again.bytes()
  origin.script = ['silent']
  const once = await edge.client('h1').send({ method: 'POST', path: '/slow/x' })
  assert.is(once.status, 504)
  await once.bytes()
  assert.equal(origin.heard, ['GET /x', 'GET /x', 'POST /x'])
})

test('a response that began is never asked for again, and never ends as if it were whole', async () => {
  origin.script = ['half']
  const reply = await edge.client('h1').send({ path: '/usual/x' })
  assert.is(reply.status, 200)
  origin.cut()
  const end = await reply.bytes().then(String, () => 'cut')
  assert.is(end, 'cut')
  assert.is((await edge.line(reply))['code'], 'upstream/truncated')
  assert.equal(origin.heard, ['GET /x'])
})

test('an error status of the origin is its answer', async () => {
  origin.script = ['busy']
  const reply = await edge.client('h1').send({ path: '/usual/x' })
  assert.is(reply.status, 503)
  assert.is(String(await reply.bytes()), 'busy')
  assert.equal(origin.heard, ['GET /x'])
})

for (const method of ['GET', 'POST'])
  test(`${method} waits for an origin that is just starting`, async () => {
    const before = await retried('closed')
    const asked = edge.client('h1').send({ method, path: '/closed/x' })
    await until(5_000, 'a retry', async () => (await retried('closed')) > before)
    const late = await startOrigin(closed)
    try {
      const reply = await within(10_000, 'an answer', asked)
      assert.is(reply.status, 200)
      await reply.bytes()
      assert.equal(late.heard, [`${method} /x`])
    } finally {
      await late.close()
    }
  })

test('retries do not multiply an outage, and a reload does not either', async () => {
  broken.after = 'close'
  const asked = 150
  const flood = async (): Promise<void> => {
    for (let batch = 0; batch < asked / 10; batch++)
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const reply = await edge.client('h1').send({ path: '/broken/x' })
          assert.is(reply.status, 502)
          await reply.bytes()
        }),
      )
  }
  await flood()
  // ten for nothing, a fifth of the requests, and what time gives back
  assert.ok(broken.heard.length > asked, 'something was tried again')
  assert.ok(broken.heard.length < asked * 1.4, `${broken.heard.length} attempts for ${asked} requests`)
  const reload = await edge.client('h1').send({ method: 'POST', path: '/api/reload' })
  assert.is(reload.status, 200, String(await reload.bytes()))
  broken.heard = []
  for (let one = 0; one < 20; one++) await (await edge.client('h1').send({ path: '/broken/x' })).bytes()
  assert.ok(broken.heard.length < 20 * 1.4, `${broken.heard.length} attempts for 20 requests after a reload`)
})

test.run()
