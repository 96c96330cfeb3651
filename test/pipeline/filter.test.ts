// path_filter: an ordered list of what is allowed and denied.
import * as assert from 'uvu/assert'
import type { PathRule } from '../../core/config/middleware.ts'
import { suite } from '../support/suite.ts'
import { ask, handler, place } from './fixture.ts'

const test = suite('path_filter')

/** `+/a` allows, `-/a` denies. */
async function passes(rules: string, path: string): Promise<boolean> {
  const list = rules
    .split(' ')
    .map((text): PathRule => ({ effect: text.startsWith('+') ? 'allow' : 'deny', pattern: text.slice(1) }))
  const refusal = await ask(handler({ name: 'paths', type: 'path_filter', rules: list, place }), { path })
  assert.ok(refusal === undefined || refusal.code === 'path-filter/denied')
  return refusal === undefined
}

test('the first rule that matches decides', async () => {
  assert.is(await passes('+/a/b -/a/{*rest} +*', 'a/b'), true)
  assert.is(await passes('+/a/b -/a/{*rest} +*', 'a/c'), false)
  assert.is(await passes('+/a/b -/a/{*rest} +*', 'd'), true)
  assert.is(await passes('-* +/a', 'a'), false)
})

test('what no rule matches is refused', async () => {
  assert.is(await passes('+/a', 'b'), false)
  assert.is(await passes('-/a', 'b'), false)
  assert.is(await passes('+/a', ''), false)
})

test('the path is what follows the prefix: empty it is /, a slash at its end does not matter', async () => {
  assert.is(await passes('+/', ''), true)
  assert.is(await passes('+/a', 'a/'), true)
})

test('a denied path has no other spelling', async () => {
  for (const path of ['admin/x', '%61dmin/x', 'admin%2Fx', '/admin/x', 'admin;a=b/x', 'a/..%2fadmin/x', 'admin\\x']) {
    assert.is(await passes('-/admin/{*rest} +*', path), false, path)
  }
})

test('a path is allowed when every server reads it as an allowed one', async () => {
  assert.is(await passes('+/files/{id}', 'files/a%2Fb'), false)
  assert.is(await passes('+/files/{id} +/files/{a}/{b}', 'files/a%2Fb'), true)
  assert.is(await passes('+/files/{id} -/files/{*rest} +*', 'files/a%2Fb'), false)
  assert.is(await passes('+/files/{*rest}', 'files/..%2Fsecret'), false)
})

test.run()
