// Secrets are planted in every place where a configuration or a request can hold one, and every word that the gateway
// writes is searched for them: its log at the most talkative level, its pages, its metrics, its findings.
import http from 'node:http'
import * as assert from 'uvu/assert'
import { onFreePorts } from '../peers/process.ts'
import { until } from '../support/deadline.ts'
import { recordingOrigin } from '../support/organisations.ts'
import { harmony, project, serve } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('secrets')

// each is a word that nothing else prints
const planted = {
  mesh: 'plantedmeshsecret-0123456789abcdefghij',
  previous: 'plantedprevioussecret-0123456789abcdef',
  management: 'plantedmanagementtoken-0123456789',
  upstream: 'plantedupstreamtoken',
  basic: 'plantedbasicpassword',
  hs: 'plantedjwtsecret-0123456789abcdefghijkl',
  env: 'plantedenvironment',
  authorization: 'plantedauthorization',
  cookie: 'plantedcookie',
  query: 'plantedquery',
  path: 'plantedpatient',
  body: 'plantedbody',
  header: 'plantedheader',
  answer: 'plantedanswer',
  answerHeader: 'plantedanswerheader',
}

/** What an upstream may be sent in base64. */
const forms = Object.entries(planted).flatMap(([place, value]) => [
  { place, form: value },
  // three alignments of base64
  ...[0, 1, 2].map((pad) => ({
    place,
    form: Buffer.from(`${'x'.repeat(pad)}${value}`)
      .toString('base64')
      .slice(pad === 0 ? 0 : 4, -4),
  })),
])

const leaks = (text: string): string[] => forms.flatMap(({ place, form }) => (text.includes(form) ? [place] : []))

/** A dump shows what an operator has asked to see: it is looked at by itself. */
const withoutDumps = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.includes('harmony.dump'))
    .join('\n')

function files(port: number, origin: number): Record<string, string> {
  return {
    'config.toml': `
[proxy]
id = "gateway"
primary_provider = "local"
required_env_vars = ["PLANTED"]
sensitive_field_patterns = ["x-patient-*"]
[management]
enabled = true
network = "edge"
token = "${planted.management}"
[network.edge.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${port}
[authentications.up]
id = "up"
method = "bearer"
options.token = "${planted.upstream}"
`,
    'pipelines/p.toml': `
[pipelines.p]
networks = ["edge"]
endpoints = ["open"]
backends = ["origin"]
middleware = ["dump"]
[pipelines.guarded]
networks = ["edge"]
endpoints = ["guarded"]
backends = ["origin"]
middleware = ["basic"]
[pipelines.jwt]
networks = ["edge"]
endpoints = ["jwt"]
backends = ["nowhere"]
middleware = ["jwt"]
[pipelines.m]
networks = ["edge"]
endpoints = ["m"]
backends = ["origin"]
mesh.ingress.m = { type = "http", urls = ["http://m.test/"], mode = "mesh", endpoint = "m" }
[endpoints.open]
service = "http"
options.path_prefix = "/open"
[endpoints.guarded]
service = "http"
options.path_prefix = "/guarded"
[endpoints.jwt]
service = "http"
options.path_prefix = "/jwt"
[endpoints.m]
service = "http"
[backends.origin]
service = "http"
authentication = "authentications.up"
connection = { host = "127.0.0.1", port = ${origin}, protocol = "http" }
options.headers = { x-api-key = "\${PLANTED}" }
[backends.nowhere]
service = "http"
max_retries = 0
connection = { host = "127.0.0.1", port = 1, protocol = "http" }
[middleware.dump]
type = "log_dump"
options = { redact_headers = ["x-mine"], redact_data_fields = ["secret"] }
[middleware.basic]
type = "basic_auth"
options = { username = "user", password = "${planted.basic}" }
[middleware.jwt]
type = "jwt_auth"
options = { use_hs256 = true, hs256_secret = "${planted.hs}" }
`,
    'mesh/m.toml': `
[mesh.m]
type = "http"
provider = "local"
jwt_secret = "${planted.mesh}"
previous_jwt_secret = "${planted.previous}"
ingress = ["m"]
`,
  }
}

type Asked = { path: string; headers?: Record<string, string>; method?: string; body?: string }

async function ask(port: number, { path, headers = {}, method = 'GET', body }: Asked): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = http.request({ host: '127.0.0.1', port, path, headers, method, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve(`${response.statusCode} ${text}`))
    })
    asked.on('error', reject).end(body)
  })
}

test('nothing that is planted comes out of the log, the pages, the metrics or a failed reload', async () => {
  const origin = await recordingOrigin()
  origin.answer = (request, response) => {
    request.resume()
    response.setHeader('set-cookie', planted.answerHeader)
    response.end(planted.answer)
  }
  const env = { PLANTED: planted.env }
  const { served, port, folder } = await onFreePorts(1, async ([free = 0]) => {
    const written = project(files(free, origin.port))
    return { served: await serve(written, { env, args: ['--log-level', 'trace'] }), port: free, folder: written }
  })
  const auth = `Bearer ${planted.authorization}`
  const headers = {
    authorization: auth,
    cookie: planted.cookie,
    'x-mine': planted.header,
    'x-patient-name': planted.header,
    referer: `http://x/?${planted.query}`,
  }
  const body = JSON.stringify({ secret: planted.body })
  const path = (prefix: string): string => `/${prefix}/${planted.path}?token=${planted.query}`
  try {
    for (const prefix of ['open', 'guarded', 'jwt', 'nowhere', 'open/../x', 'open/%zz'])
      for (const method of ['GET', 'POST'])
        await ask(port, {
          path: path(prefix),
          headers: { ...headers, 'content-type': 'application/json' },
          method,
          ...(method === 'POST' ? { body } : {}),
        })
    await ask(port, { path: path('x'), headers: { host: 'm.test', authorization: auth } })
    await ask(port, { path: path('x'), headers: { host: `${planted.query} x`, authorization: auth } })
    // the first request did reach the origin, with all that was planted
    assert.ok(JSON.stringify(origin.arrived).includes(planted.path))
    assert.ok(JSON.stringify(origin.arrived).includes(planted.env))

    const pages = []
    for (const page of ['info', 'pipelines', 'routes', 'health', 'config/status', 'metrics'])
      pages.push(
        await ask(port, { path: `/admin/${page}`, headers: { authorization: `Bearer ${planted.management}` } }),
      )
    assert.ok(pages.every((page) => page.startsWith('200 ')))
    assert.equal(leaks(pages.join('\n')), [])

    folder.write('mesh/broken.toml', `[mesh.broken]\ntype = "htp"\njwt_secret = ["${planted.previous}"]\n`)
    await served.line((line) => line['event'] === 'reload' && line['ok'] === false, 'the failed reload')
    await until(
      2_000,
      'twelve access lines',
      () => served.lines().filter((line) => line['event'] === 'access').length > 12,
    )
  } finally {
    await served.stop()
    await origin.close()
  }
  assert.equal(leaks(withoutDumps(served.output())), [])
  const dumps = served.lines().filter((line) => line['target'] === 'harmony.dump')
  assert.ok(dumps.length > 0, 'the dump is there')
  // what it is for: where the request went. What it must not show: values of headers, credentials and named fields
  const shown = new Set(leaks(JSON.stringify(dumps)))
  assert.equal([...shown].toSorted(), ['path', 'query'])
})

test('check, explain and resolve print nothing that is planted', async () => {
  const written = project({
    ...files(8080, 1),
    'pipelines/bad.toml': `
[pipelines.bad]
networks = ["edg"]
endpoints = ["open"]
backends = ["origin"]
[authentications.wrong]
id = "wrong"
method = "basic"
options = { password = 17, password_hash = ["${planted.basic}"], token = { a = "${planted.upstream}" } }
[middleware.jwt2]
type = "jwt_auth"
options = { use_hs256 = true, hs256_secret = "short", hs256_secrt = "${planted.hs}" }
`,
  })
  const env = { PLANTED: planted.env }
  for (const args of [['check'], ['check', '--json']]) {
    const done = await harmony([...args, '-c', written.config].toSpliced(1, 0), { env, cwd: written.folder })
    assert.is(done.code, 1, done.stdout + done.stderr)
    assert.equal(leaks(done.stdout + done.stderr), [])
  }
})

test.run()
