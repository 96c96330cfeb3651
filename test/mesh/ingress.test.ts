// Where a token is asked for, and of which mesh: modes, several meshes, disabled ones, guarded endpoints.
import * as assert from 'uvu/assert'
import type { Config } from '../../core/config/model.ts'
import type { Outcome } from '../../core/mesh/gate.ts'
import { createIngressCheck } from '../../core/mesh/ingress.ts'
import { compileGuards } from '../../core/route/guard.ts'
import { configWith } from '../support/config.ts'
import type { ConfigParts, IngressParts, MeshParts } from '../support/config.ts'
import { forge } from '../support/tokens.ts'
import type { Claims } from '../support/tokens.ts'
import { defaultSecret } from '../support/keys.ts'
import { suite } from '../support/suite.ts'

const test = suite('mesh/ingress')

const nowMs = Date.UTC(2027, 0, 15)
const otherSecret = 'the secret of the second mesh, more than thirty-two characters'
const strict: IngressParts = { urls: ['https://b.example/fhir'], mode: 'mesh' }
const lenient: IngressParts = { urls: ['https://b.example/open'] }

test('an ingress in mode default that no mesh lists asks for nothing', async () => {
  const config = of({ lenient }, {})
  for (const token of [undefined, good('prod'), 'rubbish'])
    assert.equal(await enter(config, 'lenient', token), { kind: 'none', code: undefined })
})

test('an ingress in mode mesh that no mesh lists lets nobody in', async () => {
  const config = of({ strict }, {})
  for (const token of [undefined, good('prod')])
    assert.equal(await enter(config, 'strict', token), { kind: 'refused', code: 'token/no-mesh' })
})

test('a disabled mesh counts for nothing', async () => {
  const config = of({ strict, lenient }, { prod: { ingress: ['strict', 'lenient'], enabled: false } })
  assert.equal(await enter(config, 'strict', good('prod')), { kind: 'refused', code: 'token/no-mesh' })
  assert.equal(await enter(config, 'lenient', good('prod')), { kind: 'none', code: undefined })
})

test('a token of a mesh that does not list the ingress opens nothing', async () => {
  const config = of({ strict, lenient }, { prod: { ingress: ['lenient'] }, test: { ingress: ['strict'] } })
  assert.equal(await enter(config, 'strict', good('prod')), { kind: 'refused', code: 'token/issuer' })
  assert.is((await enter(config, 'lenient', good('prod'))).kind, 'context')
})

test('an ingress in several meshes takes a token of each, in whatever order they stand', async () => {
  const meshes = { prod: { ingress: ['strict'] }, test: { ingress: ['strict'], secret: otherSecret } }
  for (const config of [of({ strict }, meshes), of({ strict }, { test: meshes.test, prod: meshes.prod })]) {
    assert.is(meshOf(await enter(config, 'strict', good('prod'))), 'prod')
    assert.is(meshOf(await enter(config, 'strict', good('test', otherSecret))), 'test')
  }
})

test('a token with the name of one mesh and the key of another is no token', async () => {
  const meshes = { prod: { ingress: ['strict'] }, test: { ingress: ['strict'], secret: otherSecret } }
  const config = of({ strict }, meshes)
  assert.equal(await enter(config, 'strict', good('prod', otherSecret)), { kind: 'refused', code: 'token/signature' })
  assert.equal(await enter(config, 'strict', good('test')), { kind: 'refused', code: 'token/signature' })
})

test('meshes that share a key by mistake are still two meshes', async () => {
  const config = of({ strict, lenient }, { prod: { ingress: ['strict'] }, test: { ingress: ['lenient'] } })
  assert.is((await enter(config, 'strict', good('test'))).kind, 'refused')
  assert.is((await enter(config, 'lenient', good('prod'))).kind, 'none')
})

test('the reason is that of the mesh which the token names', async () => {
  const meshes = { prod: { ingress: ['strict'] }, test: { ingress: ['strict'], secret: otherSecret } }
  const expired = { exp: nowMs / 1000 - 600, iat: nowMs / 1000 - 900 }
  for (const config of [of({ strict }, meshes), of({ strict }, { test: meshes.test, prod: meshes.prod })])
    assert.equal(await enter(config, 'strict', good('prod', defaultSecret, expired)), {
      kind: 'refused',
      code: 'token/expired',
    })
})

test('a mesh of a provider accepts nothing here, also when the token is signed with a key at hand', async () => {
  const meshes = { prod: { provider: 'runbeam', ingress: ['strict', 'lenient'] } }
  const config = of({ strict, lenient }, meshes, { providers: { runbeam: {} } })
  assert.equal(await enter(config, 'strict', good('prod')), { kind: 'refused', code: 'token/provider' })
  assert.equal(await enter(config, 'lenient', good('prod')), { kind: 'none', code: 'token/provider' })
})

test('a provider that the configuration does not have is none of ours', async () => {
  const config = of({ strict }, { prod: { provider: 'gone', ingress: ['strict'] } })
  assert.equal(await enter(config, 'strict', good('prod')), { kind: 'refused', code: 'token/provider' })
})

test('an ingress that the configuration does not have lets nobody in', async () => {
  const other = of({ strict: { ...strict }, foreign: strict }, { prod: { ingress: ['foreign'] } })
  const foreign = other.ingresses.get('foreign')
  const check = createIngressCheck(of({ strict }, { prod: { ingress: ['strict'] } }))
  const outcome = await check.check({ ingress: foreign, guard: undefined }, [`Bearer ${good('prod')}`], nowMs)
  assert.equal(outcome, { kind: 'refused', code: 'token/no-mesh' })
})

// --- decision 3 ---

test('the own path of an endpoint behind a mesh-only ingress asks for a token of a mesh with that ingress', async () => {
  const config = of({ strict, lenient: { ...lenient, endpoint: 'other' } }, { prod: { ingress: ['strict'] } })
  assert.equal(await byPath(config, 'api', undefined), { kind: 'refused', code: 'token/absent' })
  assert.equal(await byPath(config, 'api', good('test')), { kind: 'refused', code: 'token/issuer' })
  const outcome = await byPath(config, 'api', good('prod'))
  assert.is(meshOf(outcome), 'prod')
  assert.is(outcome.kind === 'context' && outcome.context.ingress, undefined)
  // a path that nothing guards asks for nothing
  assert.equal(await byPath(config, 'other', good('prod')), { kind: 'none', code: undefined })
})

test('on a guarded path any of the guarding ingresses may be the audience, and no other', async () => {
  const ingresses = {
    strict,
    second: { ...strict, urls: ['https://c.example:8443/'] },
    open: { ...lenient, endpoint: 'other' },
  }
  const config = of(ingresses, { prod: { ingress: ['strict'] }, test: { ingress: ['second', 'open'] } })
  const to = (mesh: string, aud: string) => byPath(config, 'api', good(mesh, defaultSecret, { aud }))
  assert.is((await to('prod', 'https://b.example')).kind, 'context')
  assert.is((await to('test', 'https://c.example:8443')).kind, 'context')
  assert.equal(await to('prod', 'https://c.example:8443'), { kind: 'refused', code: 'token/audience' })
  assert.equal(await to('test', 'https://b.example'), { kind: 'refused', code: 'token/audience' })
})

test('a guarded path behind an ingress in no enabled mesh lets nobody in', async () => {
  for (const meshes of [{}, { prod: { ingress: ['strict'], enabled: false } }]) {
    const outcome = await byPath(of({ strict }, meshes), 'api', good('prod'))
    assert.equal(outcome, { kind: 'refused', code: 'token/no-mesh' })
  }
})

test('an ingress in mode default, a disabled one and enforce = "url" leave the own path open', async () => {
  const meshes = { prod: { ingress: ['strict'] } }
  const open: readonly Readonly<Record<string, IngressParts>>[] = [
    { strict, lenient },
    { strict: { ...strict, enabled: false } },
    { strict: { ...strict, enforce: 'url' } },
  ]
  for (const ingresses of open)
    assert.equal(await byPath(of(ingresses, meshes), 'api', undefined), { kind: 'none', code: undefined })
})

test('1,000 ingresses in one mesh cost no more to check than one', async () => {
  const names = Array.from({ length: 1000 }, (_, n) => `in-${n}`)
  const ingresses = Object.fromEntries(
    names.map((name, n) => [name, { ...strict, urls: [`https://h${n}.example/fhir`] }]),
  )
  const config = of(ingresses, { prod: { ingress: names } })
  const check = createIngressCheck(config)
  const target = { ingress: config.ingresses.get('in-777'), guard: undefined }
  const value = [`Bearer ${good('prod', defaultSecret, { aud: 'https://h777.example' })}`]
  await check.check(target, value, nowMs)
  const started = performance.now()
  for (let n = 0; n < 1000; n++) assert.is(check.check(target, value, nowMs) instanceof Promise, false)
  assert.ok(performance.now() - started < 5_000)
})

test.run()

function of(
  ingresses: Readonly<Record<string, IngressParts>>,
  meshes: Readonly<Record<string, MeshParts>>,
  rest: ConfigParts = {},
): Config {
  return configWith({
    endpoints: { api: { pathPrefix: '/api' }, other: { pathPrefix: '/other' } },
    backends: { origin: 'http://127.0.0.1:9000' },
    pipelines: { main: { endpoints: ['api', 'other'], backends: ['origin'], ingresses } },
    meshes,
    ...rest,
  })
}

function good(mesh: string, secret = defaultSecret, claims: Claims = {}): string {
  return forge({ mesh, meshId: mesh, key: { secret } }, nowMs, { claims })
}

async function enter(config: Config, name: string, token: string | undefined): Promise<Outcome> {
  const ingress = config.ingresses.get(name)
  assert.ok(ingress)
  return createIngressCheck(config).check({ ingress, guard: undefined }, valuesOf(token), nowMs)
}

async function byPath(config: Config, name: string, token: string | undefined): Promise<Outcome> {
  const endpoint = config.pipelines.get('main')?.endpoints.find((one) => one.name === name)
  assert.ok(endpoint)
  const guard = endpoint && compileGuards(config).of(endpoint)
  return createIngressCheck(config).check({ ingress: undefined, guard }, valuesOf(token), nowMs)
}

function valuesOf(token: string | undefined): string[] {
  return token === undefined ? [] : [`Bearer ${token}`]
}

function meshOf(outcome: Outcome): string | undefined {
  return outcome.kind === 'context' ? outcome.context.mesh : undefined
}
