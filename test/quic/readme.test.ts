// The library's page shows the example as it is, and every option and code that there is.
import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { errorCodes } from '../../quic/errors.ts'
import { suite } from '../support/suite.ts'

const test = suite('quic/README.md')
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const page = read('quic/README.md')

test('the example is the file, whole', () => {
  const example = read('examples/h3-to-h1.ts')
  assert.ok(page.includes(`\`\`\`ts\n${example}\`\`\`\n`), 'the example of the page differs from examples/h3-to-h1.ts')
  assert.ok(example.trimEnd().split('\n').length <= 60)
})

test('every option of the face is on the page, with the default that its type names', () => {
  for (const file of ['quic/engine.ts', 'quic/listener.ts', 'quic/upstream.ts']) {
    for (const [, body = ''] of read(file).matchAll(
      /^export type \w+(?:Limits|Options|Timeouts|Tls) = .*?\{\n(.*?)^\}/gms,
    )) {
      for (const [, comment = '', name = ''] of body.matchAll(/\/\*\*(.*?)\*\/\s+readonly (\w+)\?:/g)) {
        const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``) && defaultOf(line, comment))
        assert.ok(row, `${name} of ${file} with ${/Default [^.]*/.exec(comment)?.[0] ?? 'no default'}`)
      }
    }
  }
})

test('every error code is on the page', () => {
  const missing = errorCodes.filter((code) => !page.includes(`\`${code}\``))
  assert.equal(missing, [])
})

function defaultOf(line: string, comment: string): boolean {
  const given = /Default ([\d,]+)/.exec(comment)?.[1]
  return given === undefined || line.includes(` ${given} `)
}

test.run()
