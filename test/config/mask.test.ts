// Which values of a configuration are never shown.
import * as assert from 'uvu/assert'
import { looksSecret } from '../../core/config/mask.ts'
import { suite } from '../support/suite.ts'

const test = suite('masked values')

test('a secret under a misspelt key is a secret still', () => {
  for (const key of [
    'jwt_secrt',
    'hs256_scret',
    'passwrod',
    'paswordd',
    'managment_tokn',
    'JWT_SECRETT',
    'credentails',
  ])
    assert.ok(looksSecret(key), key)
})

test('names of files, times and other things are shown', () => {
  for (const key of [
    'path_prefix',
    'jwt_public_key_path',
    'timeout_secs',
    'section',
    'pipelines',
    'stock',
    'tokenise_url',
  ])
    assert.not.ok(looksSecret(key), key)
})

test.run()
