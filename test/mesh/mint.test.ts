// Minting: what stands in a token, when one is used again, and that the other side accepts it.
import { decodeJwt, decodeProtectedHeader } from 'jose'
import * as assert from 'uvu/assert'
import { createMinter, mintToken, signingOf } from '../../core/mesh/mint.ts'
import type { Minter, Signing } from '../../core/mesh/mint.ts'
import { createIngressCheck } from '../../core/mesh/ingress.ts'
import { configWith } from '../support/config.ts'
import type { MeshParts } from '../support/config.ts'
import { rsaPair, secretKey } from '../support/keys.ts'
import { suite } from '../support/suite.ts'

const test = suite('mesh/mint')

const nowMs = Date.UTC(2027, 0, 15, 12, 0, 0, 900)
const nowSecs = Math.floor(nowMs / 1000)
const to = 'https://b.example:8443'

for (const [alg, mesh] of [
  ['HS256', {}],
  ['RS256', { rsa: rsaPair() }],
] as const) {
  test(`a token of ${alg} says what spec 7.5 asks for, and nothing else`, async () => {
    const token = await minterOf(mesh).mint(to, nowMs)
    assert.equal(decodeJwt(token), {
      iss: 'prod',
      sub: 'gateway-a',
      aud: to,
      iat: nowSecs,
      exp: nowSecs + 300,
      mesh_id: '01jmesh',
    })
    assert.equal(decodeProtectedHeader(token), { alg, typ: 'JWT', kid: signing(mesh).key.kid })
  })

  test(`an ingress of another gateway in the mesh accepts a token of ${alg}`, async () => {
    const config = configWith({
      endpoints: { api: {} },
      pipelines: { main: { endpoints: ['api'], ingresses: { in: { urls: [`${to}/fhir`], mode: 'mesh' } } } },
      meshes: { prod: { id: '01jmesh', ingress: ['in'], ...mesh } },
    })
    const target = { ingress: config.ingresses.get('in'), guard: undefined }
    const value = [`Bearer ${await minterOf(mesh).mint(to, nowMs)}`]
    const outcome = await createIngressCheck(config).check(target, value, nowMs)
    assert.is(outcome.kind === 'context' && outcome.context.sub, 'gateway-a')
  })
}

test('without an id of its own the mesh is known by its name', async () => {
  const token = await minterOf({ id: 'prod' }).mint(to, nowMs)
  assert.is(decodeJwt(token)['mesh_id'], 'prod')
})

test('an audience does not repeat the default port of its scheme', async () => {
  const minter = minterOf({})
  assert.is(decodeJwt(await minter.mint('https://b.example:443', nowMs)).aud, 'https://b.example')
  assert.is(decodeJwt(await minter.mint('http://b.example:80', nowMs)).aud, 'http://b.example')
  assert.is(decodeJwt(await minter.mint('http://b.example:443', nowMs)).aud, 'http://b.example:443')
  assert.is(decodeJwt(await minter.mint('https://[::1]:8443', nowMs)).aud, 'https://[::1]:8443')
})

test('a token is used again, at once, until a minute before it expires', async () => {
  const minter = minterOf({})
  const first = await minter.mint(to, nowMs)
  const margin = (nowSecs + 240) * 1000
  assert.is(minter.mint(to, nowMs + 1), first)
  assert.is(minter.mint(to, margin - 1), first)
  const next = minter.mint(to, margin)
  assert.instance(next, Promise)
  assert.is.not(await next, first)
  assert.is(decodeJwt(await next).iat, nowSecs + 240)
  assert.is(minter.mint(to, margin + 1), await next)
})

test('a clock that is set back makes a new token', async () => {
  const minter = minterOf({})
  const first = await minter.mint(to, nowMs)
  const again = await minter.mint(to, nowMs - 60_000)
  assert.is.not(again, first)
  assert.is(decodeJwt(again).iat, nowSecs - 60)
})

test('each destination has a token of its own', async () => {
  const minter = minterOf({})
  const one = await minter.mint(to, nowMs)
  const two = await minter.mint('https://c.example:8443', nowMs)
  assert.is.not(one, two)
  assert.is(minter.mint(to, nowMs), one)
  assert.is(minter.mint('https://c.example:8443', nowMs), two)
})

test('requests that need a new token at the same time share one signature', async () => {
  const minter = minterOf({ rsa: rsaPair() })
  const asked = Array.from({ length: 20 }, () => minter.mint(to, nowMs))
  assert.is(new Set(asked).size, 1)
  assert.is(typeof (await asked[0]), 'string')
})

test('a key that cannot sign rejects, each time anew', async () => {
  // a public key, which no configuration lets through
  const minter = createMinter({ ...signing({ rsa: rsaPair() }), key: rsaPair().verification }, 'gateway-a')
  for (const _ of [1, 2]) {
    const failed = await Promise.resolve(minter.mint(to, nowMs)).then(
      () => false,
      (error: unknown) => error instanceof Error,
    )
    assert.ok(failed)
  }
})

test('many destinations take bounded memory', async () => {
  const minter = minterOf({})
  const first = await minter.mint('https://h0.example:1', nowMs)
  for (let n = 1; n <= 1024; n++) await minter.mint(`https://h${n}.example:1`, nowMs)
  assert.is(typeof minter.mint('https://h1024.example:1', nowMs), 'string')
  const again = minter.mint('https://h0.example:1', nowMs)
  assert.instance(again, Promise, 'the oldest had to go')
  assert.is(await again, first, 'the same claims have the same signature')
})

test('a token without a destination has no audience', async () => {
  const { claims, header } = await mintToken(signing({}), 'gateway-a', undefined, nowMs)
  assert.is('aud' in claims, false)
  assert.is(header.kid, secretKey('a secret for tests with more than thirty-two characters').kid)
})

test('a mesh without a key to sign with has no signing', () => {
  assert.is(signingOf(meshWith({ signing: 'none' })), undefined)
})

test.run()

function meshWith(parts: MeshParts) {
  const mesh = configWith({ meshes: { prod: { id: '01jmesh', ...parts } } }).meshes.get('prod')
  if (mesh === undefined) throw new Error('there is no mesh prod')
  return mesh
}

function signing(parts: MeshParts): Signing {
  const found = signingOf(meshWith(parts))
  if (found === undefined) throw new Error('the mesh cannot sign')
  return found
}

function minterOf(parts: MeshParts): Minter {
  return createMinter(signing(parts), 'gateway-a')
}
