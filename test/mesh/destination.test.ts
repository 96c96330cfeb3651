// Prefixes of destinations against the plain rule, and audiences against theirs.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { accepts, ownOrigins, readAudience } from '../../core/mesh/audience.ts'
import { listsOf, Prefixes } from '../../core/mesh/destination.ts'
import { covers, splitTarget } from '../../core/route/path.ts'
import { configWith, upstreamTo, urlPattern } from '../support/config.ts'
import { suite } from '../support/suite.ts'

const test = suite('mesh/destination')

const segment = fc.constantFrom('a', 'b', 'aa', '%61', '%2f', 'a%2Fb', 'é'.normalize(), ';x', '')
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.map(encodeOdd).join('/')}`)
const plain = fc
  .array(fc.constantFrom('a', 'b', 'aa', '%61'), { maxLength: 3 })
  .map((segments) => urlPattern(`https://h/${segments.join('/')}`))

test('the longest prefix is the longest of those that match one by one', () => {
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 6 }), path, (patterns, asked) => {
      const prefixes = new Prefixes(patterns.map((pattern) => [pattern.path, pattern.path] as const))
      const target = splitTarget(asked)
      const matching =
        typeof target === 'string' ? [] : patterns.map(({ path }) => path).filter((path) => covers(path, target.key))
      const longest = matching.toSorted((a, b) => b.length - a.length)[0]
      assert.is(prefixes.find(asked)?.value, longest)
    }),
    { numRuns: 2000 },
  )
})

test('of two values for one path the first counts', () => {
  assert.is(
    new Prefixes([
      ['/a', 1],
      ['/a', 2],
    ]).find('/a/b')?.value,
    1,
  )
})

test('a path that is refused on arrival matches nothing', () => {
  const all = new Prefixes([['/', true]])
  for (const path of ['', 'a', '*', '/../a', '/a/%2e%2e', '/a\\b', '/%zz', '/a b'])
    assert.is(all.find(path), undefined, JSON.stringify(path))
  assert.equal(all.find('/a'), { value: true, length: 0 })
})

test('a mesh lists destinations by scheme, host and port', () => {
  const config = configWith({
    remotes: {
      partner: ['https://a.test/fhir', 'https://a.test:443/', 'https://a.test:8443/other', 'http://a.test/plain'],
    },
    meshes: { prod: { ingress: ['partner'] }, open: {} },
  })
  const lists = listsOf(config)
  const [prod, open] = [...config.meshes.values()].map(lists)
  const at = (url: string): readonly string[] | undefined => prod?.pathsAt(upstreamTo(url))
  assert.equal(at('https://a.test'), ['/fhir', '/'])
  assert.equal(at('https://a.test:8443'), ['/other'])
  assert.equal(at('http://a.test'), ['/plain'])
  assert.equal(at('http://a.test:443'), [])
  assert.equal(at('https://b.test'), [])
  assert.is(prod?.restricts, true)
  assert.is(open?.restricts, false)
})

const audiences: readonly (readonly [aud: unknown, ours: boolean])[] = [
  [undefined, true],
  ['https://b.example:8443', true],
  ['http://b.example:8443', true],
  ['https://B.EXAMPLE:8443/', true],
  ['https://b.example.:8443/fhir?', false],
  ['https://b.example.:8443/fhir', true],
  ['https://b.example', false],
  ['https://any.example', true],
  ['https://any.example:1', true],
  ['http://any.example', true],
  ['https://[::1]:8443', true],
  ['https://[0:0::1]:8443', true],
  ['b.example:8443', false],
  ['b.example', false],
  ['ftp://b.example:8443', false],
  ['https://b.example:8443@evil.example', false],
  ['https://evil.example/https://b.example:8443', false],
  ['https://sub.b.example:8443', false],
  ['mesh:01j', true],
  ['mesh:01J', false],
  ['mesh:', false],
  ['mesh', false],
  ['', false],
  [null, false],
  [{}, false],
  [7, false],
  [[], false],
  [['mesh:other', 'mesh:01j'], true],
  [['https://evil.example', 'https://any.example'], true],
  [[['mesh:01j']], false],
]

const ours = ['https://b.example:8443/fhir', 'https://any.example/x', 'https://[::1]:8443'].map(urlPattern)

for (const [aud, is] of audiences)
  test(`aud ${JSON.stringify(aud) ?? 'absent'} ${is ? 'is for us' : 'is not for us'}`, () => {
    assert.is(accepts(ownOrigins(ours), '01j', readAudience(aud)), is)
  })

test('several ports of one host are several origins, and a URL without a port is all of them', () => {
  const two = ownOrigins(['https://h:1', 'https://h:2'].map(urlPattern))
  const open = ownOrigins(['https://h:1', 'https://h', 'https://h:2'].map(urlPattern))
  for (const [aud, inTwo] of [
    ['https://h:1', true],
    ['https://h:2', true],
    ['https://h:3', false],
    ['https://h', false],
  ] as const) {
    assert.is(accepts(two, '', readAudience(aud)), inTwo)
    assert.is(accepts(open, '', readAudience(aud)), true)
  }
})

test('origins that are collected match as URLs do one by one', () => {
  const host = fc.constantFrom('a.example', 'b.example', '[::1]')
  const port = fc.constantFrom('', ':80', ':443', ':8443')
  const url = fc.tuple(fc.constantFrom('http', 'https'), host, port).map(([scheme, h, p]) => `${scheme}://${h}${p}`)
  fc.assert(
    fc.property(fc.array(url, { maxLength: 4 }), url, (urls, aud) => {
      const patterns = urls.map(urlPattern)
      const { scheme, host: h, port: p = scheme === 'https' ? 443 : 80 } = urlPattern(aud)
      const plainly = patterns.some((own) => own.host === h && (own.port === undefined || own.port === p))
      assert.is(accepts(ownOrigins(patterns), 'none', readAudience(aud)), plainly)
    }),
  )
})

test.run()

function encodeOdd(text: string): string {
  return text.replace(/[^\0-\x7f]/g, encodeURIComponent)
}
