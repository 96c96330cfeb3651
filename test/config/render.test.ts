// Findings as text and as JSON: the contract that scripts and editors rely on.
import * as assert from 'uvu/assert'
import * as fc from 'fast-check'
import type { Finding } from '../../core/finding/finding.ts'
import { pathText } from '../../core/finding/locate.ts'
import { explainPage, isFindingCode, renderFinding, renderFindings, report, strict } from '../../core/finding/render.ts'
import { suite } from '../support/suite.ts'

const test = suite('findings as text')

const finding: Finding = {
  code: 'reference/unknown-ingress',
  severity: 'error',
  message: 'mesh "prod" lists ingress "fhir-ingres", which no pipeline defines',
  file: 'mesh/prod.toml',
  line: 6,
  column: 12,
  endLine: 6,
  endColumn: 25,
  path: 'mesh.prod.ingress[0]',
  help: 'did you mean "fhir-ingress"? (defined at pipelines/healthcare.toml:8:1)',
  excerpt: 'ingress = ["fhir-ingres"]',
}

test('a finding is the block that the contract shows', () => {
  const expected = `error[reference/unknown-ingress]: mesh "prod" lists ingress "fhir-ingres", which no pipeline defines
  --> mesh/prod.toml:6:12
   |
 6 | ingress = ["fhir-ingres"]
   |            ^^^^^^^^^^^^^
   = help: did you mean "fhir-ingress"? (defined at pipelines/healthcare.toml:8:1)`
  assert.is(renderFinding(finding), expected)
})

test('the margin is as wide as the number of the line', () => {
  const [, arrow, bar, source] = renderFinding({ ...finding, line: 1234, endLine: 1234 }).split('\n')
  assert.equal(
    [arrow, bar, source],
    ['     --> mesh/prod.toml:1234:12', '      |', ' 1234 | ingress = ["fhir-ingres"]'],
  )
})

test('without a line there is no excerpt', () => {
  const text = renderFinding({ ...finding, line: 0, column: 0, excerpt: undefined, help: undefined })
  assert.is(text.split('\n').slice(1).join('\n'), '  --> mesh/prod.toml')
})

test('the carets of a value over several lines go to the end of its first', () => {
  const text = renderFinding({ ...finding, endLine: 9, endColumn: 2, excerpt: 'ingress = [', column: 11 })
  assert.is(text.split('\n')[4], '   |           ^')
})

test('the JSON has the fields of the contract, and the excerpt is none of them', () => {
  const { excerpt: _excerpt, ...data } = finding
  assert.equal(report([finding, { ...finding, severity: 'warning' }], 3), {
    ok: false,
    findings: [data, { ...data, severity: 'warning' }],
    summary: { errors: 1, warnings: 1, files: 3 },
  })
})

test('warnings alone are fine, and under strict they are not', () => {
  const warnings = [{ ...finding, severity: 'warning' as const }]
  assert.is(report(warnings, 1).ok, true)
  assert.is(report(strict(warnings), 1).ok, false)
})

test('the last line sums up', () => {
  const last = (list: readonly Finding[], files: number): string | undefined =>
    renderFindings(list, files).trimEnd().split('\n').at(-1)
  const warning = { ...finding, severity: 'warning' as const }
  assert.is(last([], 1), 'no errors, no warnings in 1 file')
  assert.is(last([finding, finding, warning], 3), '2 errors, 1 warning in 3 files')
  assert.is(last([warning], 2), 'no errors, 1 warning in 2 files')
})

test('colours are put where they are asked for, and nowhere else', () => {
  const marked = renderFinding(finding, (style, text) => `<${style}>${text}</${style}>`)
  assert.match(marked, '<error>error[reference/unknown-ingress]</error>')
  assert.is(marked.replace(/<\/?[a-z]+>/g, ''), renderFinding(finding))
})

test('a long line is cut around the caret, and the caret stays below what it marks', () => {
  const excerpt = `x = [${'"a", '.repeat(100_000)}"here", ${'"b", '.repeat(1000)}]`
  const column = excerpt.indexOf('"here"') + 1
  const [, , , source = '', carets = ''] = renderFinding({ ...finding, excerpt, column, endColumn: column + 6 }).split(
    '\n',
  )
  assert.ok(source.length < 150)
  assert.is(source.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1), '"here"')
})

test('nothing of a file reaches the terminal as a command', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 })
  fc.assert(
    fc.property(text, text, text, fc.nat(50), fc.nat(50), (message, help, excerpt, column, endColumn) => {
      const shown = renderFinding({ ...finding, message, help, excerpt, column: column + 1, endColumn: endColumn + 1 })
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      assert.not.match(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
      assert.is(shown.split('\n').length, 6)
    }),
  )
})

test('paths are written as TOML writes keys', () => {
  assert.is(pathText(['mesh', 'prod', 'ingress', 0]), 'mesh.prod.ingress[0]')
  assert.is(pathText(['pipelines', 'a.b', 'x', 1, 2]), 'pipelines."a.b".x[1][2]')
  assert.is(pathText([]), '')
})

test('a page says what, why, wrong and right', () => {
  const page = explainPage('mesh/no-key')
  assert.match(page, /^error\[mesh\/no-key\]: a local mesh has no key\n\n/)
  assert.match(page, /\nWhy it matters\n/)
  assert.match(page, /\nWrong\n {2}\[mesh\.prod\]\n/)
  assert.match(page, /\nRight\n {2}\[mesh\.prod\]\n/)
  for (const line of page.split('\n')) assert.ok(line.length <= 82, line)
})

test('only codes of the table are codes', () => {
  assert.ok(isFindingCode('mesh/no-key'))
  assert.not.ok(isFindingCode('mesh/none'))
  assert.not.ok(isFindingCode('toString'))
})

test.run()
