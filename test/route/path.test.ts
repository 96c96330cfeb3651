import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { covers, readings, splitTarget } from '../../core/route/path.ts'
import type { Target } from '../../core/route/path.ts'
import { suite } from '../support/suite.ts'

const test = suite('route/path')

function split(target: string): Target {
  const parts = splitTarget(target)
  if (typeof parts === 'string') throw new Error(`${target}: ${parts}`)
  return parts
}

test('a target keeps every byte, and a question mark with nothing behind it', () => {
  for (const [target, path, query] of [
    ['/', '/', ''],
    ['/a?', '/a', '?'],
    ['/a?b?c=/../%zz&%00', '/a', '?b?c=/../%zz&%00'],
    ['//a///b/', '//a///b/', ''],
    ['/a%2Fb%5cc%2f', '/a%2Fb%5cc%2f', ''],
    ['/caf%c3%a9/%E9;v=1', '/caf%c3%a9/%E9;v=1', ''],
    ['/a"<>[]^`{|}', '/a"<>[]^`{|}', ''],
    ['*', '*', ''],
  ] as const) {
    const parts = split(target)
    assert.is(parts.path, path)
    assert.is(parts.query, query)
  }
})

test('dot segments are refused, however they are spelled', () => {
  const names = ['.', '..', '%2e', '%2E', '.%2e', '%2E.', '%2e%2E']
  const behind = ['', '/', '/b', '?q', ';', ';v=1/b', '%3bv', '%2fb', '%5Cb']
  const before = ['/', '/a/', '//', '/a%2f', '/a%5C', '/a;b/']
  for (const name of names)
    for (const end of behind)
      for (const start of before) assert.is(splitTarget(start + name + end), 'dots', start + name + end)
})

test('dots that are no dot segments pass', () => {
  for (const target of [
    '/...',
    '/.a',
    '/a.',
    '/..a',
    '/a..',
    '/.well-known/x',
    '/a/...;b',
    '/a;..',
    '/%2e%2e%2e',
    '/?/../',
  ])
    assert.type(splitTarget(target), 'object', target)
})

test('what can be read in two ways is refused with its reason', () => {
  for (const [target, problem] of [
    ['', 'form'],
    ['a', 'form'],
    ['**', 'form'],
    ['*?', 'form'],
    ['?a', 'form'],
    ['http://a.test/b', 'form'],
    ['/a\\b', 'backslash'],
    ['/a\\..\\b', 'backslash'],
    ['/a#b', 'fragment'],
    ['/a?b#c', 'fragment'],
    ['/a b', 'control'],
    ['/a?b c', 'control'],
    ['/a\0', 'control'],
    ['/a\x7f', 'control'],
    ['/a\u00e9', 'control'],
    ['/a?\u00e9', 'control'],
    ['/a%00', 'control'],
    ['/a%0d%0Ab', 'control'],
    ['/a%1f', 'control'],
    ['/a%7F', 'control'],
    ['/a%', 'percent'],
    ['/a%2', 'percent'],
    ['/a%2?0', 'percent'],
    ['/a%g0', 'percent'],
    ['/a%0x', 'percent'],
    ['/a%%41', 'percent'],
    ['/a%u0041', 'percent'],
    ['/a%c0%af', 'percent'],
    ['/a%C1%9c', 'percent'],
    ['/a%e0%80%af', 'percent'],
    ['/a%f0%80%80%af', 'percent'],
  ] as const)
    assert.is(splitTarget(target), problem, target)
})

test('a key is one spelling: what a segment may hold stands for itself, all else is encoded in upper case', () => {
  for (const [path, key] of [
    ['/%66hir', '/fhir'],
    ['/%7euser/%41%2D%5f', '/~user/A-_'],
    ['/a%2b%28b%29%3a%40', '/a+(b):@'],
    ['/%c3%a9', '/%C3%A9'],
    ['/a%2fb%5c', '/a%2Fb%5C'],
    ['/%2566', '/%2566'],
    ['/a%20b%22', '/a%20b%22'],
    ['/a"b', '/a%22b'],
    ['/a%3bb', '/a;b'],
    ['//%61//', '//a//'],
  ] as const)
    assert.is(split(path).key, key)
})

test('a path has one reading unless it holds parameters, empty segments or encoded separators', () => {
  assert.equal(readings(split('/a/b.c/%7e?x//;')), [])
  assert.equal(readings(split('//a')), ['/a'])
  assert.equal(readings(split('/a;v/b')), ['/a/b'])
  assert.equal(readings(split('/a%3bv/b')), ['/a/b'])
  assert.equal(readings(split('/a%2fb%5Cc')), ['/a/b/c'])
  assert.equal(readings(split('/x;a%2fb/c')), ['/x/b/c', '/x/c'])
})

// --- properties ---

const segment = fc.string({
  unit: fc.constantFrom(
    'a',
    'B',
    '.',
    ';',
    '%41',
    '%2f',
    '%5C',
    '%2E',
    '%c3',
    '%3b',
    '~',
    '"',
    '%zz',
    '\\',
    '+',
    '%25',
  ),
  maxLength: 5,
})
const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => `/${segments.join('/')}`)

/** Octets of a segment, of which `/` and `\` are kept apart: what the key must be true to. */
function octets(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (code) => (/%2f|%5c/i.test(code) ? code.toUpperCase() : unescape(code)))
}

test('keys are equal exactly when the octets of every segment are', () => {
  fc.assert(
    fc.property(path, path, (one, other) => {
      const [a, b] = [splitTarget(one), splitTarget(other)]
      if (typeof a === 'string' || typeof b === 'string') return
      assert.is(a.key === b.key, octets(one) === octets(other))
    }),
    { numRuns: 2000 },
  )
})

test('a key is its own key, and has the slashes of its path', () => {
  fc.assert(
    fc.property(path, (text) => {
      const target = splitTarget(text)
      if (typeof target === 'string') return
      assert.is(target.path, text)
      assert.is(split(target.key).key, target.key)
      assert.is(split(target.key).plain, target.plain)
      assert.is(target.key.split('/').length, text.split('/').length)
    }),
    { numRuns: 2000 },
  )
})

test('no reading of an accepted path climbs', () => {
  fc.assert(
    fc.property(path, (text) => {
      const target = splitTarget(text)
      if (typeof target === 'string') return
      for (const reading of [target.key, ...readings(target)])
        for (const name of reading.split('/')) assert.not(/^\.{1,2}$/.test(name), `${text} reads ${reading}`)
    }),
    { numRuns: 5000 },
  )
})

test('a prefix ends where a segment does', () => {
  assert.ok(covers('/', '/a'))
  assert.ok(covers('/a', '/a'))
  assert.ok(covers('/a', '/a/'))
  assert.ok(covers('/a', '/a//b'))
  assert.not(covers('/a', '/ab'))
  assert.not(covers('/a', '/'))
  assert.not(covers('/a', '/a%2Fb'))
})

test('the longest hostile target takes a moment', () => {
  for (const unit of ['/', ';', '%2f', '%41', '/.a', '%2f;', '/%2e%2e%2e', '/a;b%2fc']) {
    const target = `/${unit.repeat(Math.floor(16_000 / unit.length))}`
    const started = performance.now()
    const parts = splitTarget(target)
    if (typeof parts !== 'string') readings(parts)
    assert.ok(performance.now() - started < 3_000, unit)
  }
})

test.run()
