// The page on errors explains every answer of the gateway's own as the table has it.
import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { refusals } from '../../core/refusal/table.ts'
import { suite } from '../support/suite.ts'

const test = suite('refusals')

/** The rows of the page's table with four cells: code, status, message, and when. */
function documented(): string[][] {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `'))
  return rows.map((row) => row.slice(2, -2).split(' | ')).filter(({ length }) => length === 4)
}

test('docs/errors.md explains every answer of the gateway as its table does, in its order, and no other', () => {
  assert.equal(
    documented().map(([code, status, message]) => [code, status, message]),
    Object.entries(refusals).map(([code, { status, message }]) => [`\`${code}\``, String(status), message]),
  )
})

test('docs/errors.md says of every answer when it is given', () => {
  assert.equal(
    documented().filter(([, , , when = '']) => when.length < 10),
    [],
  )
})

test('every answer is an error, with a sentence that is fit for a client', () => {
  for (const [code, { status, message }] of Object.entries(refusals)) {
    assert.match(code, /^(?:[a-z0-9-]+\/[a-z0-9-]+|internal)$/)
    assert.ok(status >= 400 && status < 600, `${code}: status ${status}`)
    // lower case, no full stop
    assert.match(message, /^[a-z][^.]*[^.]$/, code)
  }
})

test.run()
