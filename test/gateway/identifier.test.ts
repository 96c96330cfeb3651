// The request id: one for a request, in the answer's field and body, in the log, and at the upstream. A client's own
// counts only when a trusted proxy says so.
import * as assert from 'uvu/assert'
import { refusal, startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { freePort } from '../peers/process.ts'
import { meshSecret, recordingOrigin } from '../support/organisations.ts'
import type { RecordingOrigin } from '../support/organisations.ts'
import { protocols } from '../support/rig.ts'
import type { Ask, Reply } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('the request id')

const pipeline = (name: string, port: number, more = ''): string => `
[pipelines.${name}]
networks = ["plain", "tls"]
endpoints = ["${name}"]
backends = ["${name}"]
${more}
[endpoints.${name}]
service = "http"
options = { path_prefix = "/${name}"${name === 'reading' ? ', methods = ["GET"]' : ''} }
[backends.${name}]
service = "http"
timeout_secs = 1
max_retries = 0
connection = { host = "127.0.0.1", port = ${port} }
`

const files = (origin: number, closed: number): Record<string, string> => ({
  'pipelines/p.toml': [
    pipeline('open', origin),
    pipeline('reading', origin),
    pipeline('silent', origin),
    pipeline('closed', closed),
    pipeline('members', origin, 'mesh.ingress.door = { type = "http", urls = ["https://door.test/"], mode = "mesh" }'),
    pipeline('out', origin, 'mesh.egress.way = { type = "http", mode = "mesh" }'),
    pipeline('login', origin, 'middleware = ["login"]'),
    pipeline('limited', origin, 'middleware = ["limited"]'),
    pipeline('filtered', origin, 'middleware = ["filtered"]'),
    pipeline('asked', origin, 'middleware = { left = ["dump"] }'),
    pipeline('answered', origin, 'middleware = { right = ["dump"] }'),
    `
[pipelines.echo]
networks = ["plain", "tls"]
endpoints = ["echo"]
backends = ["echo"]
[endpoints.echo]
service = "http"
options.path_prefix = "/echo"
[backends.echo]
service = "echo"
[middleware.dump]
type = "log_dump"
[middleware.login]
type = "basic_auth"
options = { username = "u", password = "p" }
[middleware.limited]
type = "policies"
options.policies = ["none"]
[policies.none]
id = "none"
rules = ["none"]
[rules.none]
id = "none"
type = "deny_all"
[middleware.filtered]
type = "path_filter"
options.rules = ["/nothing"]
[mesh.m]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = ["door"]
`,
  ].join('\n'),
})

let origin: RecordingOrigin
const edges = new Map<'usual' | 'trusting', Edge>()
const edge = (which: 'usual' | 'trusting'): Edge => {
  const found = edges.get(which)
  if (found === undefined) throw new Error('not started')
  return found
}

test.before(async () => {
  origin = await recordingOrigin()
  origin.answer = (request, response) => {
    request.resume()
    if (request.url === '/never') return
    response.setHeader('x-request-id', 'of-the-origin')
    response.end('origin')
  }
  const closed = await freePort()
  const config = `
[management]
enabled = true
network = "plain"
`
  const limits = 'content_limits.max_body_size = 1024\n'
  edges.set('usual', await startEdge({ proxy: limits, config, files: files(origin.port, closed) }))
  const proxy = `${limits}trusted_proxies = ["127.0.0.0/8"]`
  edges.set('trusting', await startEdge({ proxy, config, files: files(origin.port, closed) }))
})
test.after(async () => {
  for (const one of edges.values()) await one.close()
  await origin.close()
})

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const mine = 'chosen-by-the-client'

const rows: readonly (readonly [status: number, code: string, ask: Ask])[] = [
  [400, 'request/path', { path: '/open/../x' }],
  [400, 'request/host', { path: '/open/x', headers: { host: 'a..b' } }],
  [401, 'auth/missing', { path: '/login/x' }],
  [403, 'mesh/required', { path: '/members/x' }],
  [403, 'mesh/egress-context', { path: '/out/x' }],
  [403, 'policy/denied', { path: '/limited/x' }],
  [404, 'route/none', { path: '/elsewhere' }],
  [404, 'path-filter/denied', { path: '/filtered/x' }],
  [405, 'route/method', { method: 'DELETE', path: '/reading/x' }],
  [413, 'body/too-large', { method: 'POST', path: '/open/x', body: 'x'.repeat(1_025) }],
  [502, 'upstream/failed', { path: '/closed/x' }],
  [504, 'upstream/timeout', { path: '/silent/never' }],
]

for (const protocol of protocols) {
  for (const [status, code, ask] of rows)
    test(`a refusal (${code}) has one id in field, body and log, ours, ${protocol}`, async () => {
      const { body } = ask
      const length: Record<string, string> = typeof body === 'string' ? { 'content-length': String(body.length) } : {}
      const headers = { ...ask.headers, ...length, 'x-request-id': mine }
      const reply = await edge('usual')
        .client(protocol)
        .send({ ...ask, headers })
      assert.is(reply.status, status)
      const said = await refusal(reply)
      assert.is(said.error, code)
      assert.match(said.request_id, uuid)
      const line = await edge('usual').line(reply)
      assert.equal([line['requestId'], line['code'], line['status']], [said.request_id, code, status])
    })

  test(`an answer has it too, whoever gave it, and the origin was told the same, ${protocol}`, async () => {
    const send = async (path: string): Promise<Reply> =>
      edge('usual')
        .client(protocol)
        .send({ path, headers: { 'x-request-id': mine } })
    const forwarded = await send('/open/x')
    const id = String(forwarded.headers['x-request-id'])
    assert.match(id, uuid)
    assert.equal(
      origin.arrived.at(-1)?.headers.filter(([name]) => name === 'x-request-id'),
      [['x-request-id', id]],
    )
    assert.is((await edge('usual').line(forwarded))['requestId'], id)
    const echoed = await send('/echo/x')
    assert.match(String(echoed.headers['x-request-id']), uuid)
    const again = await send('/open/x')
    assert.is.not(again.headers['x-request-id'], id)
  })

  test(`a trusted proxy's id is taken, in refusals, in answers and at the origin, ${protocol}`, async () => {
    const headers = { 'x-request-id': 'of-the-proxy/1' }
    const refused = await edge('trusting').client(protocol).send({ path: '/members/x', headers })
    assert.is((await refusal(refused)).request_id, 'of-the-proxy/1')
    const passed = await edge('trusting').client(protocol).send({ path: '/open/x', headers })
    await passed.bytes()
    assert.is(passed.headers['x-request-id'], 'of-the-proxy/1')
    assert.ok(
      origin.arrived.at(-1)?.headers.some(([name, value]) => name === 'x-request-id' && value === 'of-the-proxy/1'),
    )
    assert.is((await edge('trusting').line(passed))['requestId'], 'of-the-proxy/1')
  })

  test(`an id that is none is not taken from a trusted proxy either, ${protocol}`, async () => {
    for (const given of ['', 'x'.repeat(129), 'two words', '"><script>', 'caf\u00e9', '{"a":1}']) {
      const headers = { 'x-request-id': given }
      const reply = await edge('trusting').client(protocol).send({ path: '/members/x', headers })
      assert.match((await refusal(reply)).request_id, uuid, given)
    }
  })
}

test('what breaks inside is a 500 with it, and a line of its own in the log', async () => {
  const inside = edge('usual')
  const { lines } = inside
  const before = lines.length
  const { push } = lines
  // a log that fails stands for whatever may
  lines.push = (...more) => {
    if (more.some((line) => line['target'] === 'harmony.dump')) throw new Error('planted-error')
    return push.apply(lines, more)
  }
  try {
    for (const path of ['/asked/x', '/answered/x'])
      for (const protocol of protocols) {
        const reply = await inside.client(protocol).send({ path })
        assert.is(reply.status, 500)
        const said = await refusal(reply)
        assert.equal([said.error, said.message], ['internal', 'the gateway failed'])
        assert.is((await inside.line(reply))['code'], 'internal')
      }
  } finally {
    Reflect.deleteProperty(lines, 'push')
  }
  // taken away, so that the test's end does not find them
  const failures = lines.splice(before).filter((line) => line['event'] === 'decide-failed' || line['reason'])
  for (const path of ['asked', 'answered'])
    assert.ok(failures.some((line) => line['pipeline'] === path && /planted-error/.test(String(line['reason']))))
})

test('the answers of management have it', async () => {
  for (const path of ['/health', '/admin/metrics', '/admin/nothing']) {
    const reply = await edge('usual').client('h1').send({ path })
    await reply.bytes()
    assert.match(String(reply.headers['x-request-id']), uuid, path)
    assert.is((await edge('usual').line(reply))['pipeline'], 'management')
  }
})

test.run()
