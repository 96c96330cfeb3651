// harmony resolve: references that the configuration answers, and those that it cannot.
import * as assert from 'uvu/assert'
import { harmony, project } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('harmony resolve')

const files = project({
  'config.toml': `[proxy]
id = "gateway-a"
primary_provider = "local"

[network.plain.tcp_config]
bind_address = "127.0.0.1"
bind_port = 18080

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-more-than-thirty-two-bytes-planted"
ingress = ["fhir-ingress"]
`,
  'pipelines/care.toml': `[pipelines.care]
networks = ["plain"]
endpoints = ["fhir"]
backends = ["origin"]

[pipelines.care.mesh.ingress.fhir-ingress]
type = "http"
urls = ["https://a.example/fhir"]
mode = "mesh"

[pipelines.care.mesh.ingress.closed]
type = "http"
urls = ["https://a.example/closed"]
enabled = false

[endpoints.fhir]
service = "http"

[backends.origin]
service = "echo"
`,
})
const run = async (...args: string[]) => harmony(['resolve', '-c', files.config, ...args])

test('a name, and the same as a local reference: what it is and where it is defined', async () => {
  for (const reference of ['fhir-ingress', 'local.name.fhir-ingress']) {
    const { code, stdout, stderr } = await run(reference)
    assert.is(code, 0, stderr)
    const rows = new Map(stdout.split('\n').map((line) => [line.split(/ +/)[0], line.replace(/^\S+ +/, '')]))
    assert.is(rows.get('type'), 'ingress')
    assert.is(rows.get('name'), 'fhir-ingress')
    assert.is(rows.get('urls'), 'https://a.example/fhir')
    assert.is(rows.get('mode'), 'mesh')
    assert.is(rows.get('meshes'), 'prod')
    assert.is(rows.get('gateway'), 'gateway-a')
    assert.is(rows.get('defined'), 'pipelines/care.toml:6:1')
  }
})

test('--json is the resource, with its source and null for what is not known', async () => {
  const { stdout } = await run('fhir-ingress', '--json')
  const resource = JSON.parse(stdout)
  assert.equal(Object.keys(resource).slice(0, 12), [
    'type',
    'id',
    'name',
    'team',
    'enabled',
    'urls',
    'protocol',
    'mode',
    'gateway',
    'meshes',
    'provider',
    'source',
  ])
  assert.equal([resource.source, resource.team, resource.enabled, resource.meshes], ['config', null, true, ['prod']])
})

test('--why says each step', async () => {
  const { code, stdout } = await run('fhir-ingress', '--why')
  assert.is(code, 0)
  assert.match(stdout, /^- read as .*fhir-ingress/m)
  assert.match(stdout, /^- listed by mesh prod/m)
  assert.match(stdout, /^type +ingress$/m)
  const { why } = JSON.parse((await run('fhir-ingress', '--why', '--json')).stdout)
  assert.ok(Array.isArray(why) && why.length > 1)
})

for (const [reference, code] of [
  ['fhir-ingres', 'reference/not-found'],
  ['closed', 'reference/disabled'],
  ['elsewhere.acme.ingress.name.x', 'reference/unknown-provider'],
  ['a..b', 'reference/malformed'],
  ['', 'reference/malformed'],
  [`x${'.y'.repeat(5_000)}`, 'reference/malformed'],
] as const)
  test(`${JSON.stringify(reference.slice(0, 40))}: exit 1 with ${code}`, async () => {
    const text = await run('--', reference)
    assert.is(text.code, 1)
    assert.is(text.stdout, '')
    assert.match(text.stderr, `error[${code}]`)
    const json = await run('--json', '--', reference)
    assert.is(json.code, 1)
    assert.is(json.stderr, '')
    assert.is(JSON.parse(json.stdout).error.code, code)
  })

test('a name that is nearly one gets a guess', async () => {
  assert.match((await run('fhir-ingres')).stderr, 'did you mean "fhir-ingress"?')
})

test.run()
