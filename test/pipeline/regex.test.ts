// The regular expressions of rules: what they match, by JavaScript's own engine, and what they cost.
import * as assert from 'uvu/assert'
import * as fc from 'fast-check'
import { compileRegex, maxText } from '../../core/pipeline/regex/regex.ts'
import type { Regex } from '../../core/pipeline/regex/regex.ts'
import { suite } from '../support/suite.ts'

const test = suite('regex')

/** What stands for one character. */
const units = String.raw`a b A . \d \w \s \W [ab] [^a] [a-c] [\]b] \. \n \x61 [] [^] é - / \u0062 \0 } ] \/`.split(' ')

/** Expressions of the accepted grammar. */
const source = fc.letrec<{ choice: string; sequence: string; repeated: string; atom: string }>((tie) => ({
  choice: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|')),
  sequence: fc.array(tie('repeated'), { maxLength: 3 }).map((parts) => parts.join('')),
  repeated: fc.oneof(
    fc
      .tuple(tie('atom'), fc.constantFrom('', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{0,2}', '{1,}', '{0}'))
      .map((parts) => parts.join('')),
    fc.constantFrom('^', '$', '\\b', '\\B'),
  ),
  atom: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.constantFrom(...units),
    tie('choice').map((inner) => `(${inner})`),
    tie('choice').map((inner) => `(?:${inner})`),
    tie('choice')
      .map((inner) => `(?<name>${inner})`)
      .filter((text) => text.indexOf('<') === text.lastIndexOf('<')),
  ),
})).choice

const subject = fc.string({
  unit: fc.constantFrom('a', 'b', 'A', 'B', ' ', '\n', '1', '.', '-', 'é', 'É', '/', '\u2028', 'ſ', ']', '}'),
  maxLength: 8,
})

test('agrees with the native engine on random expressions and texts', () => {
  fc.assert(
    fc.property(source, fc.subarray(['i', 'm', 's']), subject, (source, flags, text) => {
      const native = accepted(source, `${flags.join('')}y`)
      const own = native && compiled(`/${source}/${flags.join('')}`)
      fc.pre(native !== undefined && own !== undefined)
      assert.is(own.test(text), matches(native, text))
    }),
    { numRuns: 5000 },
  )
})

test('a bare text and a text between slashes are the same expression', () => {
  for (const text of ['curl/\\d', '/curl\\/\\d/']) assert.is(compileRegex(text).test('curl/8.5'), true)
  assert.is(compileRegex('bot').test('GoogleBot'), false)
  assert.is(compileRegex('/bot/i').test('GoogleBot'), true)
})

test('expressions that take a backtracking engine years cost time linear in the text', () => {
  const texts = ['a'.repeat(maxText - 1) + '!', ' '.repeat(maxText), 'a@'.repeat(maxText / 2)]
  for (const source of ['(a+)+$', '^(a|a)*$', '(.*a){12}$', '^(\\w+\\s?)*$', '(x+x+)+y', '^([a-z0-9]+)*@$'])
    for (const text of texts) {
      const started = performance.now()
      compileRegex(source).test(text)
      assert.ok(performance.now() - started < 15_000, `${source} took ${performance.now() - started} ms`)
    }
})

test('a text over the limit gets no answer, so that padding cannot hide a match', () => {
  assert.is(compileRegex('evil').test(`evil${' '.repeat(maxText - 4)}`), true)
  assert.is(compileRegex('evil').test(`evil${' '.repeat(maxText - 3)}`), undefined)
})

test('what needs backtracking, or does not parse, is refused with its reason', () => {
  const refused: [source: string, reason: RegExp][] = [
    ['(a)\\1', /refers back/],
    ['(?<n>a)\\k<n>', /refers back/],
    ['(?=a)', /looks ahead/],
    ['(?!a)', /looks ahead/],
    ['(?<=a)b', /behind/],
    ['(?<!a)b', /behind/],
    ['(?i:a)', /flags/],
    ['\\p{L}', /escape/],
    ['\\07', /escape/],
    ['(', /no regular expression: unterminated group/],
    ['a)', /no regular expression: unmatched/],
    ['[b-a]', /no regular expression: range out of order/],
    ['*', /no regular expression: nothing to repeat/],
    ['/a/g', /flags g/],
    ['/a/ii', /flags ii/],
    ['/a/b', /flags b/],
    ['a'.repeat(1025), /longer than 1024/],
    ['(?:a{1000}){1000}', /too large/],
    ['(?:(?:(?:(?:){1000}){1000}){1000}){1000}', /too large/],
    ['(?:a?){9999999999}', /too large/],
    ['('.repeat(60) + ')'.repeat(60), /deep/],
  ]
  for (const [source, reason] of refused) assert.throws(() => compileRegex(source), reason, source)
})

/**
 * Whether the native engine finds a match at one of the places. Asked to look for the place itself it is wrong at
 * times: in V8 14, `/\B(?:(?:[^]+?[^]|a)?^|$)*?\b|$/` finds no end in `A.} }`.
 */
function matches(sticky: RegExp, text: string): boolean {
  for (let at = 0; at <= text.length; at++) {
    sticky.lastIndex = at
    if (sticky.test(text)) return true
  }
  return false
}

/** None when its repetitions multiply to more than is accepted. */
function compiled(text: string): Regex | undefined {
  try {
    return compileRegex(text)
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('is too large')) return undefined
    throw error
  }
}

function accepted(source: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(source, flags)
  } catch {
    return undefined
  }
}

test.run()
