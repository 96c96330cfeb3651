// Secrets in every place where one can stand, and none of them in anything that a gateway writes.
import { readFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import * as assert from 'uvu/assert'
import { onFreePorts } from '../peers/process.ts'
import { until } from '../support/deadline.ts'
import { harmony, project, serve } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('planted secrets')

/** Each has a name of its own, so that a failure says where it came from. */
const planted = (place: string): string => `planted-${place}-0123456789abcdefghij`

const configuration = (port: number, origin: number): Record<string, string> => ({
  'config.toml': `
[proxy]
id = "gateway"
primary_provider = "local"
sensitive_field_patterns = ["ssn", "x-patient-*"]

[logging]
log_level = "trace"
log_to_file = true
log_file_path = "gateway.log"

[management]
enabled = true
network = "plain"
token = "${planted('management')}"

[network.plain.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${port}
`,
  'pipelines/p.toml': `
[pipelines.guarded]
networks = ["plain"]
endpoints = ["guarded"]
middleware = ["dump", "basic", "jwt"]
backends = ["origin"]

[endpoints.guarded]
service = "http"
options.path_prefix = "/guarded"

[pipelines.open]
networks = ["plain"]
endpoints = ["open"]
middleware = ["dump"]
backends = ["origin"]

[pipelines.open.mesh.egress.out]
type = "http"

[pipelines.open.mesh.ingress.in]
type = "http"
urls = ["http://localhost:${port}/mesh"]
mode = "mesh"
endpoint = "open"

[endpoints.open]
service = "http"
options.path_prefix = "/open"

[middleware.dump]
type = "log_dump"

[middleware.basic]
type = "basic_auth"
options.username = "user"
options.password = "${planted('basic')}"

[middleware.jwt]
type = "jwt_auth"
options.use_hs256 = true
options.hs256_secret = "\${PLANTED_JWT}"

[backends.origin]
service = "http"
authentication = "origin"
options.headers = { "x-api-key" = "${planted('backend-header')}" }

[backends.origin.connection]
host = "127.0.0.1"
port = ${origin}
protocol = "http"

[authentications.origin]
method = "bearer"
options.token = "${planted('bearer')}"
`,
  'mesh/prod.toml': `
[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "${planted('mesh')}"
previous_jwt_secret = "${planted('previous')}"
ingress = ["in"]
egress = ["out"]
`,
})

const env = { PLANTED_JWT: planted('environment') }

/** Fields that a client sends, each with a secret. */
const fields = (credential: string): Record<string, string> => ({
  authorization: credential,
  cookie: `session=${planted('cookie')}`,
  'proxy-authorization': `Basic ${planted('proxy')}`,
  'x-api-key': planted('api-key'),
  'x-auth-token': planted('auth-token'),
  'x-patient-name': planted('pattern'),
  'harmony-forwarded-authorization': `Bearer ${planted('forwarded')}`,
})

test('no log line of a gateway at level trace holds one, in either form, nor its file', async () => {
  const origin = http.createServer((request, response) => {
    request.resume()
    response.writeHead(request.url?.endsWith('500') ? 500 : 200, {
      'set-cookie': `id=${planted('set-cookie')}`,
      'content-type': 'application/json',
      'x-patient-id': planted('response-pattern'),
    })
    response.end(JSON.stringify({ password: planted('response-body') }))
  })
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  try {
    // it listens on TCP
    const { port: originPort } = origin.address() as AddressInfo
    for (const format of ['json', 'pretty'] as const)
      await onFreePorts(1, async ([port = 0]) => {
        const files = project(configuration(port, originPort))
        // the helper asks for JSON unless it is told otherwise
        const served = await serve(files, { env, format })
        const url = `http://127.0.0.1:${port}`
        const query = `?access_token=${planted('query')}&ssn=${planted('query-ssn')}`
        const token = (await harmony(['token', '--mesh', 'prod', '-c', files.config], { cwd: files.folder, env }))
          .stdout
        const basic = Buffer.from(`user:${planted('basic')}`).toString('base64')
        const wrong = Buffer.from(`user:${planted('wrong-password')}`).toString('base64')
        for (const path of [
          '/open/a',
          '/open/500',
          '/guarded/b',
          '/mesh/c',
          '/nowhere',
          '/admin/reload',
          '/open/..%2f',
        ])
          for (const credential of [
            `Bearer ${token.trim()}`,
            `Bearer ${planted('opaque')}`,
            `Basic ${basic}`,
            `Basic ${wrong}`,
          ]) {
            const answer = await fetch(`${url}${path}/${planted('path')}${query}`, {
              method: 'POST',
              headers: { ...fields(credential), 'content-type': 'application/json' },
              body: JSON.stringify({ password: planted('body'), ssn: planted('body-ssn') }),
            })
            await answer.text()
          }
        // an edit that is refused, with a secret in its line; then the old text, with a change
        const good = configuration(port, originPort)['mesh/prod.toml'] ?? ''
        files.write(
          'mesh/prod.toml',
          good.replace('jwt_secret', `jwt_secret_old = "${planted('unknown')}"\njwt_secret`),
        )
        served.signal('SIGHUP')
        await until(5_000, 'the first reload', () => served.output().includes('"event":"reload"'))
        files.write('mesh/prod.toml', `${good}\njwt_secret = `)
        served.signal('SIGHUP')
        await until(5_000, 'the refused reload', () => /"event":"reload","ok":false/.test(served.output()))
        await served.stop()
        const written = served.output() + readFileSync(files.path('gateway.log'), 'utf8')
        assert.match(written, '"event":"access"')
        // a dump shows paths: that is what it is for
        const [dumped, others] = [true, false].map((dump) =>
          written
            .split('\n')
            .filter((line) => line.includes('harmony.dump') === dump)
            .join('\n'),
        )
        assert.match(dumped ?? '', planted('path'))
        assert.not.match(others ?? '', planted('path'))
        const shown = [...new Set(written.match(/planted-(?!path-)[\w-]*?-0123/g) ?? [])]
        assert.equal(shown, [], written.split('\n').find((line) => line.includes(shown[0] ?? '')) ?? '')
        for (const secret of [basic, wrong, token.trim(), token.trim().split('.')[2] ?? token]) {
          assert.is(written.includes(secret), false)
        }
      })
  } finally {
    origin.closeAllConnections()
    origin.close()
  }
})

test('no command but token prints one', async () => {
  const files = project(configuration(18_080, 18_081))
  const inside = { cwd: files.folder, env }
  for (const args of [
    ['check'],
    ['check', '--json'],
    ['check', '--strict'],
    ['resolve', 'in', '--why', '--json'],
    ['token', '--mesh', 'prod', '--json'],
    ['token', '--mesh', 'prod', '--verify', planted('argument'), '--json'],
    ['explain', 'GET', 'http://localhost:18080/open/a', '-H', `Authorization: Bearer ${planted('argument')}`],
  ]) {
    const { stdout, stderr } = await harmony(args, inside)
    assert.not.match(stdout + stderr, 'planted-')
  }
})

test.run()
