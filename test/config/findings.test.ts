// docs/findings.md says what the table of findings says.
import * as assert from 'uvu/assert'
import { findingsReference } from '../../core/finding/reference.ts'
import { findings } from '../../core/finding/table.ts'
import { text } from '../arch/tree.ts'
import { suite } from '../support/suite.ts'

const test = suite('docs/findings.md')

test('does not lag behind the table: npm run docs writes it', () => {
  assert.fixture(text('docs/findings.md'), findingsReference())
})

test('has an entry for every code, and for no other', () => {
  const entries = new Set([...text('docs/findings.md').matchAll(/^### (\S+)$/gm)].map(([, code]) => code))
  assert.equal(entries, new Set(Object.keys(findings)))
})

test.run()
