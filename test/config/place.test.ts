// Positions: every way to write a key leads to the place where it stands.
import * as fc from 'fast-check'
import { parse } from 'smol-toml'
import { parseTOML } from 'toml-eslint-parser'
import * as assert from 'uvu/assert'
import { sourcesOf } from '../../core/config/place.ts'
import type { Path } from '../../core/config/path.ts'
import { scan } from '../../core/config/scan.ts'
import { suite } from '../support/suite.ts'

const test = suite('positions')

/** `line:column-line:column` of a path, key and value. */
function where(text: string): (path: Path, mark?: 'key' | 'value') => string {
  const sources = sourcesOf(new Map([['a.toml', { text, fault: undefined }]]))
  return (path, mark = 'value') => {
    const { line, column, endLine, endColumn } = sources.locate({ file: 'a.toml', path }, mark)
    return `${line}:${column}-${endLine}:${endColumn}`
  }
}

test('a key and its value in a table', () => {
  const at = where('[network.public]\n  id = "x" # why\n')
  assert.is(at(['network', 'public', 'id']), '2:8-2:11')
  assert.is(at(['network', 'public', 'id'], 'key'), '2:3-2:5')
  assert.is(at(['network', 'public']), '1:2-1:16')
  assert.is(at(['network', 'public'], 'key'), '1:10-1:16')
  assert.is(at(['network'], 'key'), '1:2-1:9')
})

test('dotted keys, before any table and in one', () => {
  const at = where('a.b.c = 1\n[x]\ny . "z w" = [1]\n')
  assert.is(at(['a', 'b', 'c']), '1:9-1:10')
  assert.is(at(['a', 'b', 'c'], 'key'), '1:5-1:6')
  assert.is(at(['a', 'b'], 'key'), '1:3-1:4')
  assert.is(at(['x', 'y', 'z w'], 'key'), '3:5-3:10')
  assert.is(at(['x', 'y', 'z w', 0]), '3:14-3:15')
})

test('inline tables and lists over several lines', () => {
  const at = where('[p]\nm = { left = [\n  "a", # first\n  { b = "c" },\n], right = [] }\n')
  assert.is(at(['p', 'm', 'left', 0]), '3:3-3:6')
  assert.is(at(['p', 'm', 'left', 1, 'b']), '4:9-4:12')
  assert.is(at(['p', 'm', 'left', 1, 'b'], 'key'), '4:5-4:6')
  assert.is(at(['p', 'm', 'right']), '5:12-5:14')
  assert.is(at(['p', 'm']), '2:5-5:16')
  assert.is(at(['p', 'm', 'left', 0], 'key'), '3:3-3:6', 'an item has no key')
})

test('lists of tables, in each other', () => {
  const at = where('[[a]]\nx = 1\n[[a.b]]\ny = 2\n[[a.b]]\ny = 3\n[[a]]\nx = 4\n[[a.b]]\ny = 5\n[a.c]\nz = 6\n')
  assert.is(at(['a', 0, 'x']), '2:5-2:6')
  assert.is(at(['a', 0, 'b', 1, 'y']), '6:5-6:6')
  assert.is(at(['a', 1, 'x']), '8:5-8:6')
  assert.is(at(['a', 1, 'b', 0, 'y']), '10:5-10:6')
  assert.is(at(['a', 1, 'c', 'z']), '12:5-12:6')
})

test('headers in strings, comments and lists are none', () => {
  const at = where(
    'a = """\n[b]\n\\""" """\nc = \'\'\'\n[d]\'\'\'\' # [e]\nf = [\n[1]\n]\n[ "g.h" . i ] # [j]\nk = "]"\n',
  )
  assert.is(at(['g.h', 'i', 'k']), '10:5-10:8')
  assert.is(at(['g.h', 'i'], 'key'), '9:11-9:12')
  assert.is(at(['f', 0]), '7:1-7:4')
  assert.is(at(['b']), '1:1-1:1', 'what is nowhere is at the start of the file')
})

test('what is not there is shown by the key of what should have it', () => {
  const at = where('[a]\n[b.c]\nd = { e = 1 }\n')
  assert.is(at(['a', 'x', 'y']), '1:2-1:3')
  assert.is(at(['b', 'c', 'd', 'f']), '3:1-3:2')
  assert.is(at(['z']), '1:1-1:1')
  assert.is(at([]), '1:1-1:1')
})

test('a file that was not read has no positions', () => {
  const sources = sourcesOf(new Map())
  assert.equal(sources.locate({ file: 'x', path: ['a'] }, 'key'), {
    line: 0,
    column: 0,
    endLine: 0,
    endColumn: 0,
    excerpt: undefined,
  })
})

test('the excerpt is the line; lines beyond measure have none', () => {
  const text = `[a]\r\nb = "ä" # c\r\nlong = "${'x'.repeat(5000)}"\r\n`
  const sources = sourcesOf(new Map([['a.toml', { text, fault: undefined }]]))
  assert.is(sources.locate({ file: 'a.toml', path: ['a', 'b'] }, 'value').excerpt, 'b = "ä" # c')
  assert.is(sources.locate({ file: 'a.toml', path: ['a', 'long'] }, 'value').excerpt, undefined)
})

test('a table that is too large to be looked into is shown by its header', () => {
  const text = `[a]\nb = 1\n[huge]\n${Array.from({ length: 80_000 }, (_, at) => `k${at} = 1`).join('\n')}\n[z]\nb = 1\n`
  const at = where(text)
  assert.is(at(['huge', 'k7']), '3:1-3:7')
  assert.is(at(['z', 'b']), '80005:5-80005:6')
})

const name = fc.constantFrom('a', 'b', 'c', '"a b"', "'.'", '"\\u0061x"', '"]"', '"#"')
const scalar = fc.constantFrom('1', 'true', '"x"', '"""\n[a]\n"""', "'''\n# '\n'''", '"[b]"', '1979-05-27')
const line = fc.oneof(
  fc.tuple(name, scalar).map(([key, value]) => `${key} = ${value}`),
  fc.tuple(name, name, scalar).map(([one, two, value]) => `${one}.${two} = ${value}`),
  fc.tuple(name, scalar, scalar).map(([key, one, two]) => `${key} = [ # [x]\n  ${one},\n${two} ]`),
  fc.tuple(name, name, scalar).map(([key, inner, value]) => `${key} = { ${inner} = [[${value}]] }`),
  fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `[${parts.join(' . ')}] # ["]`),
  fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `  [[${parts.join('.')}]]`),
  fc.constantFrom('# [c] """', '', '   '),
)
const document = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n'))

test('whatever TOML says, the tables that are found are those of the parser', () => {
  let compared = 0
  fc.assert(
    fc.property(document, (text) => {
      try {
        parse(text)
      } catch {
        return
      }
      compared += 1
      const [top] = parseTOML(text, { tomlVersion: '1.1' }).body
      const tables = top.body.flatMap((node) =>
        node.type === 'TOMLTable' ? [{ path: node.resolvedKey, line: node.loc.start.line }] : [],
      )
      const chunks = scan(text).slice(1)
      assert.equal(
        chunks.map(({ path, line }) => ({ path, line })),
        tables,
        text,
      )
    }),
    { numRuns: 2000 },
  )
  assert.ok(compared > 200, `only ${compared} documents were TOML`)
})

test('whatever TOML says, every value is found where it stands', () => {
  fc.assert(
    fc.property(document, (text) => {
      let tree: unknown
      try {
        tree = parse(text)
      } catch {
        return
      }
      const at = where(text)
      const lines = text.split('\n')
      for (const [path, value] of leaves(tree, [])) {
        const [, from = '', column = '', to = '', end = ''] = /^(\d+):(\d+)-(\d+):(\d+)$/.exec(at(path)) ?? []
        const part = lines.slice(Number(from) - 1, Number(to))
        part[part.length - 1] = part.at(-1)?.slice(0, Number(end) - 1) ?? ''
        const source = [part[0]?.slice(Number(column) - 1), ...part.slice(1)].join('\n')
        assert.equal(JSON.stringify(parse(`v = ${source}`)['v']), JSON.stringify(value), `${path.join()} in\n${text}`)
      }
    }),
    { numRuns: 500 },
  )
})

function leaves(value: unknown, path: Path): [Path, unknown][] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [[path, value]]
  const list = Array.isArray(value)
  return Object.entries(value).flatMap(([key, each]) => leaves(each, [...path, list ? Number(key) : key]))
}

test.run()
