// References by the grammar of spec 8.1.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { formatReference, maxLength, parseReference, resourceTypes } from '../../core/reference/parse.ts'
import type { Reference } from '../../core/reference/reference.ts'
import { suite } from '../support/suite.ts'

const test = suite('reference/parse')

const accepted: readonly (readonly [text: string, reference: Record<string, unknown>])[] = [
  ['api', { kind: 'local', name: 'api' }],
  ['local', { kind: 'local', name: 'local' }],
  ['local.name.api', { kind: 'local', name: 'api' }],
  ['local.name.id', { kind: 'local', name: 'id' }],
  ['runbeam.id.01j', { kind: 'id', provider: 'runbeam', team: undefined, id: '01j' }],
  ['runbeam.id.id', { kind: 'id', provider: 'runbeam', team: undefined, id: 'id' }],
  ['runbeam.acme.id.01j', { kind: 'id', provider: 'runbeam', team: 'acme', id: '01j' }],
  ['runbeam.acme.ingress.name.api', typed('ingress', 'name', 'api')],
  ['runbeam.acme.Egress.id.01J', typed('egress', 'id', '01J')],
  ['runbeam.acme.MESH.name.x(1)', typed('mesh', 'name', 'x(1)')],
  ['runbeam.a b.ingress.name.x', { ...typed('ingress', 'name', 'x'), team: 'a b' }],
]

for (const [text, expected] of accepted) {
  test(`${text} is a reference`, () => assert.equal(parseReference(text), { text, ...expected }))
}

const refused: readonly (readonly [text: string, problem: RegExp])[] = [
  ['', /^is empty$/],
  ['a.b', /^has 2 parts: must be NAME, /],
  ['a.b.c.d.e.f', /^has 6 parts: /],
  ['runbeam.t.bogus.name.x', /^has type "bogus": must be ingress, egress, pipeline, endpoint, backend or mesh$/],
  ['runbeam.t.ingress', /^has "t" where "id" belongs/],
  ['runbeam.t.name.x', /^gives a name without a type: must be runbeam\.t\.TYPE\.name\.x$/],
  ['runbeam.name.x', /^gives a name without team and type: must be runbeam\.TEAM\.TYPE\.name\.x$/],
  ['runbeam.t.ingress.Name.x', /^has "Name" where "name" or "id" belongs$/],
  ['runbeam.ID.x', /^has "ID" where "id" belongs/],
  ['local.id.x', /^asks for a local resource by id/],
  ['local.nam.x', /^has "nam" where "name" belongs: must be local\.name\.x$/],
  ['local.t.id.x', /^names a team of provider local/],
  ['local.t.ingress.name.x', /^names a team of provider local/],
  ['local.name.', /^has nothing in part 3 of 3$/],
  ['.', /^has nothing in part 1 of 2$/],
  ['runbeam..ingress.name.x', /^has nothing in part 2 of 5$/],
  [' api', /^has white space around "api"$/],
  ['runbeam.acme .id.x', /^has white space around "acme"$/],
  ['a\nb', /control characters/],
  ['a\u0000', /control characters/],
  ['\ud800', /broken text/],
  ['x'.repeat(maxLength + 1), /^has 1025 characters: at most 1024$/],
]

for (const [text, problem] of refused) {
  test(`${JSON.stringify(text.slice(0, 40))} is no reference`, () => {
    const parsed = parseReference(text)
    assert.ok('problem' in parsed, 'refused')
    assert.match(parsed.problem, problem)
  })
}

test('a reference that is written reads as the same reference', () => {
  fc.assert(
    fc.property(references(), (reference) => {
      const text = formatReference(reference)
      assert.equal(parseReference(text), { ...reference, text })
    }),
  )
})

test('any text gives a reference or a problem, and what is accepted writes and reads the same', () => {
  const word = fc.constantFrom('local', 'name', 'id', 'ingress', 'MESH', 'runbeam', '', ' ', '\t', 'x')
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(fc.oneof(word, fc.string({ maxLength: 5 })), { maxLength: 7 }).map((parts) => parts.join('.')),
  )
  fc.assert(
    fc.property(text, (written) => {
      const parsed = parseReference(written)
      if ('problem' in parsed) return parsed.problem.length > 0 && parsed.problem.length < 400
      const again = parseReference(formatReference(parsed))
      assert.equal({ ...again, text: written }, parsed)
      return parsed.text === written
    }),
  )
})

test('what is quoted of a part is short', () => {
  const parsed = parseReference(`runbeam.t.${'y'.repeat(900)}.name.x`)
  assert.ok('problem' in parsed && parsed.problem.length < 200)
})

test.run()

function typed(type: string, by: string, value: string): Record<string, unknown> {
  return { kind: 'typed', provider: 'runbeam', team: 'acme', type, by, value }
}

function references(): fc.Arbitrary<Reference> {
  const part = fc.stringMatching(/^[a-z0-9_-][A-Za-z0-9 _()é-]{0,12}[a-z0-9]$/)
  const provider = part.filter((name) => name !== 'local')
  const text = fc.constant('')
  return fc.oneof(
    fc.record({ text, kind: fc.constant('local' as const), name: part }),
    fc.record({
      text,
      kind: fc.constant('id' as const),
      provider,
      team: fc.option(part, { nil: undefined }),
      id: part,
    }),
    fc.record({
      text,
      kind: fc.constant('typed' as const),
      provider,
      team: part,
      type: fc.constantFrom(...resourceTypes),
      by: fc.constantFrom('name' as const, 'id' as const),
      value: part,
    }),
  )
}
