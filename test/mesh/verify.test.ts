// The check of mesh tokens: modes x tokens, rotation, what is remembered, and attempts to forge.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { Config, Ingress } from '../../core/config/model.ts'
import { originsIn } from '../../core/mesh/audience.ts'
import { examine } from '../../core/mesh/examine.ts'
import type { Outcome } from '../../core/mesh/gate.ts'
import { createIngressCheck } from '../../core/mesh/ingress.ts'
import { TokenMemory } from '../../core/mesh/memory.ts'
import { createVerifier, Presented, trustOf } from '../../core/mesh/verify.ts'
import type { Verifier } from '../../core/mesh/verify.ts'
import { configWith } from '../support/config.ts'
import type { MeshParts } from '../support/config.ts'
import { forge, hmac, tokenCases } from '../support/tokens.ts'
import type { Issuer, Scene } from '../support/tokens.ts'
import { defaultSecret, rsaPair, secretKey } from '../support/keys.ts'
import { suite } from '../support/suite.ts'

const test = suite('mesh/verify')

const nowMs = Date.UTC(2027, 0, 15, 12, 0, 0, 500)
const audience = 'https://b.example:8443'
const previousSecret = 'the secret before this one, also more than thirty-two characters'

const hs: Scene = {
  mesh: 'prod',
  meshId: '01jmesh',
  key: { secret: defaultSecret },
  nowMs,
  audience,
  elsewhere: 'https://b.example:9443',
  previous: { secret: previousSecret },
  retired: { secret: 'a secret of last year, which has more than thirty-two characters' },
}
const rs: Scene = {
  ...hs,
  key: { rsa: rsaPair() },
  previous: { rsa: rsaPair('previous') },
  retired: { rsa: rsaPair('retired') },
}

const scenes = [
  ['HS256', hs, { verification: [secretKey(defaultSecret), secretKey(previousSecret)] }],
  ['RS256', rs, { rsa: rsaPair(), verification: [rsaPair().verification, rsaPair('previous').verification] }],
] as const

for (const [alg, scene, keys] of scenes) {
  for (const { name, authorization, code } of tokenCases(scene)) {
    test(`${alg}, ${name}: ${code ?? 'accepted'} in mode mesh, ${code === undefined ? 'context' : 'no context'} in mode default`, async () => {
      const config = configOf(keys)
      const check = createIngressCheck(config)
      for (const again of [false, true]) {
        const required = await check.check(at(config, 'strict'), authorization, nowMs)
        const optional = await check.check(at(config, 'lenient'), authorization, nowMs)
        const message = again ? 'the second time' : 'the first time'
        if (code === undefined) {
          assert.is(contextOf(required).sub, 'gateway-forged', message)
          assert.is(contextOf(required).ingress, 'strict')
          assert.is(contextOf(required).mesh, 'prod')
          assert.is(contextOf(required).meshId, '01jmesh')
          assert.is(contextOf(optional).ingress, 'lenient', message)
        } else {
          assert.equal(required, { kind: 'refused', code }, message)
          assert.equal(optional, { kind: 'none', code }, message)
        }
      }
    })

    const token = authorization.length === 1 ? /^bearer +(\S+)$/i.exec(authorization[0] ?? '')?.[1] : undefined
    if (token === undefined) continue
    test(`${alg}, ${name}: the examination says the same`, async () => {
      const mesh = meshOf(configOf(keys))
      const found = await examine(token, trustOf(mesh), originsIn(mesh), nowMs)
      assert.is(found.code, code === 'token/too-long' ? 'token/malformed' : code)
      assert.is(
        found.checks.every(({ ok }) => ok),
        code === undefined,
      )
      assert.ok(found.checks.every(({ detail }) => detail !== '' && !detail.includes(token)))
    })
  }
}

test('any change of a token makes it no token', async () => {
  const verifiers = scenes.map(([, scene, keys]) => {
    const good = forge(scene, nowMs, { claims: { aud: audience } })
    return { good, verifier: verifierOf(configOf(keys)) }
  })
  const character = fc.constantFrom(
    ...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=. +/\n\0é'),
  )
  const change = fc.oneof(
    fc.tuple(fc.constant('replace' as const), fc.nat(), character),
    fc.tuple(fc.constant('insert' as const), fc.nat(), character),
    fc.tuple(fc.constant('remove' as const), fc.nat(), character),
    fc.tuple(fc.constant('swap' as const), fc.nat(), character),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), fc.nat(1), async (changes, which) => {
      const chosen = verifiers[which]
      if (chosen === undefined) return
      const { good, verifier } = chosen
      const changed = changes.reduce((text, [kind, where, with_]) => {
        const index = where % text.length
        if (kind === 'insert') return text.slice(0, index) + with_ + text.slice(index)
        const next = text[index + 1] ?? ''
        const middle = kind === 'replace' ? with_ : kind === 'swap' ? next + (text[index] ?? '') : ''
        return text.slice(0, index) + middle + text.slice(index + (kind === 'swap' ? 2 : 1))
      }, good)
      if (changed === good) return
      const verdict = await verifier.verify(new Presented(changed), new Map(), nowMs)
      assert.is(verdict.ok, false)
    }),
    { numRuns: 2000 },
  )
})

test('any header and any claims without the key are no token', async () => {
  const verifier = verifierOf(configOf({}))
  const names = ['alg', 'kid', 'typ', 'crit', 'b64', 'iss', 'sub', 'exp', 'mesh_id', 'aud', '__proto__', 'constructor']
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      'HS256',
      'none',
      'JWT',
      'prod',
      '01jmesh',
      secretKey(defaultSecret).kid,
      nowMs / 1000 + 60,
    ),
    fc.jsonValue({ maxDepth: 2 }),
  )
  const object = fc.dictionary(fc.constantFrom(...names), value)
  await fc.assert(
    fc.asyncProperty(object, object, fc.string(), async (header, claims, secret) => {
      const issuer: Issuer = { mesh: 'prod', meshId: '01jmesh', key: { secret: defaultSecret } }
      const token = forge(issuer, nowMs, { header, claims, signature: hmac(`not ${secret}`) })
      const verdict = await verifier.verify(new Presented(token), new Map(), nowMs)
      assert.is(verdict.ok, false)
    }),
    { numRuns: 500 },
  )
})

test('a token that was accepted is known at once, without waiting', async () => {
  const config = configOf({})
  const check = createIngressCheck(config)
  const value = [`Bearer ${forge(hs, nowMs)}`]
  assert.instance(check.check(at(config, 'strict'), value, nowMs), Promise)
  await check.check(at(config, 'strict'), value, nowMs)
  assert.is(contextOf(check.check(at(config, 'strict'), value, nowMs)).sub, 'gateway-forged')
  assert.is(contextOf(check.check(at(config, 'lenient'), value, nowMs)).ingress, 'lenient')
})

test('a known token is refused once it has expired, and from then on', async () => {
  const config = configOf({})
  const check = createIngressCheck(config)
  const value = [`Bearer ${forge(hs, nowMs)}`]
  await check.check(at(config, 'strict'), value, nowMs)
  const last = nowMs - 500 + 330_000 - 1
  assert.is((await check.check(at(config, 'strict'), value, last)).kind, 'context')
  for (const late of [last + 1, last + 2, last + 1_000_000])
    assert.equal(await check.check(at(config, 'strict'), value, late), { kind: 'refused', code: 'token/expired' })
})

test('a known token is refused when the clock is set back to before it was issued', async () => {
  const config = configOf({})
  const check = createIngressCheck(config)
  const value = [`Bearer ${forge(hs, nowMs)}`]
  await check.check(at(config, 'strict'), value, nowMs)
  const early = await check.check(at(config, 'strict'), value, nowMs - 60_000)
  assert.equal(early, { kind: 'refused', code: 'token/issued-at' })
})

test('a token that one ingress accepted is not known to an ingress that it is not for', async () => {
  const config = configOf({})
  const check = createIngressCheck(config)
  const value = [`Bearer ${forge(hs, nowMs, { claims: { aud: audience } })}`]
  assert.is((await check.check(at(config, 'strict'), value, nowMs)).kind, 'context')
  for (const _ of [1, 2]) {
    const there = await check.check(at(config, 'other-host'), value, nowMs)
    assert.equal(there, { kind: 'refused', code: 'token/audience' })
  }
})

test('a flood of bad tokens pushes nothing out of the memory, and is not remembered', async () => {
  const memory = new TokenMemory()
  const verifier = createVerifier(trustOf(meshOf(configOf({}))), memory)
  const good = new Presented(forge(hs, nowMs))
  await verifier.verify(good, new Map(), nowMs)
  assert.is(memory.size, 1)
  for (let n = 0; n < 500; n++) {
    const bad = forge(hs, nowMs, { claims: { n }, signature: hmac('guess') })
    await verifier.verify(new Presented(bad), new Map(), nowMs)
  }
  assert.is(memory.size, 1)
  assert.is(verifier.known(good, new Map(), nowMs)?.ok, true)
})

test('a flood of good tokens takes bounded memory', async () => {
  const memory = new TokenMemory(20_000)
  const verifier = createVerifier(trustOf(meshOf(configOf({}))), memory)
  for (let n = 0; n < 100; n++)
    await verifier.verify(new Presented(forge(hs, nowMs, { claims: { n, filler: 'x'.repeat(400) } })), new Map(), nowMs)
  assert.ok(memory.size > 5 && memory.size < 20, String(memory.size))
})

test('two verifiers that share a memory do not share what they accepted', async () => {
  const memory = new TokenMemory()
  const trust = trustOf(meshOf(configOf({})))
  const [one, two] = [createVerifier(trust, memory), createVerifier({ ...trust, meshId: 'other' }, memory)]
  const token = new Presented(forge(hs, nowMs))
  await one.verify(token, new Map(), nowMs)
  assert.is(one.known(token, new Map(), nowMs)?.ok, true)
  assert.is(two.known(token, new Map(), nowMs), undefined)
})

test('requests that show one new token at the same time all get their verdict', async () => {
  const verifier = verifierOf(configOf({}))
  const token = forge(hs, nowMs)
  const asked = Array.from({ length: 50 }, () => verifier.verify(new Presented(token), new Map(), nowMs))
  assert.ok((await Promise.all(asked)).every(({ ok }) => ok))
  const bad = forge(hs, nowMs, { signature: hmac('guess') })
  const refused = Array.from({ length: 50 }, () => verifier.verify(new Presented(bad), new Map(), nowMs))
  assert.ok((await Promise.all(refused)).every(({ ok }) => !ok))
})

test('no more than four keys are tried', async () => {
  const filler = Array.from({ length: 4 }, (_, n) =>
    secretKey(`filler ${n} with more than thirty-two characters in it`),
  )
  const fifth = verifierOf(configOf({ verification: [...filler, secretKey(defaultSecret)] }))
  const noKid = new Presented(forge(hs, nowMs, { header: { kid: undefined } }))
  assert.is((await fifth.verify(noKid, new Map(), nowMs)).ok, false)
  const fourth = verifierOf(configOf({ verification: [...filler.slice(1), secretKey(defaultSecret)] }))
  assert.is((await fourth.verify(noKid, new Map(), nowMs)).ok, true)
  // by its name a key is found wherever it stands
  assert.is((await fifth.verify(new Presented(forge(hs, nowMs)), new Map(), nowMs)).ok, true)
})

test('a mesh without keys accepts nothing', async () => {
  const verifier = verifierOf(configOf({ verification: [] }))
  assert.equal(await verifier.verify(new Presented(forge(hs, nowMs)), new Map(), nowMs), {
    ok: false,
    code: 'token/signature',
  })
})

test('a leeway of none is none', async () => {
  const verifier = verifierOf(configOf({ leewaySecs: 0 }))
  const ask = (claims: Record<string, unknown>) =>
    verifier.verify(new Presented(forge(hs, nowMs, { claims })), new Map(), nowMs)
  const now = nowMs / 1000
  assert.is((await ask({ exp: now + 0.1 })).ok, true)
  assert.equal(await ask({ exp: now }), { ok: false, code: 'token/expired' })
  assert.is((await ask({ nbf: now })).ok, true)
  assert.equal(await ask({ nbf: now + 0.1 }), { ok: false, code: 'token/not-before' })
  assert.equal(await ask({ iat: now + 0.1 }), { ok: false, code: 'token/issued-at' })
})

test('with verify_audience = false a token for another destination is accepted', async () => {
  const config = configOf({ verifyAudience: false })
  const value = [`Bearer ${forge(hs, nowMs, { claims: { aud: 'https://elsewhere.example' } })}`]
  assert.is((await createIngressCheck(config).check(at(config, 'strict'), value, nowMs)).kind, 'context')
})

test('what a request learns of a token cannot be changed for the next', async () => {
  const verifier = verifierOf(configOf({}))
  const verdict = await verifier.verify(new Presented(forge(hs, nowMs)), new Map(), nowMs)
  assert.ok(verdict.ok && Object.isFrozen(verdict.claims))
})

test.run()

/** Ingresses `strict` and `lenient` at one origin, `other-host` at another, all in mesh `prod`. */
function configOf(mesh: MeshParts): Config {
  return configWith({
    endpoints: { api: { pathPrefix: '/internal' } },
    backends: { origin: 'http://127.0.0.1:9000' },
    pipelines: {
      main: {
        endpoints: ['api'],
        backends: ['origin'],
        ingresses: {
          strict: { urls: [`${audience}/fhir`], mode: 'mesh' },
          lenient: { urls: [`${audience}/open`] },
          'other-host': { urls: ['https://c.example:8443/fhir'], mode: 'mesh' },
        },
      },
    },
    meshes: { prod: { id: '01jmesh', ingress: ['strict', 'lenient', 'other-host'], ...mesh } },
  })
}

function at(config: Config, name: string): { ingress: Ingress | undefined; guard: undefined } {
  const ingress = config.ingresses.get(name)
  assert.ok(ingress)
  return { ingress, guard: undefined }
}

function meshOf(config: Config) {
  const mesh = config.meshes.get('prod')
  if (mesh === undefined) throw new Error('there is no mesh prod')
  return mesh
}

function verifierOf(config: Config): Verifier {
  return createVerifier(trustOf(meshOf(config)), new TokenMemory())
}

function contextOf(outcome: Outcome | Promise<Outcome>) {
  if (outcome instanceof Promise || outcome.kind !== 'context')
    throw new Error(`no context: ${JSON.stringify(outcome)}`)
  return outcome.context
}
