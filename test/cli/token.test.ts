// harmony token: minting and verifying, for scripts.
import * as assert from 'uvu/assert'
import { harmony, project } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('harmony token')

const secret = 'a-secret-of-more-than-thirty-two-bytes-planted'
const configuration = (text: string): string => `[proxy]
id = "gateway-a"
primary_provider = "local"

[network.plain.tcp_config]
bind_address = "127.0.0.1"
bind_port = 18080

[pipelines.p]
networks = ["plain"]
endpoints = ["e"]
backends = ["b"]

[pipelines.p.mesh.ingress.in]
type = "http"
urls = ["https://a.example/e"]
mode = "mesh"

[pipelines.p.mesh.egress.out]
type = "http"

[endpoints.e]
service = "http"
options.path_prefix = "/e"

[backends.b]
service = "echo"

${text}`

const mesh = (name: string, more = ''): string => `[mesh.${name}]
type = "http"
provider = "local"
jwt_secret = "${secret}-${name}"
ingress = ["in"]
egress = ["out"]
${more}
`

const files = project({
  'config.toml': configuration(mesh('prod') + mesh('other') + mesh('off', 'enabled = false')),
})
const run = async (args: string[], input?: string) =>
  harmony(['token', '-c', files.config, ...args], input === undefined ? {} : { input })

test('the token alone on stdout, with a newline; nothing on stderr', async () => {
  const { code, stdout, stderr } = await run(['--mesh', 'prod'])
  assert.is(code, 0, stderr)
  assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  assert.is(stderr, '')
})

test('--json says what is in the token', async () => {
  const { stdout } = await run(['--mesh', 'prod', '--destination', 'https://b.example/fhir', '--json'])
  const minted = JSON.parse(stdout)
  assert.equal(Object.keys(minted), ['token', 'header', 'claims', 'expires_at', 'mesh', 'provider'])
  const [header, claims] = minted.token.split('.').map((part: string) => {
    try {
      return JSON.parse(Buffer.from(part, 'base64url').toString())
    } catch {
      return undefined
    }
  })
  assert.equal(minted.header, header)
  assert.equal(minted.claims, claims)
  assert.is(claims.aud, 'https://b.example')
  assert.is(claims.sub, 'gateway-a')
  assert.is(minted.expires_at, new Date(claims.exp * 1000).toISOString())
  assert.equal([minted.mesh, minted.provider], ['prod', 'local'])
})

test('a token that was minted is accepted, from an argument and from stdin', async () => {
  const token = (await run(['--mesh', 'prod'])).stdout
  for (const [args, input] of [
    [['--verify', token.trim()], undefined],
    [['--verify', '-'], token],
    [['--verify=-'], ` ${token}\n`],
  ] as const) {
    const { code, stdout } = await run(['--mesh', 'prod', ...args], input)
    assert.is(code, 0, stdout)
    assert.match(stdout, 'accepted by mesh "prod"')
  }
})

test('a token of another mesh is refused: exit 1, and every check with its outcome', async () => {
  const token = (await run(['--mesh', 'other'])).stdout
  const text = await run(['--mesh', 'prod', '--verify', '-'], token)
  assert.is(text.code, 1)
  assert.match(text.stdout, /^FAIL {2}signature/m)
  assert.match(text.stdout, /^ok {4}alg/m)
  const json = await run(['--mesh', 'prod', '--verify', '-', '--json'], token)
  assert.is(json.code, 1)
  const { ok, mesh, checks, claims, code } = JSON.parse(json.stdout)
  assert.equal([ok, mesh, claims.iss], [false, 'prod', 'other'])
  assert.match(code, /^token\//)
  const named = new Map(checks.map((check: { name: string; ok: boolean }) => [check.name, check.ok]))
  for (const name of ['signature', 'alg', 'expiry', 'issuer', 'mesh_id']) assert.ok(named.has(name), name)
  assert.is(named.get('issuer'), false)
  assert.is(named.get('expiry'), true)
})

test('what is no token is refused, whatever it is', async () => {
  for (const input of ['', 'x', 'a.b.c', '\u0000\u001b[2J', 'é'.repeat(10_000), 'a'.repeat(100_000)]) {
    const { code, stdout, stderr } = await run(['--mesh', 'prod', '--verify', '-', '--json'], input)
    assert.is(code, 1)
    assert.is(stderr, '')
    assert.ok(JSON.parse(stdout))
  }
})

test('what a stranger writes into a token does not reach the terminal as it is', async () => {
  const sub = 'a\u009b31mb\u202ec\u007f\u001b[2J'
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${part({ alg: 'HS256' })}.${part({ sub, iss: sub, exp: 1 })}.${'A'.repeat(43)}`
  for (const more of [[], ['--json']]) {
    const { stdout, stderr } = await run(['--mesh', 'prod', '--verify', '-', ...more], token)
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    assert.not.match(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    if (more.length > 0) assert.is(JSON.parse(stdout).claims.sub, sub)
  }
})

for (const [name, code] of [
  ['nowhere', 'mesh/unknown'],
  ['off', 'mesh/disabled'],
] as const)
  test(`a mesh that is ${code}: exit 1 with its code`, async () => {
    const text = await run(['--mesh', name])
    assert.is(text.code, 1)
    assert.is(text.stdout, '')
    assert.match(text.stderr, `error[${code}]`)
    const json = await run(['--mesh', name, '--json', '--verify', 'x'])
    assert.is(json.code, 1)
    assert.is(JSON.parse(json.stdout).error.code, code)
  })

test('a destination that is no URL: exit 1', async () => {
  const { code, stderr } = await run(['--mesh', 'prod', '--destination', 'partner'])
  assert.is(code, 1)
  assert.match(stderr, 'partner')
})

test('a configuration with errors mints nothing', async () => {
  const bad = project({ 'config.toml': configuration(mesh('prod', 'leeway_secs = 1000')) })
  const text = await harmony(['token', '--mesh', 'prod', '-c', bad.config])
  assert.is(text.code, 1)
  assert.is(text.stdout, '')
  assert.match(text.stderr, 'leeway_secs')
  assert.match(text.stderr, 'error[config/invalid]')
  assert.not.match(text.stderr, 'planted')
  const json = await harmony(['token', '--mesh', 'prod', '-c', bad.config, '--json'])
  assert.is(json.stderr, '')
  assert.is(JSON.parse(json.stdout).error.code, 'config/invalid')
})

test('the key of the mesh is nowhere in the output', async () => {
  const token = (await run(['--mesh', 'prod'])).stdout
  for (const args of [['--json'], ['--verify', token.trim()], ['--verify', token.trim(), '--json']]) {
    const { stdout, stderr } = await run(['--mesh', 'prod', ...args])
    assert.not.match(stdout + stderr, 'planted')
  }
})

test.run()
