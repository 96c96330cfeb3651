// Names whose values are hidden.
import * as assert from 'uvu/assert'
import * as fc from 'fast-check'
import { compileSensitive } from '../../core/pipeline/sensitive.ts'
import { suite } from '../support/suite.ts'

const test = suite('sensitive')

test('the usual names of secrets are hidden in any spelling', () => {
  const isSensitive = compileSensitive([])
  for (const name of [
    'Authorization',
    'proxy-authorization',
    'Cookie',
    'set-cookie',
    'X-API-Key',
    'x_api_key',
    'apikey',
    'access_token',
    'X-Auth-Token',
    'client_secret',
    'PASSWORD',
    'db.password',
    'private_key',
    'X-Amz-Signature',
    'harmony-forwarded-authorization',
  ]) {
    assert.is(isSensitive(name), true, name)
  }
  for (const name of ['accept', 'host', 'x-request-id', 'content-type', 'key', 'authorized-by']) {
    assert.is(isSensitive(name), false, name)
  }
})

test('patterns of the operator are added', () => {
  const isSensitive = compileSensitive(['*_key', 'ssn', 'pat*name'])
  for (const name of ['my_key', 'my-key', 'MY_KEY', '_key', 'SSN', 'patient_name', 'patname'])
    assert.is(isSensitive(name), true, name)
  for (const name of ['my_keys', 'ssn2', 'a_ssn', 'patient_names', 'patnam']) assert.is(isSensitive(name), false, name)
})

test('globs match as the same regular expression does', () => {
  const unit = fc.constantFrom('a', 'b', '*')
  const glob = fc.string({ unit, minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(glob, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 }), (pattern, name) => {
      assert.is(compileSensitive([pattern])(name), new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name))
    }),
    { numRuns: 10_000 },
  )
})

test.run()
