// The management routes of a gateway that serves (spec 6.10, decision 9): what operators read, and who may reload.
import * as assert from 'uvu/assert'
import { until } from '../support/deadline.ts'
import { refusal, startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { meshSecret, recordingOrigin } from '../support/organisations.ts'
import type { RecordingOrigin } from '../support/organisations.ts'
import { protocols } from '../support/rig.ts'
import type { Reply } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const operatorToken = 'a-token-of-the-operator-planted'

const pipelines = (origin: number, plain: number, prefix = '/app'): string => `
[pipelines.app]
networks = ["plain", "tls"]
endpoints = ["app"]
backends = ["origin"]
mesh.ingress.door = { type = "http", urls = ["https://door.test/in"], mode = "mesh" }
mesh.egress.out = { type = "http" }
[endpoints.app]
service = "http"
options.path_prefix = "${prefix}"
[backends.origin]
service = "http"
connection = { host = "127.0.0.1", port = ${origin} }

[pipelines.open]
networks = ["plain", "tls"]
endpoints = ["open"]
backends = ["origin"]
[endpoints.open]
service = "http"
options.path_prefix = "/open"

[pipelines.circle]
networks = ["tls"]
endpoints = ["circle"]
backends = ["self"]
[endpoints.circle]
service = "http"
options.path_prefix = "/circle"
[backends.self]
service = "http"
connection = { host = "127.0.0.1", port = ${plain} }

[mesh.m]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = ["door"]
egress = ["out"]
`

const management = '[management]\nenabled = true\nnetwork = "plain"\n'

let origin: RecordingOrigin

async function startManaged(env: Record<string, string> = {}): Promise<Edge> {
  origin = await recordingOrigin()
  return startEdge({
    config: management,
    files: (plain) => ({ 'pipelines/p.toml': pipelines(origin.port, plain) }),
    env,
  })
}

const json = async (reply: Reply): Promise<Record<string, unknown>> =>
  JSON.parse(String(await reply.bytes())) as Record<string, unknown>

{
  const test = suite('management without a token')
  let edge: Edge
  test.before(async () => {
    edge = await startManaged()
  })
  test.after(async () => {
    await edge.close()
    await origin.close()
  })

  const get = async (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
    edge.client('h1').send({ path, headers })
  const reload = async (headers: Record<string, string> = {}): Promise<Reply> =>
    edge.client('h1').send({ method: 'POST', path: '/api/reload', headers })
  const generation = async (): Promise<unknown> => (await json(await get('/health')))['generation']
  const metrics = async (): Promise<string> => String(await (await get('/admin/metrics')).bytes())
  const metric = (text: string, name: string, ...labels: string[]): number => {
    const line = text
      .split('\n')
      .find((one) => one.startsWith(name) && labels.every((label) => one.includes(label)) && !one.startsWith('#'))
    return Number(line?.split(' ').at(-1) ?? 0)
  }

  test('the metrics have the requests that were just made, by protocol and status', async () => {
    for (const protocol of protocols) {
      const labels = ['pipeline="open"', `protocol="${{ h1: '1.1', h2: '2', h3: '3' }[protocol]}"`]
      const before = await metrics()
      for (const path of ['/open/x', '/open/y', '/app/z']) {
        const reply = await edge.client(protocol).send({ path })
        await reply.bytes()
        await edge.line(reply)
      }
      const after = await metrics()
      const more = (name: string, ...which: string[]): number =>
        metric(after, name, ...which) - metric(before, name, ...which)
      assert.is(more('harmony_requests_total', ...labels, 'status="200"'), 2)
      assert.is(more('harmony_request_duration_seconds_count', ...labels), 2)
      assert.is(more('harmony_requests_total', 'pipeline="app"', 'status="403"', labels[1] ?? ''), 1)
      assert.is(more('harmony_refusals_total', 'code="mesh/required"'), 1)
    }
    assert.match((await get('/admin/metrics')).headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
  })

  test('its pages are on its network alone', async () => {
    for (const path of ['/health', '/admin/health', '/admin/info', '/admin/routes', '/admin/pipelines']) {
      assert.is((await get(path)).status, 200, path)
      for (const protocol of ['h2', 'h3'] as const)
        assert.is((await edge.client(protocol).send({ path })).status, 404, `${protocol} ${path}`)
    }
    assert.is((await json(await get('/health')))['status'], 'ok')
    for (const path of ['/admin', '/admin/', '/admin/nothing', '/admin/info/x', '/health/x'])
      assert.is((await refusal(await get(path))).error, 'management/not-found', path)
  })

  test('no page holds the secret of a mesh', async () => {
    for (const page of ['info', 'pipelines', 'routes', 'health', 'config/status', 'metrics'])
      assert.not.match(String(await (await get(`/admin/${page}`)).bytes()), meshSecret)
  })

  test('a reload over POST takes what was written', async () => {
    const before = await generation()
    edge.project.write('pipelines/p.toml', pipelines(origin.port, edge.plain, '/moved'))
    const reply = await reload()
    assert.is(reply.status, 200)
    assert.is((await json(reply))['generation'], Number(before) + 1)
    assert.is(await generation(), Number(before) + 1)
    assert.is((await get('/app/x')).status, 404)
    assert.is((await get('/moved/x')).status, 403)
  })

  test('an invalid configuration is refused with its findings, and the old one serves on', async () => {
    const before = await generation()
    edge.project.write('pipelines/p.toml', pipelines(origin.port, edge.plain).replace('"origin"]', '"orign"]'))
    const reply = await reload()
    assert.is(reply.status, 422)
    const { findings } = (await json(reply)) as { findings: { code: string; line: number; severity: string }[] }
    const errors = findings.filter(({ severity }) => severity === 'error')
    assert.equal(
      errors.map(({ code, line }) => [code, line]),
      [['reference/unknown-backend', 5]],
    )
    assert.is(await generation(), before)
    assert.is((await get('/open/x')).status, 200)
    const line = await until(5_000, 'a line', () => edge.lines.find((one) => one['event'] === 'reload' && !one['ok']))
    assert.is(line.level, 'error')
    assert.is(metric(await metrics(), 'harmony_config_reloads_total', 'outcome="failed"'), 1)
    edge.project.write('pipelines/p.toml', pipelines(origin.port, edge.plain))
    assert.is((await reload()).status, 200)
  })

  for (const [who, headers] of [
    ['a page of another site', { origin: 'https://evil.test' }],
    ['a page of another port', { origin: 'http://127.0.0.1:1' }],
    ['a page that hides its origin', { origin: 'null' }],
    ['a form of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a name that was rebound to loopback', { host: 'evil.test' }],
    ['the client of a proxy on this machine', { 'x-forwarded-for': '192.0.2.1' }],
  ] as const)
    test(`a reload is refused to ${who}`, async () => {
      const before = await generation()
      const reply = await reload(headers)
      assert.is(reply.status, 403)
      assert.is((await refusal(reply)).error, 'management/denied')
      assert.is(await generation(), before)
    })

  test('the gateway itself is no way in: what it forwards to itself is of a proxy', async () => {
    const before = await generation()
    const read = await edge.client('h2').send({ path: '/circle/health' })
    assert.is(read.status, 200, 'the circle leads to management')
    const reply = await edge.client('h2').send({ method: 'POST', path: '/circle/api/reload' })
    assert.is(reply.status, 403)
    await reply.bytes()
    assert.is(await generation(), before)
  })

  test('reloading is for POST', async () => {
    const before = await generation()
    for (const method of ['GET', 'PUT', 'HEAD']) {
      const reply = await edge.client('h1').send({ method, path: '/api/reload' })
      assert.equal([reply.status, reply.headers['allow']], [405, 'POST'])
      await reply.bytes()
    }
    assert.is(await generation(), before)
  })

  test.run()
}

{
  const test = suite('management with a token')
  let edge: Edge
  test.before(async () => {
    edge = await startManaged({ HARMONY_MANAGEMENT_TOKEN: operatorToken })
  })
  test.after(async () => {
    await edge.close()
    await origin.close()
  })

  const secret = operatorToken
  const reload = async (headers: Record<string, string>): Promise<Reply> =>
    edge.client('h1').send({ method: 'POST', path: '/api/reload', headers })

  test('who shows it reloads, from behind a proxy too; nobody else does', async () => {
    const bearer = { authorization: `Bearer ${secret}` }
    for (const headers of [bearer, { ...bearer, 'x-forwarded-for': '192.0.2.1' }, { ...bearer, host: 'ops.test' }])
      assert.is((await reload(headers)).status, 200)
    for (const [headers, code] of [
      [{}, 'auth/missing'],
      [{ authorization: `Bearer ${secret}x` }, 'auth/invalid'],
      [{ authorization: `Basic ${secret}` }, 'auth/invalid'],
    ] as const) {
      const reply = await reload(headers)
      assert.is(reply.status, 401)
      assert.is(reply.headers['www-authenticate'], 'Bearer')
      assert.is((await refusal(reply)).error, code)
    }
  })

  test('it is in no page and no log line', async () => {
    for (const page of ['info', 'pipelines', 'routes', 'config/status', 'metrics'])
      assert.not.match(String(await (await edge.client('h1').send({ path: `/admin/${page}` })).bytes()), secret)
    assert.not.match(JSON.stringify(edge.lines), secret)
  })

  test.run()
}
