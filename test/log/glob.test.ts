// Globs of `proxy.sensitive_field_patterns`.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { globMatches } from '../../core/log/glob.ts'
import { suite } from '../support/suite.ts'

const test = suite('globs')

const cases: readonly (readonly [string, string, boolean])[] = [
  ['*_key', 'private_key', true],
  ['*_key', '_key', true],
  ['*_key', 'key', false],
  ['*_key', 'private_keys', false],
  ['*_KEY', 'Private_Key', true],
  ['*_key', 'private-key', true],
  ['ssn', 'SSN', true],
  ['ssn', 'ssn2', false],
  ['p?n', 'pin', true],
  ['p?n', 'pn', false],
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['a.c', 'abc', false],
  ['[ab]', 'a', false],
]

for (const [pattern, name, matches] of cases)
  test(`${JSON.stringify(pattern)} ${matches ? 'matches' : 'does not match'} ${JSON.stringify(name)}`, () => {
    assert.is(globMatches(pattern, name), matches)
  })

test('a glob means what the regular expression of it means', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 })
  const names = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 10 })
  fc.assert(
    fc.property(letters, names, (pattern, name) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`)
      assert.is(globMatches(pattern, name), expression.test(name))
    }),
  )
})

test('a pattern of many stars takes no time on a name that nearly matches', () => {
  const started = performance.now()
  assert.is(globMatches(`${'*a'.repeat(100)}b`, 'a'.repeat(5_000)), false)
  assert.ok(performance.now() - started < 10_000)
})

test.run()
