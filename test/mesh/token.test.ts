// Tokens for the operator: `harmony token` and `token --verify`.
import * as assert from 'uvu/assert'
import { mintFor, verifyFor } from '../../core/mesh/token.ts'
import { configWith } from '../support/config.ts'
import type { ConfigParts, MeshParts } from '../support/config.ts'
import { rsaPair } from '../support/keys.ts'
import { suite } from '../support/suite.ts'
import { forge } from '../support/tokens.ts'

const test = suite('mesh/token')

const nowMs = Date.UTC(2027, 0, 15, 12)
const ingress: ConfigParts = {
  endpoints: { api: {} },
  pipelines: { main: { endpoints: ['api'], ingresses: { in: { urls: ['https://a.example/fhir'] } } } },
}

test('a token is minted with its header, its claims and when it expires', async () => {
  const minted = await mintFor(of({ rsa: rsaPair() }), 'prod', 'https://b.example:8443/fhir?x=1', nowMs)
  assert.not('problem' in minted)
  if ('problem' in minted) return
  const { token, header, claims, expires_at, mesh, provider } = minted
  assert.equal([mesh, provider, expires_at], ['prod', 'local', '2027-01-15T12:05:00.000Z'])
  assert.equal(header, { alg: 'RS256', typ: 'JWT', kid: rsaPair().signing.kid })
  assert.equal(Object.keys(claims), ['iss', 'sub', 'aud', 'iat', 'exp', 'mesh_id'])
  assert.is(claims.aud, 'https://b.example:8443')
  assert.is(token.split('.').length, 3)
})

test('what is minted verifies, with and without a destination of this gateway', async () => {
  const config = of({ ingress: ['in'] }, ingress)
  for (const destination of [undefined, 'https://a.example/fhir']) {
    const minted = await mintFor(config, 'prod', destination, nowMs)
    const verified = await verifyFor(config, 'prod', 'token' in minted ? `${minted.token}\n` : '', nowMs)
    assert.ok('ok' in verified && verified.ok)
    assert.is(verified.code, undefined)
  }
})

test('each test of a token is told, the failed ones too', async () => {
  const config = of({ ingress: ['in'] }, ingress)
  const claims = { exp: nowMs / 1000 - 100, aud: 'https://c.example' }
  const token = forge({ mesh: 'prod', meshId: 'prod', key: { secret: 'x'.repeat(40) } }, nowMs, { claims })
  const verified = await verifyFor(config, 'prod', token, nowMs)
  assert.ok('checks' in verified)
  if (!('checks' in verified)) return
  const failed = verified.checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`)
  assert.equal(failed, [
    'signature: the token names a key that is not known here',
    'expiry: exp is 100 s ago: the leeway is 30 s',
    'audience: aud is "https://c.example"',
  ])
  const names = 'form alg typ crit issuer mesh_id signature subject expiry not_before issued_at lifetime audience'
  assert.is(verified.checks.map(({ name }) => name).join(' '), names)
  assert.equal([verified.ok, verified.code, verified.claims?.['sub']], [false, 'token/signature', 'gateway-forged'])
})

test('what is no token has one failed test', async () => {
  for (const text of ['', 'hello', 'a.b.c', 'x'.repeat(100_000)]) {
    const verified = await verifyFor(of({}), 'prod', text, nowMs)
    assert.ok('checks' in verified)
    if (!('checks' in verified)) return
    assert.equal(
      verified.checks.map(({ name, ok }) => [name, ok]),
      [['form', false]],
    )
    assert.equal([verified.ok, verified.code, verified.claims], [false, 'token/malformed', undefined])
  }
})

test('a gateway without an ingress in the mesh does not test the audience', async () => {
  const config = of({})
  const minted = await mintFor(config, 'prod', 'https://b.example', nowMs)
  const verified = await verifyFor(config, 'prod', 'token' in minted ? minted.token : '', nowMs)
  assert.ok('checks' in verified && verified.ok)
  const last = 'checks' in verified ? verified.checks.at(-1)?.detail : undefined
  assert.is(last, 'aud is "https://b.example", which is not checked')
})

const problems: readonly (readonly [string, MeshParts, string, string | undefined, RegExp])[] = [
  ['mesh/unknown', {}, 'pord', undefined, /^the configuration has no mesh "pord"$/],
  ['mesh/disabled', { enabled: false }, 'prod', undefined, /^mesh "prod" is disabled$/],
  ['mesh/provider', { provider: 'runbeam' }, 'prod', undefined, /come from provider "runbeam", which is not supported/],
  ['mesh/no-signing-key', { signing: 'none' }, 'prod', undefined, /^mesh "prod" has no key to sign with/],
  ['token/destination', {}, 'prod', 'b.example', /^destination "b.example" is no http or https URL$/],
  ['token/destination', {}, 'prod', 'ftp://b.example', /is no http or https URL$/],
  ['token/destination', {}, 'prod', '', /^destination "" is no/],
]

for (const [code, mesh, name, destination, message] of problems) {
  test(`${code}: no token for mesh ${name} and destination ${destination ?? 'none'}`, async () => {
    const minted = await mintFor(of(mesh, { providers: { runbeam: {} } }), name, destination, nowMs)
    assert.ok('problem' in minted)
    if (!('problem' in minted)) return
    assert.is(minted.problem.code, code)
    assert.match(minted.problem.message, message)
  })
}

test('an unknown mesh comes with a guess, or with the names that there are', async () => {
  const helpFor = async (name: string): Promise<string | undefined> => {
    const verified = await verifyFor(of({}), name, 'a.b.c', nowMs)
    return 'problem' in verified ? verified.problem.help : undefined
  }
  assert.is(await helpFor('prd'), 'did you mean "prod"?')
  assert.is(await helpFor('something-else'), 'it has "prod"')
})

test('without a key to verify with, the signature says so', async () => {
  const token = forge({ mesh: 'prod', meshId: 'prod', key: { secret: 'x'.repeat(40) } }, nowMs)
  const verified = await verifyFor(of({ verification: [] }), 'prod', token, nowMs)
  const found = 'checks' in verified ? verified.checks.find(({ name }) => name === 'signature') : undefined
  assert.equal(found, { name: 'signature', ok: false, detail: 'this gateway has no key to verify with' })
})

test.run()

function of(mesh: MeshParts, parts: ConfigParts = {}) {
  return configWith({ ...parts, meshes: { prod: mesh } })
}
