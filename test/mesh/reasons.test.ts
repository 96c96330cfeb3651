// The page on meshes explains why a token is refused in the words of the log.
import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { reasons } from '../../core/mesh/reason.ts'
import { suite } from '../support/suite.ts'

const test = suite('reasons of tokens')

test('docs/meshes.md has every reason, in its order, and no other', () => {
  const page = readFileSync(new URL('../../docs/meshes.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(token\/[a-z-]+)` \| (.+) \|$/gm)].map(([, code, reason]) => [code, reason])
  assert.equal(rows, Object.entries(reasons))
})

test.run()
