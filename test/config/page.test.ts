// The pages of `harmony check --explain`: what they call wrong gives the finding, what they call right does not.
import * as assert from 'uvu/assert'
import { loadConfig } from '../../core/config/load.ts'
import { findings } from '../../core/finding/table.ts'
import type { FindingCode } from '../../core/finding/table.ts'
import { suite } from '../support/suite.ts'
import { writeExample } from './frame.ts'
import { material, now } from './material.ts'

const test = suite('pages on findings')
const cwd = material()
// The table has these keys, and no others.
const codes = Object.keys(findings) as FindingCode[]

async function found(example: string): Promise<readonly string[]> {
  const loaded = await loadConfig({ file: writeExample(example), env: {}, cwd, now })
  return loaded.findings.map(({ code, message, severity }) => `${severity} ${code}: ${message}`)
}

for (const code of codes) {
  const { wrong, right, severity, prose } = findings[code]
  if (prose === true) continue
  test(`${code}: the wrong example gives it, in its severity`, async () => {
    const all = await found(wrong)
    assert.ok(
      all.some((line) => line.startsWith(`${severity} ${code}:`)),
      `only:\n${all.join('\n')}`,
    )
  })

  test(`${code}: the right example gives no error, and not this`, async () => {
    const all = await found(right)
    const bad = all.filter((line) => line.startsWith('error ') || line.includes(` ${code}:`))
    assert.equal(bad, [])
  })
}

test('every page says what, why, what is wrong and what is right', () => {
  for (const code of codes) {
    const { title, meaning, why, wrong, right } = findings[code]
    for (const [name, text] of Object.entries({ title, meaning, why, wrong, right }))
      assert.ok(text.trim() !== '', `${code} has no ${name}`)
    assert.match(
      title,
      /^[^A-Z].*[^.]$|^[A-Z][A-Za-z/0-9]+ .*[^.]$/,
      `${code}: a title is lower case, without a full stop`,
    )
    for (const text of [meaning, why]) assert.match(text, /^(?:[A-Z"`[]|[a-z_.]+ ).*[.)]$/s, `${code}: sentences`)
  }
})

test.run()
