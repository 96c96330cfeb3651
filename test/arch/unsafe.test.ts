// Rust in this repository is safe, but for the places listed here, each with its argument.
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { texts } from './tree.ts'

/** File, how many times the word stands in its code, and why it is sound there. */
const allowed: readonly { file: string; times: number; why: string }[] = []

const test = suite('unsafe Rust')

test('stands nowhere but in the places listed with a reason, as often as listed', () => {
  const found: string[] = []
  const files = texts('quic/native/**/*.rs')
  assert.ok(files.size > 0, 'the sources were found')
  for (const [file, source] of files) {
    const times = unsafes(source)
    const listed = allowed.find((entry) => entry.file === file)?.times ?? 0
    if (times !== listed) found.push(`${file}: ${times} times, ${listed} listed`)
  }
  for (const { file } of allowed) if (!files.has(file)) found.push(`${file} is listed and does not exist`)
  assert.is(found.join('\n'), '')
})

test('is seen in code and not in comments, strings and lint names', () => {
  assert.is(unsafes('fn a() { unsafe { b() } }\nunsafe impl Send for A {}'), 2)
  assert.is(unsafes('// unsafe\n/* unsafe */\nlet a = "unsafe \\" unsafe";\n#![deny(unsafe_op_in_unsafe_fn)]'), 0)
  assert.is(unsafes('let quote = \'"\'; unsafe { a() }; let b = "";'), 1)
})

function unsafes(source: string): number {
  const code = source.replace(
    /\/\/.*$|\/\*[\s\S]*?\*\/|'(?:\\.|[^\\'])'|r(#+)"[\s\S]*?"\1|"(?:\\[\s\S]|[^"\\])*"/gm,
    '',
  )
  return code.match(/\bunsafe\b/g)?.length ?? 0
}

test.run()
