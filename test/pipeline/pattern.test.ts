// Patterns of paths: what they match, and what cannot be spelled around them.
import * as assert from 'uvu/assert'
import * as fc from 'fast-check'
import { allCovered, anyTouched, compilePattern, readPath } from '../../core/pipeline/pattern.ts'
import { suite } from '../support/suite.ts'

const test = suite('pattern')

/** As the rules of one mode ask it; the path is what follows the prefix. */
const allows = (pattern: string, path: string): boolean => allCovered(readPath(path), [compilePattern(pattern)])
const denies = (pattern: string, path: string): boolean => anyTouched(readPath(path), [compilePattern(pattern)])

test('patterns match as the specification says', () => {
  const cases: [pattern: string, path: string, matches: boolean][] = [
    ['/a/b', 'a/b', true],
    ['/a/b', 'a/b/', true],
    ['/a/b', 'a', false],
    ['/a/b', 'a/b/c', false],
    ['/a/b', 'A/b', false],
    ['a/b', 'a/b', true],
    ['/a/b/', 'a/b', true],
    ['/', '', true],
    ['/', 'a', false],
    ['/Patient/{id}', 'Patient/1', true],
    ['/Patient/{id}', 'Patient', false],
    ['/Patient/{id}', 'Patient/', false],
    ['/Patient/{id}', 'Patient/1/_history', false],
    ['/{kind}/1/{version}', 'Patient/1/2', true],
    ['/x/{*rest}', 'x/1', true],
    ['/x/{*rest}', 'x/1/2/3', true],
    ['/x/{*rest}', 'x', false],
    ['/x/{*rest}', 'x/', false],
    ['/{*rest}', '', false],
    ['/{*rest}', 'anything/at/all', true],
    ['/api/*', 'api/one', true],
    ['/api/*', 'api/one/two', false],
    ['/api/*/end', 'api/one/end', true],
    ['*', '', true],
    ['*', 'anything/at/all', true],
    ['/caf%C3%A9', 'caf%c3%a9', true],
    ['/café', 'caf%C3%A9', true],
    ['/café', 'caf\u00c3\u00a9', true],
  ]
  for (const [pattern, path, matches] of cases) {
    assert.is(allows(pattern, path), matches, `${pattern} allows ${path}`)
    assert.is(denies(pattern, path), matches, `${pattern} denies ${path}`)
  }
})

test('no other spelling of a denied path slips past the pattern', () => {
  const spellings = [
    'admin/users',
    '%61dmin/users',
    '%61%64%6d%69%6e/users',
    '%61%64%6D%69%6E/users',
    'admin%2Fusers',
    'admin%2fusers',
    'admin%5Cusers',
    'admin\\users',
    '/admin/users',
    'admin//users',
    '//admin//users',
    'admin/users/',
    'admin/users//',
    'admin;v=1/users',
    'admin/users;jsessionid=1',
    'admin%3Bv=1/users',
    ';a/admin/users',
    'public/..%2Fadmin/users',
    'public/%2e%2e/admin/users',
    'public/..;/admin/users',
    'public%2F..%2Fadmin/users',
    './admin/users',
    'admin/%2E/users',
  ]
  for (const path of spellings) {
    assert.is(denies('/admin/users', path), true, `/admin/users against ${path}`)
    assert.is(denies('/admin/{*rest}', path), true, `/admin/{*rest} against ${path}`)
  }
})

test('a path that some server reads as another one is not allowed', () => {
  const spellings = ['files/a%2Fdelete', 'files/..%2fadmin', 'files/..;x', 'files/%2e%2e', 'files/a\\b', 'files/;']
  for (const path of spellings) assert.is(allows('/files/{id}', path), false, path)
  assert.is(allows('/files/{*rest}', 'files/..%2fadmin'), false)
  // both readings are below /files
  assert.is(allows('/files/{*rest}', 'files/a%2Fb'), true)
  assert.is(allows('/files/{id}', 'files/a;v=1'), true)
})

test('escapes of what has a meaning are not taken for it when they stand in the pattern', () => {
  assert.is(allows('/a%2Fb', 'a%2fb'), true)
  assert.is(allows('/a%2Fb', 'a/b'), false)
  // a server that decodes it serves the denied path
  assert.is(denies('/a%2Fb', 'a/b'), true)
})

test('patterns that cannot mean anything are refused with their reason', () => {
  const refused: [pattern: string, reason: RegExp][] = [
    ['/{*rest}/x', /last segment/],
    ['/v{version}', /stand alone/],
    ['/{a}{b}', /stand alone/],
    ['/a*', /stand alone/],
    ['/**', /stand alone/],
    ['/{}', /stand alone/],
    ['/{a', /stand alone/],
    ['/a?b=c', /path alone/],
    ['/a#b', /path alone/],
    ['/100%', /%25/],
    ['/a/../b', /dot segment/],
    ['/a/%2e%2E/b', /dot segment/],
  ]
  for (const [pattern, reason] of refused) assert.throws(() => compilePattern(pattern), reason, pattern)
})

// --- against a slow reference ---

const piece = fc.constantFrom('a', 'b', 'ab', '%61', '%2F', '%2f', '~', '%7e', ':', '%3A', 'é', '%41', 'A')
const segment = fc.array(piece, { maxLength: 3 }).map((pieces) => pieces.join(''))
const token = fc.oneof({ weight: 3, arbitrary: segment }, { weight: 1, arbitrary: fc.constantFrom('{id}', '*') })
const patterns = fc
  .tuple(fc.array(token, { maxLength: 4 }), fc.constantFrom('', '', '{*rest}'))
  .map(([tokens, end]) => `/${[...tokens, ...(end === '' ? [] : [end])].join('/')}`)
const paths = fc.array(segment, { maxLength: 5 }).map((segments) => Buffer.from(segments.join('/')).toString('latin1'))

test('the strict reading matches as a regular expression over the normal form does', () => {
  fc.assert(
    fc.property(patterns, paths, (pattern, path) => {
      const [strict] = readPath(path)
      assert.is(compilePattern(pattern).covers(strict), reference(pattern, path))
    }),
    { numRuns: 20_000 },
  )
})

test('what allows a path denies it too, and neither ever throws', () => {
  const any = fc.string({
    unit: fc.constantFrom(...String.raw`a b / %2f %5C ; . .. \ é ? # { } *`.split(' ')),
    maxLength: 20,
  })
  fc.assert(
    fc.property(patterns, any, (pattern, path) => {
      assert.ok(!allows(pattern, path) || denies(pattern, path))
    }),
    { numRuns: 20_000 },
  )
})

test('escaping characters of a denied path changes nothing', () => {
  const plain = fc.array(fc.constantFrom('a', 'b', '-', '.c', '1', 'é', '!'), { minLength: 1, maxLength: 5 })
  const escaped = fc.infiniteStream(fc.boolean())
  fc.assert(
    fc.property(fc.array(plain, { minLength: 1, maxLength: 3 }), escaped, (segments, stream) => {
      const text = segments.map((parts) => parts.join('')).join('/')
      const bytes = Array.from(Buffer.from(text).toString('latin1'))
      const path = bytes.map((character) => (stream.next().value === true ? escapeOf(character) : character)).join('')
      assert.is(denies(`/${text}`, path), true, path)
    }),
    { numRuns: 5000 },
  )
})

test('a path of any length is matched in linear time', () => {
  const path = 'a/'.repeat(500_000)
  const started = performance.now()
  for (const pattern of ['/{a}/{b}/{*rest}', '/{a}/{b}', '*']) denies(pattern, path)
  assert.ok(performance.now() - started < 15_000)
})

/** Whether the pattern matches, by an expression over the path's normal form (RFC 3986 6.2.2). */
function reference(pattern: string, path: string): boolean {
  const expression = trim(pattern.slice(1))
    .split('/')
    .map((part) => {
      if (part === '{id}' || part === '*') return '[^/]+'
      if (part === '{*rest}') return '.+'
      return normal(Buffer.from(part).toString('latin1')).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    })
    .join('/')
  return new RegExp(`^${expression}$`, 's').test(normal(trim(path)))
}

function normal(text: string): string {
  let shape = ''
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    const escaped = character === '%'
    const code = escaped ? parseInt(text.slice(at + 1, at + 3), 16) : text.charCodeAt(at)
    if (escaped) at += 2
    const plain = String.fromCharCode(code)
    shape += /[A-Za-z0-9._~-]/.test(plain) || (!escaped && /[/:]/.test(plain)) ? plain : escapeOf(plain).toUpperCase()
  }
  return shape
}

function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}

function trim(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

test.run()
