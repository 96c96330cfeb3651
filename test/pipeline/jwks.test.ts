// jwt_auth with keys of a JWKS: when they are fetched, which of them verify, and how little clients can make of it.
import * as assert from 'uvu/assert'
import type { Handler } from '../../core/pipeline/middleware.ts'
import { fakeExchange } from '../support/exchange.ts'
import { suite } from '../support/suite.ts'
import { handler, world } from './fixture.ts'
import type { World } from './fixture.ts'
import { ec, jwk, jwt, otherRsa, present, rsa, secret, sign } from './tokens.ts'

const test = suite('jwks')

const hourMs = 3_600_000

/** A handler whose keys are what the provider has. */
function provided(keys: readonly unknown[], algorithms = ['RS256']): { surroundings: World; made: Handler } {
  const surroundings = world()
  surroundings.provide = () => ({ keys })
  const source = { kind: 'jwks', url: 'https://idp.example/keys?token=planted', cacheHours: 24 } as const
  return { surroundings, made: handler(jwt({ keys: source, algorithms, validateExpiry: false }), surroundings) }
}

const code = async (made: Handler, token: string): Promise<string | undefined> => (await present(made, token))?.code

test('the key is the one that the token names', async () => {
  const { made } = provided([await jwk(otherRsa.publicKey, { kid: 'old' }), await jwk(rsa.publicKey, { kid: 'new' })])
  assert.is(await code(made, await sign({}, { kid: 'new' })), undefined)
  assert.is(await code(made, await sign({}, { kid: 'old', key: otherRsa.privateKey })), undefined)
  assert.is(await code(made, await sign({}, { kid: 'old' })), 'auth/invalid')
})

test('a token that names no key is verified by the only one that fits, and by none of several', async () => {
  const one = await jwk(rsa.publicKey, { kid: 'a' })
  const curve = await jwk(ec.publicKey, { kid: 'b' })
  assert.is(await code(provided([one, curve]).made, await sign()), undefined)
  assert.is(await code(provided([one, await jwk(otherRsa.publicKey, { kid: 'c' })]).made, await sign()), 'auth/invalid')
})

test('keys for other uses, other algorithms and shared secrets verify nothing', async () => {
  const token = await sign({}, { kid: 'k' })
  for (const member of [{ use: 'enc' }, { key_ops: ['encrypt'] }, { alg: 'RS512' }, { alg: 'HS256' }, { kty: 'EC' }]) {
    const { made } = provided([await jwk(rsa.publicKey, { kid: 'k', ...member }), await jwk(ec.publicKey)])
    assert.is(await code(made, token), 'auth/invalid', JSON.stringify(member))
  }
  const { made } = provided([await jwk(secret, { kid: 'k' }), await jwk(rsa.publicKey)], ['HS256', 'RS256'])
  assert.is(await code(made, await sign({}, { alg: 'HS256', kid: 'k', key: secret })), 'auth/invalid')
})

test('private members in the document are not used', async () => {
  const { made } = provided([await jwk(rsa.privateKey, { kid: 'k' })])
  assert.is(await code(made, await sign({}, { kid: 'k' })), undefined)
})

test('the document is fetched once, also for many requests at once', async () => {
  const { made, surroundings } = provided([await jwk(rsa.publicKey)])
  const tokens = await Promise.all(Array.from({ length: 20 }, async (_none, sub) => sign({ sub: String(sub) })))
  const codes = await Promise.all(tokens.map(async (token) => code(made, token)))
  assert.equal(new Set(codes), new Set([undefined]))
  assert.is(surroundings.fetches, 1)
})

test('made-up key ids cause one fetch in half a minute, however many they are', async () => {
  const { made, surroundings } = provided([await jwk(rsa.publicKey, { kid: 'k' })])
  await present(made, await sign({}, { kid: 'k' }))
  const tokens = await Promise.all(
    Array.from({ length: 50 }, async (_none, index) => sign({}, { kid: `x${index}`, key: otherRsa.privateKey })),
  )
  const flood = async (): Promise<void> => {
    const codes = await Promise.all(tokens.map(async (token) => code(made, token)))
    assert.equal(new Set(codes), new Set(['auth/invalid']))
  }
  await flood()
  assert.is(surroundings.fetches, 1)
  surroundings.nowMs += 30_000
  await flood()
  await flood()
  assert.is(surroundings.fetches, 2)
  // and tokens of known keys are none the worse
  assert.is(await code(made, await sign({}, { kid: 'k' })), undefined)
})

test('a key that the provider has added is found, without waiting for the cache to end', async () => {
  const keys = [await jwk(rsa.publicKey, { kid: 'old' })]
  const { made, surroundings } = provided(keys)
  assert.is(await code(made, await sign({}, { kid: 'old' })), undefined)
  keys.push(await jwk(otherRsa.publicKey, { kid: 'new' }))
  surroundings.nowMs += 30_000
  assert.is(await code(made, await sign({}, { kid: 'new', key: otherRsa.privateKey })), undefined)
})

test('a key that the provider has withdrawn verifies no more once the cache has ended, cached tokens included', async () => {
  const keys = [await jwk(rsa.publicKey, { kid: 'k' })]
  const { made, surroundings } = provided(keys)
  const token = await sign({}, { kid: 'k' })
  assert.is(await code(made, token), undefined)
  keys.splice(0, 1, await jwk(otherRsa.publicKey, { kid: 'other' }))
  surroundings.nowMs += 10 * hourMs
  assert.is(await code(made, token), undefined)
  surroundings.nowMs += 14 * hourMs
  assert.is(await code(made, token), 'auth/invalid')
})

test('fetching the same keys again makes no token be verified again', async () => {
  const { made, surroundings } = provided([await jwk(rsa.publicKey, { kid: 'k' })])
  const token = await sign({}, { kid: 'k' })
  await present(made, token)
  surroundings.nowMs += 30_000
  await present(made, await sign({}, { kid: 'unknown' }))
  assert.is(surroundings.fetches, 2)
  assert.is(made.left?.(fakeExchange({ headers: [['authorization', `Bearer ${token}`]] })), undefined)
})

test('keys are fetched again ahead of their end, while the old ones serve', async () => {
  const { made, surroundings } = provided([await jwk(rsa.publicKey)])
  const token = await sign()
  await present(made, token)
  surroundings.nowMs += 18 * hourMs
  // at once: nobody waits
  assert.is(made.left?.(fakeExchange({ headers: [['authorization', `Bearer ${token}`]] })), undefined)
  await Promise.resolve()
  assert.is(surroundings.fetches, 2)
})

test('without keys every token is refused, and the error is logged once per attempt', async () => {
  const surroundings = world()
  const source = { kind: 'jwks', url: 'https://idp.example/keys?token=planted', cacheHours: 24 } as const
  surroundings.provide = () => {
    throw new Error(`${source.url} refused the connection`)
  }
  const made = handler(jwt({ keys: source }), surroundings)
  const token = await sign()
  const refusal = await present(made, token)
  assert.is(refusal?.code, 'auth/unavailable')
  assert.equal(refusal?.headers, [['www-authenticate', 'Bearer']])
  for (let count = 0; count < 10; count++) assert.is(await code(made, token), 'auth/unavailable')
  assert.is(surroundings.fetches, 1)
  const errors = surroundings.log.lines.filter(({ level }) => level === 'error')
  assert.is(errors.length, 1)
  assert.equal(errors[0]?.fields, { event: 'jwks', host: 'idp.example', reason: '[url] refused the connection' })
  // the provider comes back
  surroundings.provide = () => ({ keys: [publicKey] })
  surroundings.nowMs += 10_000
  assert.is(await code(made, token), undefined)
})

test('a provider that fails later does not take away keys that are in force', async () => {
  const { made, surroundings } = provided([await jwk(rsa.publicKey, { kid: 'k' })])
  assert.is(await code(made, await sign({}, { kid: 'k' })), undefined)
  surroundings.provide = () => {
    throw new Error('connection refused')
  }
  surroundings.nowMs += 23 * hourMs
  assert.is(await code(made, await sign({ sub: 'b' }, { kid: 'k' })), undefined)
  assert.is(await code(made, await sign({}, { kid: 'unknown' })), 'auth/unavailable')
  surroundings.nowMs += hourMs
  assert.is(await code(made, await sign({ sub: 'c' }, { kid: 'k' })), 'auth/unavailable')
})

test('documents that are none, too large or without a usable key are refused', async () => {
  const one = await jwk(rsa.publicKey)
  const documents: unknown[] = [
    undefined,
    null,
    'keys',
    [],
    {},
    { keys: 'x' },
    { keys: {} },
    { keys: [] },
    { keys: [null, 1, 'x', [], {}] },
    { keys: [{ kty: 'RSA', n: 1, e: 2 }] },
    { keys: [{ ...one, n: 'A'.repeat(5000) }] },
    { keys: [{ ...one, kid: 'k'.repeat(5000) }] },
    { keys: Array.from({ length: 257 }, () => one) },
  ]
  for (const document of documents) {
    const { made, surroundings } = provided([])
    surroundings.provide = () => document
    assert.is(await code(made, await sign()), 'auth/unavailable', JSON.stringify(document)?.slice(0, 60))
  }
})

test('a provider that throws at once is no reason to hang', async () => {
  const surroundings = {
    ...world(),
    fetchJwks: () => {
      throw new Error('at once')
    },
  }
  const source = { kind: 'jwks', url: 'https://idp.example/keys', cacheHours: 1 } as const
  const made = handler(jwt({ keys: source }), surroundings)
  assert.is(await code(made, await sign()), 'auth/unavailable')
})

const publicKey = await jwk(rsa.publicKey)

test.run()
