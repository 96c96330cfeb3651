// jwt_auth with keys of the configuration: which tokens pass, and what forged ones come to.
import { createHmac, generateKeyPairSync } from 'node:crypto'
import * as assert from 'uvu/assert'
import type { JwtAuth } from '../../core/config/middleware.ts'
import { fakeExchange } from '../support/exchange.ts'
import { write } from '../support/forge.ts'
import { suite } from '../support/suite.ts'
import { ask, handler, world } from './fixture.ts'
import type { Claims } from './tokens.ts'
import { ec, jwt, nowSecs, otherRsa, present, rsa, secret, sign } from './tokens.ts'

const test = suite('jwt_auth')

/** The code of the refusal; nothing when the token passes. */
const code = async (token: string, options: Partial<JwtAuth> = {}): Promise<string | undefined> =>
  (await present(handler(jwt(options)), token))?.code

const claimed = async (claims: Claims, options: Partial<JwtAuth> = {}): Promise<string | undefined> =>
  code(await sign(claims), options)

const shared: Partial<JwtAuth> = { keys: { kind: 'secret', key: secret }, algorithms: ['HS256'] }

test('a token of the right key passes, with each kind of key', async () => {
  assert.is(await code(await sign()), undefined)
  assert.is(await code(await sign({}, { alg: 'HS256', key: secret }), shared), undefined)
  const curve: Partial<JwtAuth> = { keys: { kind: 'public', key: ec.publicKey }, algorithms: ['ES256'] }
  assert.is(await code(await sign({}, { alg: 'ES256', key: ec.privateKey }), curve), undefined)
})

test('a token of another key, or one that was changed, is refused', async () => {
  assert.is(await code(await sign({}, { key: otherRsa.privateKey })), 'auth/invalid')
  const token = await sign({ sub: 'ann' })
  const [header, , signature] = token.split('.')
  const claims = Buffer.from(JSON.stringify({ sub: 'root', exp: nowSecs + 300 })).toString('base64url')
  assert.is(await code(`${header}.${claims}.${signature}`), 'auth/invalid')
  assert.is(await code(token.slice(0, -10)), 'auth/invalid')
  assert.is(await code(`${token}.`), 'auth/invalid')
})

test('the algorithm is the one of the configuration, whatever the token says', async () => {
  const claims = { sub: 'root', exp: nowSecs + 300 }
  for (const alg of ['none', 'None', 'NONE', '', null, 0, undefined]) {
    assert.is(await code(write({ alg }, claims)), 'auth/invalid', String(alg))
    assert.is(await code(write({ alg }, claims), shared), 'auth/invalid', String(alg))
  }
  // the public key, known to all, as a shared secret
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
  const unsigned = write({ alg: 'HS256' }, claims).slice(0, -1)
  const confused = `${unsigned}.${createHmac('sha256', pem).update(unsigned).digest('base64url')}`
  assert.is(await code(confused), 'auth/invalid')
  assert.is(await code(await sign({}, { alg: 'PS256' })), 'auth/invalid')
  assert.is(await code(await sign({}, { alg: 'RS512' })), 'auth/invalid')
  assert.is(await code(await sign({}, { alg: 'HS512', key: secret }), shared), 'auth/invalid')
})

test('a configuration never lets a public key verify as a secret, or the other way round', () => {
  for (const algorithms of [['HS256'], ['none'], []]) {
    assert.throws(() => handler(jwt({ algorithms })), /no algorithm/)
  }
  assert.throws(() => handler(jwt({ ...shared, algorithms: ['RS256'] })), /no algorithm/)
})

test('keys and addresses of keys in the token are not looked at', async () => {
  const attacker = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const surroundings = world()
  const { SignJWT, exportJWK } = await import('jose')
  for (const member of [
    { jwk: await exportJWK(attacker.publicKey) },
    { jku: 'https://evil.example/keys' },
    { x5u: 'https://evil.example' },
  ]) {
    const token = await new SignJWT({ exp: nowSecs + 300 })
      .setProtectedHeader({ alg: 'RS256', ...member })
      .sign(attacker.privateKey)
    assert.is((await present(handler(jwt(), surroundings), token))?.code, 'auth/invalid')
  }
  assert.is(surroundings.fetches, 0)
})

test('extensions that a token marks as critical are refused', async () => {
  assert.is(await code(write({ alg: 'RS256', crit: ['b64'], b64: false }, {}, 'AAAA')), 'auth/invalid')
  assert.is(await code(write({ alg: 'RS256', crit: ['x'], x: 1 }, {}, 'AAAA')), 'auth/invalid')
})

test('times are checked with the leeway, each on its own', async () => {
  assert.is(await claimed({ exp: nowSecs }), 'auth/invalid')
  assert.is(await claimed({ exp: nowSecs + 1 }), undefined)
  assert.is(await claimed({ exp: nowSecs - 9 }, { leewaySecs: 10 }), undefined)
  assert.is(await claimed({ exp: nowSecs - 10 }, { leewaySecs: 10 }), 'auth/invalid')
  assert.is(await claimed({ nbf: nowSecs + 1 }), 'auth/invalid')
  assert.is(await claimed({ nbf: nowSecs + 10 }, { leewaySecs: 10 }), undefined)
  assert.is(await claimed({ iat: nowSecs + 1 }), 'auth/invalid')
  assert.is(await claimed({ iat: nowSecs + 10 }, { leewaySecs: 10 }), undefined)
  assert.is(await claimed({ iat: 0, nbf: 0 }), undefined)
})

test('a token without an end is refused, unless ends are not looked at', async () => {
  const endless = await sign({ exp: undefined })
  assert.is(await code(endless), 'auth/invalid')
  assert.is(await code(endless, { validateExpiry: false }), undefined)
  assert.is(await claimed({ exp: nowSecs - 1000 }, { validateExpiry: false }), undefined)
  assert.is(await claimed({ nbf: nowSecs + 1 }, { validateExpiry: false }), 'auth/invalid')
})

test('times that are no numbers are refused', async () => {
  const claims: [text: string][] = [
    ['"exp":"9999999999"'],
    ['"exp":1e999'],
    ['"exp":null'],
    ['"exp":9999999999,"nbf":"0"'],
    ['"exp":9999999999,"iat":[]'],
  ]
  for (const [text] of claims) {
    const unsigned = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from(`{${text}}`).toString('base64url')}`
    const token = `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`
    assert.is(await code(token, shared), 'auth/invalid', text)
  }
})

test('issuer and audience match exactly', async () => {
  const issuer = 'https://idp.example'
  assert.is(await claimed({ iss: issuer }, { issuer }), undefined)
  for (const iss of [undefined, `${issuer}/`, `${issuer}.evil.example`, 'HTTPS://idp.example']) {
    assert.is(await claimed({ iss }, { issuer }), 'auth/invalid', String(iss))
    assert.is(await claimed({ iss }, { trustedIssuers: [issuer] }), 'auth/invalid', String(iss))
  }
  assert.is(await claimed({ iss: 'b' }, { trustedIssuers: ['a', 'b'] }), undefined)
  assert.is(await claimed({ iss: 'b' }, { issuer: 'a', trustedIssuers: ['a', 'b'] }), 'auth/invalid')
  assert.is(await claimed({ iss: 'c' }, { issuer: 'c', trustedIssuers: ['a', 'b'] }), 'auth/invalid')
  assert.is(await claimed({ aud: 'me' }, { audience: 'me' }), undefined)
  assert.is(await claimed({ aud: ['you', 'me'] }, { audience: 'me' }), undefined)
  for (const aud of [undefined, 'you', ['you'], [], 'm', 'ME']) {
    assert.is(await claimed({ aud }, { audience: 'me' }), 'auth/invalid', String(aud))
  }
})

test('required claims must be there', async () => {
  assert.is(await claimed({ sub: 'ann', role: 'x' }, { requiredClaims: ['sub', 'role'] }), undefined)
  assert.is(await claimed({ sub: 'ann' }, { requiredClaims: ['sub', 'role'] }), 'auth/invalid')
  assert.is(await claimed({}, { requiredClaims: ['toString'] }), 'auth/invalid')
})

test('the field is read as the scheme says, and asked for when it is absent', async () => {
  const made = handler(jwt())
  const token = await sign()
  const answer = async (...fields: string[]): Promise<[code?: string, challenge?: unknown]> => {
    const refusal = await ask(made, { headers: fields.map((value) => ['authorization', value] as const) })
    return refusal === undefined ? [] : [refusal.code, refusal.headers]
  }
  const invalid = ['auth/invalid', [['www-authenticate', 'Bearer error="invalid_token"']]]
  const missing = ['auth/missing', [['www-authenticate', 'Bearer']]]
  for (const field of [`Bearer ${token}`, `bearer ${token}`, `BEARER    ${token}`])
    assert.equal(await answer(field), [])
  for (const field of ['Basic abc', token, `Bearer${token}`, `Bearer\t${token}`])
    assert.equal(await answer(field), missing)
  for (const field of [
    'Bearer',
    'Bearer ',
    `Bearer ${token} ${token}`,
    `Bearer "${token}"`,
    `Bearer ${','.repeat(10_000)}`,
  ]) {
    assert.equal(await answer(field), invalid, field.slice(0, 20))
  }
  assert.equal(await answer(), missing)
  assert.equal(await answer(`Bearer ${token}`, `Bearer ${token}`), invalid)
  assert.equal(await answer(`Bearer ${token}`, 'Basic abc'), invalid)
})

test('a token of 100 KB is refused before anything is computed from it', () => {
  const exchange = fakeExchange({ headers: [['authorization', `Bearer ${'A'.repeat(102_400)}`]] })
  const verdict = handler(jwt()).left?.(exchange)
  assert.not.instance(verdict, Promise)
  assert.is(verdict !== undefined && 'code' in verdict && verdict.code, 'auth/invalid')
})

test('garbage of all shapes is refused, never thrown', async () => {
  const big = Buffer.from(`{"a":${'['.repeat(5000)}`).toString('base64url')
  for (const token of [
    '.',
    '..',
    '...',
    'a.b.c',
    '....',
    `${big}.${big}.AA`,
    'eyJ.eyJ.',
    '\u00e9.a.b',
    write([], []),
  ]) {
    assert.is(await code(token), 'auth/invalid', token.slice(0, 20))
  }
})

test('what the log is told holds nothing of the token', async () => {
  const token = await sign({ iss: 'planted-issuer', sub: 'planted-subject' })
  const refusal = await present(handler(jwt({ issuer: 'wanted' })), token)
  assert.not.match(JSON.stringify(refusal), /planted/)
  assert.is(refusal?.detail, 'gate: the claim "iss" is not as configured')
  const others = [
    [jwt({ requiredClaims: ['team'] }), token, 'the claim "team" is not there'],
    [jwt(), `${token}x`, 'the signature is not by the configured key'],
    [jwt(), 'planted', 'this is no signed JWT'],
  ] as const
  for (const [made, shown, why] of others) assert.is((await present(handler(made), shown))?.detail, `gate: ${why}`)
})

// --- the cache ---

test('a token that was verified passes at once, until it expires', async () => {
  const surroundings = world()
  const made = handler(jwt({ leewaySecs: 5 }), surroundings)
  const exchange = fakeExchange({ headers: [['authorization', `Bearer ${await sign({ exp: nowSecs + 10 })}`]] })
  assert.instance(made.left?.(exchange), Promise)
  assert.is(await made.left?.(exchange), undefined)
  assert.is(made.left?.(exchange), undefined)
  surroundings.nowMs += 14_000
  assert.is(made.left?.(exchange), undefined)
  surroundings.nowMs += 1000
  const late = await made.left?.(exchange)
  assert.is(late?.code, 'auth/invalid')
})

test('a token that was refused is not remembered as one that passed', async () => {
  const made = handler(jwt())
  const token = await sign({}, { key: otherRsa.privateKey })
  for (let count = 0; count < 3; count++) assert.is((await present(made, token))?.code, 'auth/invalid')
})

test('what one instance accepts, another one with other rules does not', async () => {
  const surroundings = world()
  const token = await sign({ aud: 'a' })
  assert.is(await present(handler(jwt({ audience: 'a' }), surroundings), token), undefined)
  assert.is((await present(handler(jwt({ audience: 'b' }), surroundings), token))?.code, 'auth/invalid')
})

// --- claims ---

test('claims of text, numbers and booleans become metadata, and overwrite nothing', async () => {
  const made = handler(jwt())
  const token = await sign({
    tenant: 'blue',
    level: 3,
    admin: false,
    roles: ['a'],
    address: {},
    nothing: null,
    sub: 'ann',
  })
  const metadata = { sub: 'earlier' }
  // the second time from the cache
  for (let count = 0; count < 2; count++) {
    const exchange = fakeExchange({ headers: [['authorization', `Bearer ${token}`]], metadata })
    await made.left?.(exchange)
    assert.equal(Object.fromEntries(exchange.metadata), {
      sub: 'earlier',
      tenant: 'blue',
      level: '3',
      admin: 'false',
      exp: String(nowSecs + 300),
    })
  }
})

test('claims cannot take names that mean something to the gateway, nor flood the metadata', async () => {
  const reserved = [
    'client_ip',
    'remote_addr',
    'geo_country',
    'country_code',
    'skip_backends',
    'mesh',
    'mesh_id',
    'mesh_sub',
    'path',
    'webhook.x',
    'jmix_y',
  ]
  const many = Array.from({ length: 500 }, (_none, index) => [`c${index}`, 'x'] as const)
  const claims = {
    long: 'x'.repeat(2000),
    ['n'.repeat(200)]: 1,
    ...Object.fromEntries(reserved.map((name) => [name, 'x'])),
  }
  const exchange = fakeExchange({
    headers: [['authorization', `Bearer ${await sign({ ...claims, ...Object.fromEntries(many) })}`]],
  })
  assert.is(await handler(jwt()).left?.(exchange), undefined)
  for (const name of [...reserved, 'long', 'n'.repeat(200)]) assert.is(exchange.metadata.has(name), false, name)
  assert.is(exchange.metadata.size, 64)
})

test('a claim by the name of a prototype is a claim like others', async () => {
  const unsigned = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from('{"exp":9999999999,"__proto__":"x","constructor":"y"}').toString('base64url')}`
  const token = `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`
  const exchange = fakeExchange({ headers: [['authorization', `Bearer ${token}`]] })
  assert.is(await handler(jwt(shared)).left?.(exchange), undefined)
  assert.is(exchange.metadata.get('__proto__'), 'x')
})

test.run()
