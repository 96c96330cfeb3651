// The codes that TypeScript knows, and those that the page on errors explains, are those of the engine's table.
import { existsSync, readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { errorCodes, readErrorTable, setupCodes } from '../../quic/errors.ts'
import { enginePath, loadNative } from '../../quic/native.ts'
import { suite } from '../support/suite.ts'

const test = suite('error codes')
const skip = existsSync(enginePath()) ? undefined : 'the engine is not built'

test(
  'TypeScript names every code of the engine, in its order',
  () => {
    const entries = [...readErrorTable(loadNative().errorTable()).values()]
    assert.equal(
      entries.map(({ code }) => code),
      [...errorCodes],
    )
    for (const { code, fault, retry, status, meaning } of entries) {
      assert.match(code, /^[a-z]+\/[a-z-]+$/)
      assert.ok(['client', 'config', 'upstream', 'internal'].includes(fault), `${code}: fault ${fault}`)
      assert.type(retry, 'boolean')
      assert.ok(status === 0 || (status >= 400 && status < 600), `${code}: status ${status}`)
      assert.match(meaning, /^[a-z][^.]*[^.]$/i)
    }
  },
  { skip },
)

/** The rows of the page's tables, cell by cell: exchanges' codes have five, those of calls two. */
function documented(cells: number): string[][] {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `'))
  return rows.map((row) => row.slice(2, -2).split(' | ')).filter(({ length }) => length === cells)
}

test(
  'docs/errors.md explains every code of the engine as its table does, and no other',
  () => {
    const table = [...readErrorTable(loadNative().errorTable()).values()]
    assert.equal(
      documented(5),
      table.map(({ code, fault, retry, status, meaning }) => [
        `\`${code}\``,
        fault,
        retry ? 'yes' : 'no',
        String(status),
        meaning,
      ]),
    )
  },
  { skip },
)

test('docs/errors.md explains every code that a call may fail with, and no other', () => {
  const calls = documented(2).map(([code]) => code?.replaceAll('`', ''))
  assert.equal(calls, [...setupCodes, 'internal/panic'].sort())
})

test.run()
