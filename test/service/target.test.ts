// The target at an upstream: byte for byte, and never another form of target.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { targetOf } from '../../core/pipeline/service/target.ts'
import { suite } from '../support/suite.ts'
import { exchange } from './fixture.ts'

const test = suite('target')

const table: readonly [prefix: string, base: string, target: string, sent: string][] = [
  // what the prefix leaves
  ['/api', '', '/api', '/'],
  ['/api', '', '/api/', '/'],
  ['/api', '', '/api/Patient', '/Patient'],
  ['/api', '/v1', '/api', '/v1'],
  ['/api', '/v1', '/api/', '/v1/'],
  ['/api', '/v1', '/api/Patient/', '/v1/Patient/'],
  ['/', '', '/', '/'],
  ['/', '/v1', '/', '/v1/'],
  ['/', '/v1', '/a/b', '/v1/a/b'],
  // the query as it is, a bare ? too
  ['/api', '', '/api?a=1', '/?a=1'],
  ['/api', '/v1', '/api?', '/v1?'],
  ['/api', '/v1', '/api/?a=1', '/v1/?a=1'],
  ['/api', '/v1', '/api?a=/', '/v1?a=/'],
  ['/api', '/v1', '/api/x?b=2&a=1&a=1&%41=%2f?', '/v1/x?b=2&a=1&a=1&%41=%2f?'],
  // empty segments, encodings and bytes beyond ASCII are nobody's to change
  ['/api', '/v1', '/api//x', '/v1//x'],
  ['/api', '', '/api//x', '//x'],
  ['/api', '/v1', '/api/a//b//', '/v1/a//b//'],
  ['/api', '/v1', '/api/%2f%2F%5c%C3%A9', '/v1/%2f%2F%5c%C3%A9'],
  ['/api', '/v1', '/api/caf\u00c3\u00a9', '/v1/caf\u00c3\u00a9'],
  // what looks like another target stays a path
  ['/api', '', '/api/http://evil.test/x', '/http://evil.test/x'],
  ['/api', '', '/api/@evil.test', '/@evil.test'],
  ['/api', '', '/api/*', '/*'],
]

for (const [prefix, base, target, sent] of table) {
  test(`prefix ${prefix}, base ${base || 'none'}: ${target} is sent as ${sent}`, () => {
    assert.is(targetOf(base, exchange({ prefix, target })), sent)
  })
}

test('the base path, a slash, and every byte behind the prefix, whatever they are', () => {
  const prefix = fc.constantFrom('/', '/api', '/a/b%2f')
  const base = fc.constantFrom('', '/v1', '/fhir/r4')
  const letters = fc.constantFrom(...Array.from('abz09/%2e:@?&=;+~*\u00e9\u00ff'))
  const rest = fc.array(letters, { maxLength: 40 }).map((list) => list.join(''))
  fc.assert(
    fc.property(prefix, base, rest, (prefix, base, rest) => {
      const target = prefix === '/' ? `/${rest}` : `${prefix}/${rest}`
      const sent = targetOf(base, exchange({ prefix, target }))
      assert.is(sent, `${base}/${rest}`)
      assert.is(sent[0], '/')
    }),
  )
})

test.run()
