// Rules about values: header fields, user agents, content types, query parameters.
import * as assert from 'uvu/assert'
import type { RuleMode, ValueMatch } from '../../core/config/middleware.ts'
import type { Outcome } from '../../core/pipeline/rule/rule.ts'
import type { Field } from '../../quic/index.ts'
import { fakeExchange } from '../support/exchange.ts'
import { suite } from '../support/suite.ts'
import { compiled, rule } from './fixture.ts'

const test = suite('values')

type Match = readonly [name: string, match: ValueMatch['match'], value: string]

const matches = (list: readonly Match[]): ValueMatch[] => list.map(([name, match, value]) => ({ name, match, value }))
const header = (mode: RuleMode, list: readonly Match[], headers: readonly Field[], authority = 'a.example'): Outcome =>
  compiled(rule('header', { headers: matches(list), mode }))(fakeExchange({ headers, authority }))
const query = (mode: RuleMode, list: readonly Match[], text: string): Outcome =>
  compiled(rule('query_parameter', { parameters: matches(list), mode }))(fakeExchange({ query: text }))
const agent = (mode: RuleMode, patterns: readonly string[], ...values: readonly string[]): Outcome =>
  compiled(rule('user_agent', { patterns, mode }))(
    fakeExchange({ headers: values.map((value) => ['user-agent', value] as const) }),
  )
const type = (mode: RuleMode, contentTypes: readonly string[], ...values: readonly string[]): Outcome =>
  compiled(rule('content_type', { contentTypes, mode }))(
    fakeExchange({ headers: values.map((value) => ['content-type', value] as const) }),
  )

// --- header ---

test('a header matches exactly or in part without regard to case, or by an expression', () => {
  const headers: Field[] = [['x-env', 'Production-EU']]
  assert.is(header('allow', [['X-Env', 'exact', 'production-eu']], headers), 'allow')
  assert.is(header('allow', [['x-env', 'exact', 'production']], headers), undefined)
  assert.is(header('allow', [['x-env', 'contains', 'ON-E']], headers), 'allow')
  assert.is(header('allow', [['x-env', 'regex', '^Production']], headers), 'allow')
  assert.is(header('allow', [['x-env', 'regex', '^production']], headers), undefined)
  assert.is(header('allow', [['x-env', 'regex', '/^production/i']], headers), 'allow')
  assert.is(header('deny', [['x-env', 'exists', '']], headers), 'deny')
  assert.is(header('deny', [['x-other', 'exists', '']], headers), undefined)
})

test('all conditions of a header rule must hold', () => {
  const both: Match[] = [
    ['x-a', 'exact', '1'],
    ['x-b', 'exact', '2'],
  ]
  assert.is(
    header('deny', both, [
      ['x-a', '1'],
      ['x-b', '2'],
    ]),
    'deny',
  )
  assert.is(header('deny', both, [['x-a', '1']]), undefined)
  assert.is(
    header('allow', both, [
      ['x-a', '1'],
      ['x-b', '3'],
    ]),
    undefined,
  )
})

test('a rule without conditions matches nothing', () => {
  assert.is(header('allow', [], []), undefined)
  assert.is(query('allow', [], ''), undefined)
  assert.is(agent('allow', [], 'curl'), undefined)
  assert.is(type('allow', [], 'text/plain'), undefined)
})

test('a second value neither hides a denied one nor rides along with an allowed one', () => {
  const deny: Match[] = [['x-role', 'exact', 'admin']]
  assert.is(
    header('deny', deny, [
      ['x-role', 'guest'],
      ['x-role', 'admin'],
    ]),
    'deny',
  )
  assert.is(
    header('deny', deny, [
      ['x-role', 'admin'],
      ['x-role', 'guest'],
    ]),
    'deny',
  )
  assert.is(
    header(
      'deny',
      [['x-role', 'exact', 'a, b']],
      [
        ['x-role', 'a'],
        ['x-role', 'b'],
      ],
    ),
    'deny',
  )
  assert.is(
    header(
      'allow',
      [['x-role', 'exact', 'guest']],
      [
        ['x-role', 'guest'],
        ['x-role', 'admin'],
      ],
    ),
    undefined,
  )
  assert.is(
    header(
      'allow',
      [['x-role', 'regex', '^guest$']],
      [
        ['x-role', 'guest'],
        ['x-role', 'admin'],
      ],
    ),
    undefined,
  )
})

test('the host is the authority of the request', () => {
  assert.is(header('allow', [['Host', 'exact', 'A.example']], [], 'a.example'), 'allow')
  assert.is(header('deny', [['host', 'contains', 'internal']], [], 'internal.example'), 'deny')
})

test('values beyond ASCII match however their bytes are encoded', () => {
  const utf8 = Buffer.from('Zoë').toString('latin1')
  assert.is(header('allow', [['x-name', 'exact', 'zoë']], [['x-name', utf8]]), 'allow')
  assert.is(header('allow', [['x-name', 'exact', 'zoë']], [['x-name', 'Zo\u00eb']]), 'allow')
  // a stray byte makes the value no UTF-8, and hides nothing
  assert.is(header('deny', [['x-name', 'contains', 'zoë']], [['x-name', `${utf8}\u00ff`]]), 'deny')
})

test('a value that is too long for an expression is denied, and not allowed', () => {
  const long: Field[] = [['x-pad', `${'a'.repeat(10_000)}evil`]]
  assert.is(header('deny', [['x-pad', 'regex', 'evil']], long), 'deny')
  assert.is(header('allow', [['x-pad', 'regex', 'evil']], long), undefined)
  // what the other conditions rule out stays out
  assert.is(
    header(
      'deny',
      [
        ['x-pad', 'regex', 'evil'],
        ['x-no', 'exists', ''],
      ],
      long,
    ),
    undefined,
  )
})

test('ten thousand commas and a thousand fields are looked at in no time', () => {
  const commas: Field[] = [['content-type', ','.repeat(10_000)]]
  const fields = Array.from({ length: 1000 }, (_none, index): Field => ['x-many', `${index}${','.repeat(20)}`])
  const started = performance.now()
  header('deny', [['content-type', 'regex', '(,+)+$']], [...commas])
  header('deny', [['x-many', 'regex', '/(a|,)*b/']], fields)
  compiled(rule('content_type', { contentTypes: ['a/b'], mode: 'deny' }))(fakeExchange({ headers: commas }))
  assert.ok(performance.now() - started < 15_000, `${performance.now() - started} ms`)
})

// --- user_agent ---

test('a user agent matches when any expression does', () => {
  assert.is(agent('deny', ['/curl/i', 'bot$'], 'Curl/8'), 'deny')
  assert.is(agent('deny', ['/curl/i', 'bot$'], 'a bot'), 'deny')
  assert.is(agent('deny', ['/curl/i', 'bot$'], 'Mozilla'), undefined)
  assert.is(agent('allow', ['^Mozilla'], 'Mozilla/5.0'), 'allow')
  assert.is(agent('allow', ['^Mozilla']), undefined)
  assert.is(agent('deny', ['.*']), undefined)
  assert.is(agent('deny', ['curl'], 'Mozilla', 'curl'), 'deny')
})

// --- content_type ---

test('a content type matches without its parameters and in any case, or by its family', () => {
  assert.is(type('allow', ['application/json'], 'Application/JSON; charset=utf-8'), 'allow')
  assert.is(type('allow', ['application/json'], 'application/json+x'), undefined)
  assert.is(type('allow', ['image/*'], 'image/png'), 'allow')
  assert.is(type('allow', ['image/*'], 'imagex/png'), undefined)
  assert.is(type('allow', ['image/*'], 'imagex'), undefined)
  assert.is(type('allow', ['*/*'], 'a/b'), 'allow')
  assert.is(type('allow', ['application/json']), undefined)
  assert.is(type('deny', ['application/json']), undefined)
  assert.is(type('deny', ['Text/HTML'], 'text/html ; a=b'), 'deny')
})

test('of several content types each can be denied, and none is allowed', () => {
  assert.is(type('deny', ['text/xml'], 'text/plain', 'text/xml'), 'deny')
  assert.is(type('deny', ['text/xml'], 'text/plain, text/xml'), 'deny')
  assert.is(type('allow', ['text/plain'], 'text/plain', 'text/xml'), undefined)
  assert.is(type('allow', ['text/plain'], 'text/plain, text/xml'), undefined)
  assert.is(type('allow', ['text/*'], 'text/plain', 'application/x'), undefined)
})

// --- query_parameter ---

test('a query parameter matches with regard to case, any of its values', () => {
  assert.is(query('allow', [['a', 'exact', 'X']], '?b=1&a=Y&a=X'), 'allow')
  assert.is(query('allow', [['a', 'exact', 'x']], '?a=X'), undefined)
  assert.is(query('allow', [['A', 'exact', 'X']], '?a=X'), undefined)
  assert.is(query('deny', [['a', 'exists', '']], '?a'), 'deny')
  assert.is(query('deny', [['a', 'exists', '']], '?b=a'), undefined)
  assert.is(query('deny', [['a', 'contains', 'lo w']], '?a=hello+world'), 'deny')
  assert.is(query('deny', [['a', 'regex', '/^\\d+$/']], '?a=123'), 'deny')
  assert.is(query('deny', [['a', 'exists', '']], ''), undefined)
  assert.is(
    query(
      'deny',
      [
        ['a', 'exists', ''],
        ['b', 'exists', ''],
      ],
      '?a',
    ),
    undefined,
  )
})

test('a query parameter is found however it is encoded', () => {
  for (const text of [
    '?debug=on',
    '?%64ebug=on',
    '?debu%67=%6Fn',
    '?x&&debug=on',
    '?debug=off&debug=o%6e',
    '?%zz&debug=on',
  ]) {
    assert.is(query('deny', [['debug', 'exact', 'on']], text), 'deny', text)
  }
  const raw = Buffer.from('?n=é&x=').toString('latin1')
  for (const text of ['?n=%C3%A9', '?n=%c3%a9', raw, `${raw}\u00ff`]) {
    assert.is(query('deny', [['n', 'exact', 'é']], text), 'deny', text)
  }
})

test.run()
