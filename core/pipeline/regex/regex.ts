// The regular expressions of rules. Operators write them, but clients write what they are matched against, and a
// backtracking engine can need exponential time for an innocent-looking `(a+)+$`. Spotting such expressions by their
// shape is guesswork, so none is run by backtracking: they are compiled to a program whose time is linear in the text.
// The syntax is JavaScript's, without back references and lookarounds, which that does not allow.
import { parse } from './parse.ts'
import { compile, search } from './program.ts'
import type { Test } from './program.ts'

export type Regex = {
  /** Whether it matches anywhere in the text; nothing when the text is too long to tell. */
  test(text: string): boolean | undefined
}

/** Characters of a text that is looked at; of an expression; and steps of what it compiles to. */
export const maxText = 8192
const maxSource = 1024
const maxSteps = 1000

/** Reads `/source/flags` (flags i, m, s) or a bare source; throws an error that says what is wrong with it. */
export function compileRegex(text: string): Regex {
  const [, slashed, letters = ''] = /^\/([^]*)\/([a-z]*)$/i.exec(text) ?? []
  const source = slashed ?? text
  if (source.length > maxSource) throw new Error(`is longer than ${maxSource} characters`)
  if (!/^(?!.*(.).*\1)[ims]*$/.test(letters))
    throw new Error(`has flags ${letters}: only i, m and s are known, once each`)
  verify(source)
  const steps = compile(parse(source), tester(letters.replace('m', '')), maxSteps)
  const multiline = letters.includes('m')
  return { test: (value) => (value.length > maxText ? undefined : search(steps, value, multiline)) }
}

function verify(source: string): void {
  try {
    RegExp(source)
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*\/: /s, '').toLowerCase() : 'it does not parse'
    throw new Error(`is no regular expression: ${reason}`, { cause: error })
  }
}

/** Tests of single characters, by JavaScript's own engine; tabulated for those that headers can have. */
function tester(flags: string): (source: string) => Test {
  const tests = new Map<string, Test>()
  return (source) => {
    const known = tests.get(source)
    if (known !== undefined) return known
    const native = new RegExp(`^(?:${source})$`, flags)
    const table = Uint8Array.from({ length: 256 }, (_none, code) => (native.test(String.fromCharCode(code)) ? 1 : 0))
    const test: Test = (code) => (code < 256 ? table[code] === 1 : native.test(String.fromCharCode(code)))
    tests.set(source, test)
    return test
  }
}
