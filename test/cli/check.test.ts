// harmony check: the contract of its text, its JSON and its exit codes.
import * as assert from 'uvu/assert'
import { harmony, project } from '../support/serve.ts'
import type { Project } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('harmony check')

const good = `[proxy]
id = "x"
primary_provider = "local"

[network.plain.tcp_config]
bind_address = "127.0.0.1"
bind_port = 18080
`
const pipeline = `[pipelines.care]
networks = ["plain"]
endpoints = ["fhir"]
backends = ["origin"]

[pipelines.care.mesh.ingress.fhir-ingress]
type = "http"
urls = ["https://a.example/fhir"]
endpoint = "fhir"
mode = "mesh"

[endpoints.fhir]
service = "http"
options.path_prefix = "/fhir"

[backends.origin]
service = "echo"
`
const mesh = (ingress: string): string => `[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-more-than-thirty-two-bytes-planted"

# the members
ingress = ["${ingress}"]
`

const correct = (): Project =>
  project({ 'config.toml': good, 'pipelines/care.toml': pipeline, 'mesh/prod.toml': mesh('fhir-ingress') })
const mistaken = (): Project =>
  project({ 'config.toml': good, 'pipelines/care.toml': pipeline, 'mesh/prod.toml': mesh('fhir-ingres') })

test('a correct configuration: exit 0, one line, nothing on stderr', async () => {
  const { code, stdout, stderr } = await harmony(['check', correct().config])
  assert.is(stdout, 'no errors, no warnings in 3 files\n')
  assert.is(stderr, '')
  assert.is(code, 0)
})

test('the text of a finding is the one of the contract, then a summary; exit 1', async () => {
  const { code, stdout, stderr } = await harmony(['check', mistaken().config])
  assert.is(code, 1)
  assert.is(stderr, '')
  const block = stdout.split('\n\n').find((text) => text.includes('reference/unknown-ingress'))
  assert.is(
    block,
    `error[reference/unknown-ingress]: mesh "prod" lists ingress "fhir-ingres", which no pipeline defines
  --> mesh/prod.toml:7:12
   |
 7 | ingress = ["fhir-ingres"]
   |            ^^^^^^^^^^^^^
   = help: did you mean "fhir-ingress"? (defined at pipelines/care.toml:6:1)`,
  )
  assert.match(stdout, /\n\n1 error(?:, \d+ warnings?)? in 3 files\n$/)
})

test('the JSON has the same facts, and nothing stands around it', async () => {
  const { code, stdout, stderr } = await harmony(['check', '--json', mistaken().config])
  assert.is(code, 1)
  assert.is(stderr, '')
  const { ok, findings, summary } = JSON.parse(stdout)
  assert.is(ok, false)
  assert.equal(
    findings.find((finding: { code: string }) => finding.code === 'reference/unknown-ingress'),
    {
      code: 'reference/unknown-ingress',
      severity: 'error',
      message: 'mesh "prod" lists ingress "fhir-ingres", which no pipeline defines',
      file: 'mesh/prod.toml',
      line: 7,
      column: 12,
      endLine: 7,
      endColumn: 25,
      path: 'mesh.prod.ingress[0]',
      help: 'did you mean "fhir-ingress"? (defined at pipelines/care.toml:6:1)',
    },
  )
  assert.equal(summary, { errors: 1, warnings: findings.length - 1, files: 3 })
  const fine = JSON.parse((await harmony(['check', '--json', correct().config])).stdout)
  assert.equal(fine, { ok: true, findings: [], summary: { errors: 0, warnings: 0, files: 3 } })
})

test('warnings are allowed, and count as errors with --strict', async () => {
  const files = project({ 'config.toml': `${good}\n[netwerk.x]\n` })
  const lax = await harmony(['check', '--json', files.config])
  assert.is(lax.code, 0)
  assert.is(JSON.parse(lax.stdout).ok, true)
  const warnings = JSON.parse(lax.stdout).findings
  assert.ok(warnings.length > 0)
  assert.ok(warnings.every(({ severity }: { severity: string }) => severity === 'warning'))
  const strict = await harmony(['check', '--json', '--strict', files.config])
  assert.is(strict.code, 1)
  const { ok, findings, summary } = JSON.parse(strict.stdout)
  assert.is(ok, false)
  assert.equal(
    findings,
    warnings.map((finding: object) => ({ ...finding, severity: 'error' })),
  )
  assert.equal([summary.errors, summary.warnings], [warnings.length, 0])
  assert.match((await harmony(['check', '--strict', files.config])).stdout, /^error\[/)
})

test('all findings of all files are there, sorted by file, then line', async () => {
  const files = project({
    'config.toml': `${good}\n[odd.z]\nx = 1\n`,
    'pipelines/b.toml': '[odd]\n\n[more]\n',
    'pipelines/a.toml': 'bad =\n',
    'mesh/m.toml': '[odd]\n',
  })
  const { findings } = JSON.parse((await harmony(['check', '--json', files.config])).stdout)
  const places = findings.map(({ file, line }: { file: string; line: number }) => [file, line])
  const sorted = places.toSorted((a: [string, number], b: [string, number]) =>
    a[0] === b[0] ? a[1] - b[1] : a[0] < b[0] ? -1 : 1,
  )
  assert.equal(places, sorted)
  assert.equal(
    [...new Set(places.map(([file]: [string]) => file))],
    ['config.toml', 'mesh/m.toml', 'pipelines/a.toml', 'pipelines/b.toml'],
  )
})

test('no secret is printed with the line that it stands in', async () => {
  const files = project({
    'config.toml': good,
    'mesh/prod.toml': mesh('fhir-ingres').replace(
      'jwt_secret = "',
      'unknown_secret = "planted"\njwt_secret = "planted-',
    ),
  })
  for (const args of [['check'], ['check', '--json'], ['check', '--strict']]) {
    const { stdout, stderr } = await harmony([...args, files.config])
    assert.not.match(stdout + stderr, 'planted')
  }
})

test('--explain prints a page on a code, as text and as JSON', async () => {
  const text = await harmony(['check', '--explain', 'reference/unknown-ingress'])
  assert.is(text.code, 0)
  const json = await harmony(['check', '--explain', 'reference/unknown-ingress', '--json'])
  const page = JSON.parse(json.stdout)
  assert.equal(Object.keys(page), ['code', 'severity', 'title', 'meaning', 'why', 'wrong', 'right'])
  for (const part of [page.title, page.wrong.trim().split('\n')[0], page.right.trim().split('\n')[0]]) {
    assert.match(text.stdout, part)
  }
})

test('--explain of an unknown code: exit 1 with a guess', async () => {
  const { code, stdout, stderr } = await harmony(['check', '--explain', 'reference/unknown-ingres'])
  assert.is(code, 1)
  assert.is(stdout, '')
  assert.match(stderr, 'did you mean "reference/unknown-ingress"?')
})

test('check binds no port', async () => {
  const files = correct()
  // the same port, at the same time, as often as one likes
  const results = await Promise.all([1, 2, 3].map(async () => harmony(['check', files.config])))
  assert.equal(
    results.map(({ code }) => code),
    [0, 0, 0],
  )
})

test.run()
