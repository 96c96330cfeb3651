// What becomes of fields and sentences before they are logged.
import { createSecretKey } from 'node:crypto'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { cleanFields, cleanText } from '../../core/log/clean.ts'
import { sensitiveNames } from '../../core/log/sensitive.ts'
import { Secret } from '../../core/secret.ts'
import { suite } from '../support/suite.ts'

const test = suite('what is logged')

const planted = 'Planted1Secret'
const clean = (fields: Record<string, unknown>, patterns: string[] = []) =>
  cleanFields(fields, sensitiveNames(patterns))
const text = (fields: Record<string, unknown>, patterns: string[] = []) => JSON.stringify(clean(fields, patterns))

const jwt = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ${planted}In0.${planted}_signature`

const hidden: Record<string, Record<string, unknown>> = {
  'a Secret': { value: new Secret(planted) },
  'a Secret in a list in an object': { a: { b: [new Secret(planted)] } },
  'a Secret in a map': { map: new Map([['x', new Secret(planted)]]) },
  'a Secret in a set': { set: new Set([new Secret(planted)]) },
  'a Secret of bytes': { value: new Secret(Buffer.from(planted)) },
  'a key object': { value: createSecretKey(Buffer.from(planted)) },
  bytes: { body: Buffer.from(planted), view: new Uint8Array(Buffer.from(planted)) },
  'the field authorization': { headers: { Authorization: planted } },
  'the field cookie': { headers: { cookie: planted } },
  'the field set-cookie': { headers: { 'set-cookie': [planted, planted] } },
  'the field proxy-authorization': { 'Proxy-Authorization': planted },
  'the carried authorization': { 'harmony-forwarded-authorization': planted },
  'names that end so': {
    db_password: planted,
    clientSecret: planted,
    jwt_secret: planted,
    access_token: planted,
    'x-api-key': planted,
    apiKey: planted,
    PRIVATE_KEY: planted,
    tokens: [planted],
    user_passwd: planted,
    passphrase: { deep: planted },
  },
  'a number under such a name': { password: 20_261_121 },
  'a field as a pair': { headers: [['authorization', planted]] },
  'a field as an object': { headers: [{ name: 'Cookie', value: planted }] },
  'a field as an object with values': { headers: [{ key: 'x-api-key', values: [planted] }] },
  'below the depth that is shown': { a: { b: { c: { d: { e: { f: { g: { password: planted } } } } } } } },
  'a message of an error': { error: new Error(`refused: Bearer ${planted}`) },
  'a cause of an error': { error: new Error('x', { cause: new Error(`token=${planted}`) }) },
  'a property of an error': { error: Object.assign(new Error('x'), { config: { password: planted } }) },
  'a JWT in a sentence': { note: `the token ${jwt} is bad` },
  'credentials of a URL': { url: `https://user:${planted}@example.com/` },
  'the query of a URL': { url: new URL(`https://user:${planted}@example.com/a?code=${planted}`) },
  'a parameter': { note: `GET /x?access_token=${planted}&b=1` },
  'a bearer token in a sentence': { note: `sent bearer ${planted}` },
  'a basic credential in a sentence': { note: `sent Basic ${Buffer.from(planted).toString('base64')}` },
  'a member of JSON in a sentence': { note: `got {"client_secret": "${planted}\\"${planted}", "a": 1}` },
  'a member of JSON that is cut': { note: `{"password":"${planted}` },
  'a field in a sentence': { note: `sent Cookie: a=${planted}; b=${planted}` },
  'a private key': { note: `-----BEGIN PRIVATE KEY-----\n${planted}\n-----END PRIVATE KEY-----` },
  'a private key that is cut': { note: `-----BEGIN RSA PRIVATE KEY-----\n${planted}` },
}

for (const [place, fields] of Object.entries(hidden))
  test(`no secret is shown of ${place}`, () => {
    const shown = text(fields)
    for (const secret of [planted, '20261121', Buffer.from(planted).toString('base64')]) {
      assert.not.match(shown, secret, `${shown} has ${secret}`)
    }
  })

test('names that the operator called sensitive are masked, at any depth and in any case', () => {
  const fields = { a: { SSN: planted }, b: [{ patient_name: planted }], headers: [['Patient_Id', planted]] }
  assert.not.match(text(fields, ['ssn', 'patient_*']), planted)
  assert.match(text(fields), planted)
})

test('sentences are masked too', () => {
  for (const sentence of [`token ${jwt}`, `Bearer ${planted}`, `password=${planted}`, `http://a:${planted}@b`]) {
    assert.not.match(cleanText(sentence), planted)
  }
})

test('what is masked already stays as it is', () => {
  for (const masked of ['a_token=[redacted]', '{ "password" : "[redacted]" }', 'https://[redacted]@b.example/']) {
    assert.is(cleanText(cleanText(masked)), masked)
  }
})

test('plain words are not masked', () => {
  const sentence = 'Basic authentication failed: the bearer token of mesh "prod" is for https://b.example/fhir?x=1'
  assert.is(cleanText(sentence), sentence)
})

test('what is no secret is shown as it is', () => {
  const fields = { event: 'access', status: 200, ok: true, none: null, list: [1, 'a'], at: { x: 1.5 } }
  assert.equal(clean(fields), fields)
})

test('undefined fields and functions are left out', () => {
  assert.equal(clean({ a: undefined, b: () => 1, c: 1 }), { c: 1 })
})

test('odd values do not throw', () => {
  const circle: Record<string, unknown> = { a: 1 }
  circle['self'] = circle
  const thrower = {
    get bad(): never {
      throw new Error('x')
    },
    good: 1,
  }
  const json = {
    toJSON(): never {
      throw new Error('x')
    },
  }
  const proxy = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('x')
      },
    },
  )
  const odd = {
    circle,
    thrower,
    json,
    proxy,
    big: 10n,
    symbol: Symbol('s'),
    nan: Number.NaN,
    date: new Date(Number.NaN),
  }
  const shown = clean(odd)
  assert.equal(shown['circle'], { a: 1, self: '[circular]' })
  assert.equal(shown['thrower'], { bad: '[unreadable]', good: 1 })
  assert.is(shown['json'], '[unreadable]')
  assert.is(shown['big'], '10')
  assert.ok(JSON.stringify(shown))
})

test('the fields that a line has by itself cannot be forged', () => {
  assert.equal(clean({ level: 'fatal', time: 'never', message: 'fine' }), {
    level_: 'fatal',
    time_: 'never',
    message_: 'fine',
  })
})

test('a field named __proto__ is a field', () => {
  const fields: Record<string, unknown> = JSON.parse('{"__proto__": {"polluted": true}}')
  assert.is(text(fields), '{"__proto__":{"polluted":true}}')
  assert.is(Reflect.get({}, 'polluted'), undefined)
})

test('control characters and characters that turn text around are escaped', () => {
  assert.is(cleanText('a\nb\r\u001b[2J\u009b\u202e\u2028\ufeff'), 'a\\nb\\u000d\\u001b[2J\\u009b\\u202e\\u2028\\ufeff')
  const shown = text({ 'key\u009b': 'a\n\u009b\u202e\u007f' })
  assert.is(shown, '{"key\\\\u009b":"a\\n\\\\u009b\\\\u202e\\\\u007f"}')
})

test('an error keeps its type, message, code and cause, and its stack as a list', () => {
  const error = Object.assign(new TypeError('bad', { cause: new Error('why') }), { code: 'E_BAD' })
  const shown = clean({ error })['error']
  assert.ok(typeof shown === 'object' && shown !== null)
  assert.is(Reflect.get(shown, 'type'), 'TypeError')
  assert.is(Reflect.get(shown, 'message'), 'bad')
  assert.is(Reflect.get(shown, 'code'), 'E_BAD')
  assert.is(Reflect.get(Reflect.get(shown, 'cause'), 'message'), 'why')
  assert.ok(Array.isArray(Reflect.get(shown, 'stack')))
})

test('the size of a line is bounded, whatever is logged', () => {
  const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`k${at}`, 'x'.repeat(1_000)]))
  const deep = Array.from({ length: 1_000 }).reduce<unknown>((inner) => ({ inner, wide: [1, 2, 3] }), 1)
  const many = Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => wide))
  for (const fields of [
    { wide },
    { deep },
    { many },
    { long: 'x'.repeat(10_000_000) },
    { ['k'.repeat(10_000_000)]: 1 },
  ]) {
    assert.ok(text(fields).length < 1_000_000, String(text(fields).length))
  }
  assert.ok(cleanText('x'.repeat(10_000_000)).length < 300_000)
})

test('text that looks like secrets a thousand times takes no time', () => {
  for (const part of [
    'eyJ',
    'eyJ-',
    'eyJa.',
    'Bearer ',
    '://',
    'a-',
    'token',
    '"token":"',
    '"token":"\\',
    'cookie:',
    '"a',
    '-----BEGIN PRIVATE KEY-----',
    'x=',
  ]) {
    const started = performance.now()
    cleanText(part.repeat(Math.floor(200_000 / part.length)))
    const ms = performance.now() - started
    assert.ok(ms < 1_000, `${part} ${ms} ms`)
  }
})

test('any value becomes JSON, without a Secret that is in it', () => {
  const secret = fc.constant(new Secret(planted))
  const anything = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
      secret,
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('any'), { maxKeys: 4 }),
    ),
  })).any
  fc.assert(
    fc.property(fc.dictionary(fc.string(), anything, { maxKeys: 5 }), (fields) => {
      const shown = text(fields)
      assert.not.match(shown, planted)
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      assert.not.match(shown, /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/)
    }),
  )
})

test.run()
