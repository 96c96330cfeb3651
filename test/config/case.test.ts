// Case files: small configurations under test/case/, each with all that is found in it. UPDATE_CASES=1 writes the
// expectations anew; read the difference before it is committed.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { loadConfig } from '../../core/config/load.ts'
import { findings } from '../../core/finding/table.ts'
import { renderFindings } from '../../core/finding/render.ts'
import { suite } from '../support/suite.ts'
import { material, now } from './material.ts'

const test = suite('cases')
const root = join(import.meta.dirname, '../case')
const cwd = material()
const update = process.env['UPDATE_CASES'] === '1'
const cases = globSync('**/config.toml', { cwd: root }).map(dirname).sort()

for (const name of cases)
  test(name, async () => {
    const folder = join(root, name)
    const { findings, files, config } = await loadConfig({
      file: join(folder, 'config.toml'),
      env: env(folder),
      cwd,
      now,
    })
    const text = renderFindings(findings, files).replaceAll(cwd, '<cwd>').replaceAll(folder, '<config>')
    const expected = join(folder, 'expect.txt')
    if (update) writeFileSync(expected, text)
    assert.fixture(text, existsSync(expected) ? readFileSync(expected, 'utf8') : '')
    assert.is(
      config === undefined,
      findings.some(({ severity }) => severity === 'error'),
      'served unless there is an error',
    )
  })

/** The environment of a case: lines of NAME=value. */
function env(folder: string): Record<string, string> {
  const file = join(folder, 'env')
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

/** What no file of a few lines can show, and where it is tested instead. */
const elsewhere: Readonly<Record<string, string>> = {
  'file/too-large': 'file.test.ts',
  'file/too-many': 'file.test.ts',
  'file/more': 'load.test.ts',
  'internal/failed': 'load.test.ts',
}

test('every kind of finding has a case', () => {
  const all = cases.flatMap((name) => {
    const expected = join(root, name, 'expect.txt')
    const text = existsSync(expected) ? readFileSync(expected, 'utf8') : ''
    return [...text.matchAll(/^(?:error|warning)\[([a-z0-9/-]+)\]/gm)].map(([, code]) => code)
  })
  const shown = new Set(all)
  const missing = Object.keys(findings).filter((code) => !shown.has(code) && !(code in elsewhere))
  assert.equal(missing, [])
})

test.run()
