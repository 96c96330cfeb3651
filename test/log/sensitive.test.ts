// Names whose values are hidden.
import * as assert from 'uvu/assert'
import { sensitiveNames } from '../../core/log/sensitive.ts'
import { suite } from '../support/suite.ts'

const test = suite('sensitive names')

test('the usual names of secrets are hidden in any spelling', () => {
  const isSensitive = sensitiveNames([])
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
  const isSensitive = sensitiveNames(['*_key', 'ssn', 'pat*name'])
  for (const name of ['my_key', 'my-key', 'MY_KEY', '_key', 'SSN', 'patient_name', 'patname'])
    assert.is(isSensitive(name), true, name)
  for (const name of ['my_keys', 'ssn2', 'a_ssn', 'patient_names', 'patnam']) assert.is(isSensitive(name), false, name)
})

test.run()
