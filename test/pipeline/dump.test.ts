// log_dump: what an operator sees of a request, and what nobody sees.
import * as assert from 'uvu/assert'
import type { LogDump } from '../../core/config/middleware.ts'
import { isRecord } from '../support/record.ts'
import { fakeExchange, fakeResponse } from '../support/exchange.ts'
import { fakeLog } from '../support/log.ts'
import type { RequestParts } from '../support/exchange.ts'
import type { Line } from '../support/log.ts'
import { suite } from '../support/suite.ts'
import { handler, place, world } from './fixture.ts'

const test = suite('log_dump')

function dump(options: Partial<LogDump> = {}, sensitive: readonly string[] = []) {
  const defaults = { sides: { left: true, right: true }, pretty: false, maxBytes: 65_536 }
  const lists = { redactHeaders: [], redactMetadata: [], redactDataFields: [], label: undefined }
  return handler({ name: 'look', type: 'log_dump', place, ...defaults, ...lists, ...options }, world(), sensitive)
}

/** The line that a request leaves. */
function line(request: RequestParts, options: Partial<LogDump> = {}, sensitive: readonly string[] = []): Line {
  const log = fakeLog()
  assert.is(dump(options, sensitive).left?.(fakeExchange({ ...request, log })), undefined)
  const [only, ...more] = log.lines
  assert.ok(only !== undefined && more.length === 0)
  return only
}

/** What the line shows. */
function shown(request: RequestParts, options: Partial<LogDump> = {}, sensitive: readonly string[] = []) {
  const value: unknown = JSON.parse(String(line(request, options, sensitive).fields['dump']))
  assert.ok(isRecord(value))
  return value
}

const json = (value: unknown): RequestParts => ({
  body: JSON.stringify(value),
  headers: [['content-type', 'application/json']],
})
const dataOf = (value: unknown, options: Partial<LogDump>, sensitive: readonly string[] = []): unknown => {
  const { content } = shown(json(value), options, sensitive)
  return isRecord(content) ? content['data'] : undefined
}

test('a request is written at info under the target of dumps', () => {
  const request = { method: 'PUT', prefix: '/fhir', path: 'Patient/1', query: '?a=1&b=2', metadata: { tenant: 'blue' } }
  const headers = [
    ['accept', 'a/b'],
    ['accept', 'c/d'],
  ] as const
  const { level, fields } = line({ ...request, headers }, { label: 'in' })
  assert.is(level, 'info')
  assert.equal(
    { ...fields, dump: undefined },
    { target: 'harmony.dump', middleware: 'look', side: 'left', label: 'in', truncated: false, dump: undefined },
  )
  assert.equal(shown({ ...request, headers }), {
    method: 'PUT',
    authority: 'a.example',
    path: '/fhir/Patient/1',
    query: ['a=1', 'b=2'],
    headers: { accept: 'a/b, c/d' },
    metadata: { tenant: 'blue' },
    content: {},
  })
})

test('a response leaves the head of it, and changes nothing', () => {
  const log = fakeLog()
  const response = fakeResponse(201, [
    ['content-type', 'a/b'],
    ['set-cookie', 'planted=1'],
    ['x-api-key', 'planted'],
  ])
  assert.is(dump().right?.(fakeExchange({ method: 'POST', log }), response), undefined)
  assert.is(log.lines[0]?.fields['side'], 'right')
  const value: unknown = JSON.parse(String(log.lines[0]?.fields['dump']))
  assert.equal(value, {
    method: 'POST',
    status: 201,
    headers: { 'content-type': 'a/b', 'set-cookie': '[redacted]', 'x-api-key': '[redacted]' },
    content: {},
  })
})

test('a side that is not asked for is not written', () => {
  assert.is(dump({ sides: { left: false, right: true } }).left, undefined)
  assert.is(dump({ sides: { left: false, right: true } }).wants, undefined)
  assert.is(dump({ sides: { left: true, right: false } }).right, undefined)
})

test('secrets are hidden wherever they stand, whether they are listed or not', () => {
  const names = [
    'authorization',
    'proxy-authorization',
    'cookie',
    'x-api-key',
    'x-auth-token',
    'x-listed',
    'x-by-pattern',
  ]
  const request: RequestParts = {
    headers: [['content-type', 'application/json'], ...names.map((name) => [name, 'planted'] as const)],
    query: '?access_token=planted&%61pi_key=planted&x_by_pattern=planted&q=ok&password=planted;&flag',
    metadata: { session_id: 'planted', Listed: 'planted', 'x-by-pattern': 'planted' },
    body: JSON.stringify({
      password: 'planted',
      a: [{ Client_Secret: 'planted', x_by_pattern: ['planted'] }],
      listed: { by: { path: 'planted' } },
    }),
  }
  const options = { redactHeaders: ['X-Listed'], redactMetadata: ['listed'], redactDataFields: ['listed.by.path'] }
  const written = JSON.stringify(line(request, options, ['*by-pattern']))
  assert.not.match(written, /planted/)
  assert.match(written, /q=ok/)
  assert.match(written, /"flag/)
})

test('secrets in the URLs of header fields are hidden', () => {
  const urls = ['https://a.example/?x=1&token=planted', '/#access_token=planted&y=2', '/a?b#c?client_secret=planted']
  for (const url of urls) {
    for (const name of ['referer', 'location']) {
      assert.not.match(JSON.stringify(line({ headers: [[name, url]] })), /planted/, url)
    }
  }
  assert.equal(shown({ headers: [['referer', 'https://a.example/b?c=1&d#e']] })['headers'], {
    referer: 'https://a.example/b?c=1&d#e',
  })
})

test('data fields are hidden by their path, through lists, with * for any name', () => {
  const patient = {
    name: [{ family: 'A', given: ['B'] }, { family: 'C' }],
    id: 1,
    contact: { x: { phone: 2 }, y: { phone: 3 } },
  }
  assert.equal(dataOf(patient, { redactDataFields: ['name.family', 'contact.*.phone', 'no.such'] }), {
    name: [{ family: '[redacted]', given: ['B'] }, { family: '[redacted]' }],
    id: 1,
    contact: { x: { phone: '[redacted]' }, y: { phone: '[redacted]' } },
  })
  assert.equal(dataOf([{ ssn: 1 }], { redactDataFields: ['ssn'] }), [{ ssn: '[redacted]' }])
  assert.equal(dataOf({ name: { family: 'A' } }, { redactDataFields: ['name'] }), { name: '[redacted]' })
  assert.equal(dataOf({ a: { ssn: 1 } }, { redactDataFields: ['ssn'] }), { a: { ssn: 1 } })
})

test('content that is no JSON is not shown: what cannot be read cannot be redacted', () => {
  for (const body of ['planted', '{"password":"planted"', '\u0000planted', '']) {
    assert.not.match(JSON.stringify(line({ body, headers: [['content-type', 'application/json']] })), /planted/)
  }
  assert.not.match(JSON.stringify(line({ body: Buffer.from([0x22, 0xff, 0x22]) })), /\ufffd/)
})

test('content that is there for somebody else is shown only when it is small enough', () => {
  const body = JSON.stringify({ a: 'shown' })
  assert.match(JSON.stringify(line({ body }, { maxBytes: 1000 })), /shown/)
  const long = JSON.stringify({ a: 'shown', b: 'x'.repeat(1000) })
  assert.not.match(JSON.stringify(line({ body: long }, { maxBytes: 1000 })), /shown/)
})

test('a dump is no longer than max_bytes, cut between characters', () => {
  for (const maxBytes of [0, 1, 57, 100, 1000]) {
    const { dump: text, truncated } = line({ headers: [['x-long', 'é🔑'.repeat(5000)]] }, { maxBytes }).fields
    assert.ok(Buffer.byteLength(String(text)) <= maxBytes, String(maxBytes))
    assert.is(Buffer.from(String(text)).toString(), text)
    assert.is(truncated, true)
  }
})

test('hostile JSON is shown within bounds', () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  assert.match(JSON.stringify(line({ body: deep })), /left out/)
  const wide = JSON.stringify(Array.from({ length: 50_000 }, (_none, index) => index))
  assert.ok(JSON.stringify(dataOf(JSON.parse(wide), { maxBytes: 1_000_000 })).length < 60_000)
  assert.equal(
    shown({ body: '{"__proto__":{"polluted":1}}' })['content'],
    JSON.parse('{"length":28,"data":{"__proto__":{"polluted":1}}}'),
  )
  assert.is('polluted' in {}, false)
})

test('content is gathered only when its length is known and small enough, and it may be JSON', () => {
  const wants = (request: RequestParts): number | undefined => dump({ maxBytes: 100 }).wants?.(fakeExchange(request))
  const headers = [['content-type', 'application/fhir+json; charset=utf-8']] as const
  assert.is(wants({ contentLength: 100, headers }), 100)
  assert.is(wants({ contentLength: 100 }), 100)
  assert.is(wants({ contentLength: 101, headers }), undefined)
  assert.is(wants({ contentLength: 0, headers }), undefined)
  assert.is(wants({ headers }), undefined)
  assert.is(wants({ contentLength: 10, headers: [['content-type', 'application/dicom']] }), undefined)
  // content of unknown length flows
  const chunked = fakeExchange({ headers, contentLength: 10 })
  assert.is(dump().wants?.({ ...chunked, head: { ...chunked.head, contentLength: undefined } }), undefined)
})

test('pretty spreads the dump over lines', () => {
  assert.match(String(line({}, { pretty: true }).fields['dump']), /\n {2}"method": "GET"/)
  assert.not.match(String(line({}, { pretty: false }).fields['dump']), /\n/)
})

test.run()
