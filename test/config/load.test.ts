// loadConfig: whatever the files say, there is an answer, and every finding is in it.
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { loadConfig } from '../../core/config/load.ts'
import type { Loaded } from '../../core/config/load.ts'
import { renderFindings, report } from '../../core/finding/render.ts'
import { temporary } from '../peers/process.ts'
import { suite } from '../support/suite.ts'
import { writeExample } from './frame.ts'
import { material, now } from './material.ts'

const test = suite('loadConfig')
const cwd = material()

async function load(example: string, env: Record<string, string | undefined> = {}): Promise<Loaded> {
  return loadConfig({ file: writeExample(example), env, cwd, now })
}

const mesh = `[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
`

test('the example of the contract is found as the contract shows it', async () => {
  const { findings, files } = await load(`# pipelines/healthcare.toml
[pipelines.healthcare]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]

# The way in.

[pipelines.healthcare.mesh.ingress.fhir-ingress]
type = "http"
urls = ["https://gw.test/fhir"]
# mesh/prod.toml
${mesh}ingress = ["fhir-ingres"]

[pipelines.web]
networks = ["public"]
endpoints = ["web"]
`)
  // The second pipeline stands in the way of the first; what is asked for here is the mesh's finding.
  const found = report(findings, files).findings.filter(({ code }) => code === 'reference/unknown-ingress')
  assert.equal(JSON.parse(JSON.stringify(found)), [
    {
      code: 'reference/unknown-ingress',
      severity: 'error',
      message: 'mesh "prod" lists ingress "fhir-ingres", which no pipeline defines',
      file: 'mesh/prod.toml',
      line: 6,
      column: 12,
      endLine: 6,
      endColumn: 25,
      path: 'mesh.prod.ingress[0]',
      help: 'did you mean "fhir-ingress"? (defined at pipelines/healthcare.toml:9:1)',
    },
  ])
})

test('what is wrong in all files is told in one run, by file, then line', async () => {
  const { findings, config } = await load(`[network.a.tcp_config]
bind_port = 0
# pipelines/b.toml
[backends.b]
service = "nothing"
target_ref = "nobody"
# mesh/m.toml
[mesh.m]
type = "http"
provider = "local"
`)
  assert.is(config, undefined)
  assert.equal(
    findings.map(({ file, line, code }) => `${file}:${line} ${code}`),
    [
      'config.toml:3 value/range',
      'mesh/m.toml:2 mesh/no-key',
      'pipelines/b.toml:3 support/unknown-service',
      'pipelines/b.toml:4 reference/unknown-target',
    ],
  )
})

test('a relative main file starts at the working directory', async () => {
  const file = writeExample('')
  const { config } = await loadConfig({ file: 'config.toml', env: {}, cwd: dirname(file), now })
  assert.is(config?.directory, dirname(file))
})

test('a main file that is not there is a finding', async () => {
  for (const file of ['/nowhere/config.toml', cwd, join(cwd, 'certs/server.key/config.toml'), '\0', '']) {
    const { config, findings } = await loadConfig({ file, env: {}, cwd, now })
    assert.is(config, undefined)
    assert.is(findings.length, 1, file)
    assert.match(findings[0]?.code ?? '', /^file\//)
  }
})

test('a failure of the check itself is a finding without what failed', async () => {
  const env = new Proxy<Record<string, string>>(
    {},
    {
      get() {
        throw new TypeError('a secret of the environment')
      },
      has() {
        throw new TypeError('a secret of the environment')
      },
      getOwnPropertyDescriptor() {
        throw new TypeError('a secret of the environment')
      },
    },
  )
  const { config, findings } = await loadConfig({ file: writeExample(`[proxy]\nname = "\${NAME}"`), env, cwd, now })
  assert.is(config, undefined)
  assert.equal(
    findings.map(({ code }) => code),
    ['internal/failed'],
  )
  assert.not.match(inspect(findings), /a secret of|at .*\.ts/)
})

test('a million mistakes are five hundred findings and a word about the rest', async () => {
  const names = Array.from({ length: 3000 }, (_, index) => `"nobody-${index}"`)
  const { findings } = await load(`${mesh}ingress = [${names.join(', ')}]`)
  assert.is(findings.filter(({ code }) => code === 'reference/unknown-ingress').length, 500)
  assert.equal(
    findings.filter(({ code }) => code === 'file/more').map(({ message }) => message),
    ['2500 more findings are not shown'],
  )
})

test('no secret of a configuration is printed, by findings or by what is built', async () => {
  const planted = (name: string): string => `planted-${name}-0123456789-0123456789`
  const { config, findings, files } = await load(`[management]
enabled = true
network = "public"
token = "${planted('management')}"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "${planted('mesh')}"
previous_jwt_secret = "${planted('previous')}"

[authentications.bearer]
method = "bearer"
options.token = "${planted('bearer')}"

[authentications.basic]
method = "basic"
options = { username = "me", password = "${planted('basic')}" }

[backends.app]
service = "http"
options.base_url = "https://app.test"
authentication = "bearer"

[backends.other]
service = "http"
options.base_url = "https://app.test"
authentication = "basic"

[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app", "other"]
middleware = ["users", "tokens"]

[middleware.users]
type = "basic_auth"
options = { username = "me", password = "${planted('users')}" }

[middleware.tokens]
type = "jwt_auth"
options = { use_hs256 = true, hs256_secret = "${planted('tokens')}" }
`)
  assert.ok(config, renderFindings(findings, files))
  const printed =
    inspect(config, { depth: 20, showHidden: true }) + JSON.stringify(config) + JSON.stringify([...config.meshes])
  assert.not.match(printed + renderFindings(findings, files), 'planted-')
})

test('no secret stands in a finding about it', async () => {
  const { findings, files } = await load(`[authentications.bearer]
method = "bearer"
options.token = "planted one"

[backends.app]
service = "http"
options.base_url = "https://me:planted@app.test"
authentication = "bearer"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "planted"

[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://me:planted@gw.test"]
`)
  assert.is(findings.length, 4, renderFindings(findings, files))
  assert.not.match(renderFindings(findings, files) + JSON.stringify(findings), 'planted')
})

test('the hash is that of the files and of the key material', async () => {
  const folder = dirname(
    writeExample(`[network.public.tcp_config]
cert_path = "server.pem"
key_path = "server.key"`),
  )
  const place = (name: string): string => join(folder, name)
  const put = (name: string, from: string): void => writeFileSync(place(name), readFileSync(join(cwd, from)))
  const hash = async (): Promise<string> => {
    const { config, findings, files } = await loadConfig({ file: place('config.toml'), env: {}, cwd: folder, now })
    assert.ok(config, renderFindings(findings, files))
    return config.hash
  }
  put('server.pem', 'certs/server.pem')
  put('server.key', 'certs/server.key')
  const first = await hash()
  assert.match(first, /^[0-9a-f]{8}$/)
  assert.is(await hash(), first)
  put('server.key', 'certs/sec1.key')
  const second = await hash()
  assert.not.equal(second, first)
  mkdirSync(place('mesh'))
  writeFileSync(place('mesh/a.toml'), '# nothing\n')
  const third = await hash()
  assert.not.equal(third, second)
  writeFileSync(place('mesh/b.toml'), '')
  rmSync(place('mesh/a.toml'))
  assert.not.equal(await hash(), third)
})

test('files, folders and key material are to be watched', async () => {
  const { config } = await load(`[network.public.tcp_config]
cert_path = "certs/server.pem"
key_path = "certs/server.key"
# mesh/a.toml
`)
  assert.ok(config)
  const at = (name: string): string => join(config.directory, name)
  const expected = [
    ...['config.toml', 'mesh/a.toml', 'pipelines', 'transforms', 'mesh'].map(at),
    join(cwd, 'certs/server.pem'),
    join(cwd, 'certs/server.key'),
  ]
  assert.equal([...config.watch].toSorted(), expected.toSorted())
})

test('a certificate behind a link is read through it', async () => {
  const folder = temporary()
  symlinkSync(join(cwd, 'certs/server.pem'), join(folder, 'link.pem'))
  const { config } = await load(`[network.public.tcp_config]
cert_path = "${join(folder, 'link.pem')}"
key_path = "certs/server.key"`)
  assert.ok(config)
})

test('any edit of a working configuration gives an answer', async () => {
  const text = `[proxy]
name = "gw"
primary_provider = "local"
[network.public]
http = { bind_port = 8080, cert_path = "certs/server.pem", key_path = "certs/server.key" }
[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]
middleware = ["guard", "paths"]
mesh.ingress.api = { type = "http", urls = ["https://gw.test/api"], mode = "mesh" }
mesh.egress.out = { type = "http" }
[endpoints.web]
service = "http"
options.path_prefix = "/web"
[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"
[middleware.guard]
type = "policies"
options.policies = [{ rules = [{ type = "ip_allow", options.ip_addresses = ["10.0.0.0/8"] }] }]
[middleware.paths]
type = "path_filter"
options.rules = ["/a/{*rest}"]
[remote_ingress.partner]
urls = ["http://127.0.0.1:9000"]
[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["api", "partner"]
egress = ["out"]
`
  const folder = temporary()
  const file = join(folder, 'config.toml')
  const words = text.match(/[\w./:-]+/g) ?? []
  const edits = fc.array(
    fc.tuple(fc.nat(text.length), fc.nat(12), fc.constantFrom('', '"', '[]', '{}', '0', '.', ...words)),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  await fc.assert(
    fc.asyncProperty(edits, async (list) => {
      let edited = text
      for (const [at, length, word] of list) edited = edited.slice(0, at) + word + edited.slice(at + length)
      writeFileSync(file, edited)
      const { config, findings, files } = await loadConfig({ file, env: {}, cwd, now })
      const failed = findings.some(({ severity }) => severity === 'error')
      assert.is(config === undefined, failed)
      assert.not.ok(findings.some(({ code }) => code === 'internal/failed'))
      for (const { line, column, endLine, endColumn } of findings)
        assert.ok(line >= 0 && column >= 0 && endLine >= line && (endLine > line || endColumn >= column))
      renderFindings(findings, files)
    }),
    { numRuns: 300 },
  )
})

test('ten times the routes take about ten times as long, not a hundred', async () => {
  const time = async (routes: number): Promise<number> => {
    const file = writeExample(manyRoutes(routes))
    const started = performance.now()
    const { config, findings, files } = await loadConfig({ file, env: {}, cwd, now })
    assert.ok(config, renderFindings(findings.slice(0, 3), files))
    return performance.now() - started
  }
  await time(100)
  const [small, large] = [await time(1000), await time(10_000)]
  assert.ok(large < small * 40, `1,000 routes: ${small.toFixed()} ms, 10,000: ${large.toFixed()} ms`)
})

/** A tenth of the routes have an ingress too, of a mesh. */
function manyRoutes(routes: number): string {
  const all = Array.from({ length: routes }, (_, index) => index)
  const ingresses = all.filter((index) => index % 10 === 0)
  return [
    `[pipelines.web]\nnetworks = ["public"]\nbackends = ["app"]`,
    `endpoints = [${all.map((index) => `"e${index}"`).join(', ')}]`,
    ...ingresses.map(
      (index) =>
        `mesh.ingress.i${index} = { type = "http", urls = ["https://gw.test/${index}"], endpoint = "e${index}", mode = "mesh" }`,
    ),
    ...all.map((index) => `[endpoints.e${index}]\nservice = "http"\noptions.path_prefix = "/r/${index}"`),
    `${mesh}ingress = [${ingresses.map((index) => `"i${index}"`).join(', ')}]`,
    '',
  ].join('\n')
}

test.run()
