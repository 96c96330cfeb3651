// basic_auth: who gets in, and what cannot be made of the field.
import * as assert from 'uvu/assert'
import * as fc from 'fast-check'
import { readUserPass } from '../../core/pipeline/middleware/basic_auth/userpass.ts'
import { Secret } from '../../core/secret.ts'
import { suite } from '../support/suite.ts'
import { ask, handler, place } from './fixture.ts'

const test = suite('basic_auth')

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** The code of the refusal; nothing when the request passes. */
async function code(
  fields: readonly string[],
  username = 'ann',
  password = 'open: sesame',
): Promise<string | undefined> {
  const made = handler({ name: 'door', type: 'basic_auth', username, password: new Secret(password), place })
  const refusal = await ask(made, { headers: fields.map((value) => ['authorization', value] as const) })
  if (refusal !== undefined) {
    assert.equal(refusal.headers, [['www-authenticate', 'Basic realm="harmony", charset="UTF-8"']])
    assert.not.match(refusal.detail, /sesame|ann/)
  }
  return refusal?.code
}

test('the right name and password pass, and nothing else does', async () => {
  assert.is(await code([`Basic ${base64('ann:open: sesame')}`]), undefined)
  for (const wrong of [
    'ann:open',
    'ann:open: sesame ',
    'Ann:open: sesame',
    'bob:open: sesame',
    ':',
    'ann:',
    ':open: sesame',
    'ann',
  ]) {
    assert.is(await code([`Basic ${base64(wrong)}`]), 'auth/invalid', wrong)
  }
})

test('the scheme is written in any case, with one space or more', async () => {
  for (const scheme of ['basic ', 'BASIC ', 'bAsIc    ']) {
    assert.is(await code([scheme + base64('ann:open: sesame')]), undefined, scheme)
  }
})

test('without basic credentials they are asked for', async () => {
  assert.is(await code([]), 'auth/missing')
  for (const field of [
    '',
    'Bearer abc',
    `Basic${base64('ann:open: sesame')}`,
    'Basically',
    `Basic\t${base64('a:b')}`,
    base64('ann:open: sesame'),
  ]) {
    assert.is(await code([field]), 'auth/missing', field)
  }
})

test('malformed credentials are refused', async () => {
  const right = base64('ann:open: sesame')
  const malformed = [
    'Basic',
    'Basic ',
    'Basic !!!!',
    `Basic ${right}=`,
    `Basic ${right} `.concat('x'),
    `Basic ${right.replace('=', '')}`,
    `Basic ${right.slice(0, 8)} ${right.slice(8)}`,
    `Basic "${right}"`,
    `Basic ${right}, Basic ${right}`,
    `Basic ${'A'.repeat(100_000)}`,
    `Basic ${','.repeat(10_000)}`,
  ]
  for (const field of malformed) assert.is(await code([field]), 'auth/invalid', field.slice(0, 40))
})

test('two fields are refused, whichever of them is right', async () => {
  const right = `Basic ${base64('ann:open: sesame')}`
  const wrong = `Basic ${base64('bob:x')}`
  for (const fields of [
    [right, wrong],
    [wrong, right],
    [right, right],
    [right, 'Bearer abc'],
  ]) {
    assert.is(await code(fields), 'auth/invalid')
  }
})

test('names and passwords beyond ASCII are compared as UTF-8', async () => {
  assert.is(await code([`Basic ${base64('zoë:пароль:🔑')}`], 'zoë', 'пароль:🔑'), undefined)
  const latin = Buffer.from('zoë:x', 'latin1').toString('base64')
  assert.is(await code([`Basic ${latin}`], 'zoë', 'x'), 'auth/invalid')
  // the replacement character must not stand for any byte
  assert.is(await code([`Basic ${latin}`], 'zo\ufffd', 'x'), 'auth/invalid')
})

test('what was encoded is read back: up to the first colon the name, behind it the password', () => {
  const bytes = fc.uint8Array({ maxLength: 40 })
  fc.assert(
    fc.property(bytes, bytes, (name, password) => {
      fc.pre(!name.includes(0x3a))
      const read = readUserPass(Buffer.concat([name, Buffer.from(':'), password]).toString('base64'))
      assert.is(Buffer.compare(read?.username ?? Buffer.of(1, 2), name), 0)
      assert.is(Buffer.compare(read?.password ?? Buffer.of(1, 2), password), 0)
    }),
  )
})

test('whatever is read has one spelling', () => {
  const units = String.raw`A B = + / - _ a 0 ! Q U`.split(' ')
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...units), maxLength: 16 }), (text) => {
      const read = readUserPass(text)
      if (read === undefined) return
      const again = Buffer.concat([read.username, Buffer.from(':'), read.password]).toString('base64')
      assert.is(again, text)
    }),
    { numRuns: 10_000 },
  )
})

test.run()
