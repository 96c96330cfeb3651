// The crossing's encoder and decoder, against a plain second reading of docs/crossing.md.
import { Buffer } from 'node:buffer'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Batch } from '../../quic/decode.ts'
import type { Receiver, WireFailure } from '../../quic/decode.ts'
import { Answers } from '../../quic/encode.ts'
import type { Forward, HeaderEdit } from '../../quic/decision.ts'
import type { EngineEvent } from '../../quic/event.ts'
import type { Field, HeaderInit, RequestHead, ResponseHead } from '../../quic/head.ts'
import type { ExchangeRecord } from '../../quic/record.ts'
import { suite } from '../support/suite.ts'
import { engine, plainHead, readAnswers } from './wire.ts'
import type { HeadParts, Pair } from './wire.ts'

const test = suite('the crossing')

type Heard =
  | { kind: 'head'; head: RequestHead }
  | { kind: 'collected'; id: number; body: Uint8Array; trailers: readonly Field[] }
  | { kind: 'response'; id: number; head: ResponseHead }
  | { kind: 'failure'; id: number; failure: WireFailure }
  | { kind: 'want'; id: number; bytes: number }
  | { kind: 'gone'; id: number; code: string }
  | { kind: 'record'; record: ExchangeRecord }
  | { kind: 'event'; event: EngineEvent }

function decode(...messages: readonly Uint8Array[]): Heard[] {
  const heard: Heard[] = []
  const receiver: Receiver = {
    head: (head) => void heard.push({ kind: 'head', head }),
    collected: (id, body, trailers) => void heard.push({ kind: 'collected', id, body, trailers }),
    response: (id, head) => void heard.push({ kind: 'response', id, head }),
    failure: (id, failure) => void heard.push({ kind: 'failure', id, failure }),
    want: (id, bytes) => void heard.push({ kind: 'want', id, bytes }),
    gone: (id, code) => void heard.push({ kind: 'gone', id, code }),
    record: (record) => void heard.push({ kind: 'record', record }),
    event: (event) => void heard.push({ kind: 'event', event }),
    inform: () => undefined,
  }
  const whole = Buffer.concat(messages)
  const batch = new Batch(Math.max(whole.length, 1))
  whole.copy(batch.bytes)
  batch.fill(whole.length)
  while (!batch.empty) batch.next(receiver)
  // what was read must not lean on the buffer, which the next batch overwrites
  batch.bytes.fill(0xff)
  return heard
}

function decodeHead(parts: Partial<HeadParts>): RequestHead {
  const [heard] = decode(engine.head(1, parts))
  if (heard?.kind !== 'head') throw new Error('no head')
  return heard.head
}

function encoded(write: (answers: Answers) => void) {
  const answers = new Answers()
  write(answers)
  return readAnswers(answers.bytes.subarray(0, answers.length))
}

const anyByte = fc.integer({ min: 0, max: 255 })
const anyText = fc.array(anyByte, { maxLength: 80 }).map((bytes) => String.fromCharCode(...bytes))
const name = fc.string({
  unit: fc.constantFrom(...Array.from('abcdefghijklmnopqrstuvwxyz0123456789-_!#')),
  minLength: 1,
  maxLength: 20,
})
const sendable = fc.oneof(fc.constant(9), fc.integer({ min: 32, max: 126 }), fc.integer({ min: 128, max: 255 }))
const value = fc.array(sendable, { maxLength: 120 }).map((bytes) => String.fromCharCode(...bytes))
const fields = fc.array(fc.tuple(name, value), { maxLength: 12 })
const u16 = fc.integer({ min: 0, max: 65_535 })
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })

test('a request head arrives whole, whatever bytes its parts hold', () => {
  const head = fc.record<HeadParts>({
    connection: id,
    listener: fc.integer({ min: 0, max: 0xffff_ffff }),
    protocol: fc.constantFrom(10, 11, 20, 30),
    flags: fc.integer({ min: 0, max: 7 }),
    contentLength: fc.oneof(fc.constant(-1), fc.maxSafeNat()),
    method: anyText,
    scheme: anyText,
    authority: anyText,
    target: anyText,
    upgrade: anyText,
    remoteAddress: anyText,
    remotePort: u16,
    localAddress: anyText,
    localPort: u16,
    serverName: anyText,
    certificate: fc.uint8Array({ maxLength: 60 }),
    fields: fc.array(fc.tuple(anyText, anyText), { maxLength: 12 }),
  })
  fc.assert(
    fc.property(id, head, (exchange, parts) => {
      const [heard] = decode(engine.head(exchange, parts))
      if (heard?.kind !== 'head') throw new Error('no head')
      const read = heard.head
      assert.equal(read.id, exchange)
      assert.equal(read.connection, parts.connection)
      assert.equal(read.listener, parts.listener)
      assert.equal(read.version, parts.protocol)
      assert.is(read.protocol, parts.protocol === 30 ? 'h3' : parts.protocol === 20 ? 'h2' : 'h1')
      assert.equal(
        [read.tls, read.mayHaveBody, read.expectsContinue],
        [1, 2, 4].map((bit) => (parts.flags & bit) !== 0),
      )
      assert.equal(read.contentLength, parts.contentLength < 0 ? undefined : parts.contentLength)
      assert.equal(
        [read.method, read.scheme, read.authority, read.target, read.remoteAddress, read.localAddress],
        [parts.method, parts.scheme, parts.authority, parts.target, parts.remoteAddress, parts.localAddress],
      )
      assert.equal([read.remotePort, read.localPort], [parts.remotePort, parts.localPort])
      assert.equal([read.upgrade, read.serverName], [parts.upgrade || undefined, parts.serverName || undefined])
      assert.equal([...(read.clientCertificate ?? [])], [...parts.certificate])
      assert.equal(read.headers, parts.fields)
    }),
  )
})

test('header and headerAll find a field by its name in any case', () => {
  const head = decodeHead({
    fields: [
      ['accept', '*/*'],
      ['accept-encoding', 'gzip'],
      ['x-a', 'first'],
      ['x-a', 'second'],
      ['x-empty', ''],
    ],
  })
  assert.is(head.header('Accept'), '*/*')
  assert.is(head.header('ACCEPT-encoding'), 'gzip')
  assert.is(head.header('x-a'), 'first')
  assert.is(head.header('x-empty'), '')
  assert.is(head.header('x-none'), undefined)
  assert.is(head.header('x-'), undefined)
  assert.equal(head.headerAll('X-A'), ['first', 'second'])
  assert.equal(head.headerAll('x-none'), [])
})

test('header finds what the list of fields holds', () => {
  fc.assert(
    fc.property(fields, (pairs) => {
      const head = decodeHead({ fields: pairs })
      for (const [wanted] of pairs) assert.is(head.header(wanted), pairs.find(([name]) => name === wanted)?.[1])
    }),
  )
})

test('every other message of the engine arrives whole', () => {
  fc.assert(
    fc.property(id, fc.uint8Array({ maxLength: 200 }), fields, (exchange, body, pairs) => {
      const heard = decode(
        engine.collected(exchange, body, pairs),
        engine.response(exchange, 103, pairs),
        engine.failure(exchange, 'connect/refused', false),
        engine.want(exchange, 0xffff_ffff),
        engine.gone(exchange, 'client/cancelled'),
        engine.event('{"type":"listener-down","listener":1,"cut":2}'),
      )
      const [collected, response, ...rest] = heard
      if (collected?.kind !== 'collected' || response?.kind !== 'response') throw new Error('missing')
      assert.equal(Buffer.from(collected.body), Buffer.from(body))
      assert.equal(collected.trailers, pairs)
      assert.equal([response.id, response.head.status, response.head.version], [exchange, 103, 20])
      assert.equal(response.head.headers, pairs)
      const failure = {
        code: 'connect/refused',
        detail: 'what happened',
        wireCode: undefined,
        replayable: false,
        upstream: 7,
      }
      assert.equal(rest, [
        { kind: 'failure', id: exchange, failure },
        { kind: 'want', id: exchange, bytes: 0xffff_ffff },
        { kind: 'gone', id: exchange, code: 'client/cancelled' },
        { kind: 'event', event: { type: 'listener-down', listener: 1, cut: 2 } },
      ])
    }),
  )
})

test('a record names what was not reached undefined', () => {
  const shared = {
    connection: 3,
    listener: 1,
    upstream: 7,
    protocolIn: 30,
    protocolOut: 11,
    bytesIn: 10,
    bytesOut: 20,
    acceptedMs: 1_700_000_000_000.5,
    decidedMs: 0.25,
    connectedMs: undefined,
    firstByteMs: 2.5,
    endMs: 3,
    attempts: 2,
    reused: true,
    upstreamAddress: '[::1]:443',
  }
  assert.equal(decode(engine.record(5), engine.record(6, 'upstream/reset')), [
    { kind: 'record', record: { id: 5, ...shared, status: 200, code: undefined, detail: '', wireCode: undefined } },
    { kind: 'record', record: { id: 6, ...shared, status: 0, code: 'upstream/reset', detail: 'why', wireCode: 0x10c } },
  ])
})

test('a batch that is cut off anywhere is an error', () => {
  const parts: Partial<HeadParts> = { fields: [['accept', '*/*']] }
  for (const whole of [
    engine.head(1, parts),
    engine.collected(1, 'body', [['a', 'b']]),
    engine.response(1, 200, [['a', 'b']]),
    engine.failure(1, 'connect/refused'),
    engine.want(1, 5),
    engine.gone(1),
    engine.record(1, 'upstream/reset'),
    engine.event('{"type":"x"}'),
  ]) {
    for (let length = 1; length < whole.length; length++) {
      assert.throws(() => decode(whole.subarray(0, length)), /malformed/, `cut at ${length}`)
      // the same with an envelope that admits to it
      const shorter = Buffer.from(whole.subarray(0, length))
      if (length >= 4) shorter.writeUInt32LE(length - 4)
      assert.throws(() => decode(shorter), /malformed|JSON/, `shortened to ${length}`)
    }
  }
})

test('a batch with lengths that lie, unknown kinds or text that is not JSON is an error', () => {
  const long = Buffer.concat([engine.want(1, 5), Buffer.of(0)])
  long.writeUInt32LE(long.length - 4)
  assert.throws(() => decode(long), /malformed/)
  assert.throws(() => decode(engine.unknown(0)), /unknown kind 0/)
  assert.throws(() => decode(engine.unknown(9)), /unknown kind 9/)
  assert.throws(() => decode(engine.event('{')), /not JSON/)
})

test('noise never reads past its message', () => {
  const noise = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.uint8Array({ maxLength: 120 }))
  fc.assert(
    fc.property(noise, ([kind, content]) => {
      const message = Buffer.concat([Buffer.alloc(4), Buffer.of(kind), Buffer.alloc(8), content])
      message.writeUInt32LE(message.length - 4)
      try {
        decode(message)
      } catch (error) {
        assert.match((error as Error).message, /^the engine sent /)
      }
    }),
  )
})

test('a response leaves whole, with any value that a field may hold', () => {
  const body = fc.oneof(
    fc.constant(undefined),
    fc.string({ unit: 'grapheme', maxLength: 100 }),
    fc.uint8Array({ maxLength: 300 }),
  )
  fc.assert(
    fc.property(id, fc.integer({ min: 200, max: 599 }), fields, body, (exchange, status, pairs, content) => {
      const said = encoded((answers) => answers.respond(exchange, status, pairs, content))
      const bytes = content === undefined ? undefined : Buffer.from(content as string)
      assert.equal(said, [{ kind: 'respond', id: exchange, status, fields: pairs, body: bytes }])
    }),
  )
})

test('a forward leaves whole, whichever parts it replaces', () => {
  const word = fc.string({ unit: fc.constantFrom(...Array.from('abcXYZ019-._')), minLength: 1, maxLength: 70 })
  const edit = fc.oneof(
    name.map((remove) => ({ remove })),
    fc.tuple(name, value).map((set) => ({ set })),
    fc.tuple(name, value).map((append) => ({ append })),
  )
  const parts = fc.record({
    method: optional(word),
    target: optional(word.map((text) => `/${text}`)),
    authority: optional(word),
    body: optional(fc.uint8Array({ maxLength: 100 })),
    headers: optional(fields),
    edit: optional(fc.array(edit, { maxLength: 6 })),
    responseEdit: optional(fc.array(edit, { maxLength: 6 })),
    onResponse: fc.constantFrom(undefined, () => undefined),
    onFailure: fc.constantFrom(undefined, () => ({ kind: 'reset', reason: 'cancel' }) as const),
    maxBodyBytes: optional(fc.maxSafeNat()),
  })
  fc.assert(
    fc.property(id, parts, (exchange, given) => {
      // the upstream is turned into its id before
      const decision = { kind: 'forward', ...given } as unknown as Forward
      const [said] = encoded((answers) => answers.forward(exchange, 9, decision, undefined))
      // content of the policy's own is not the client's, which the bound is for
      const bound = given.body === undefined ? given.maxBodyBytes : undefined
      const edited = given.responseEdit?.length ? given.responseEdit : undefined
      const { onResponse, onFailure, body, method, target, authority } = given
      const flags = [onResponse, onFailure, body, method, target, authority, bound, edited]
        .map((part, bit) => (part === undefined ? 0 : 1 << bit))
        .reduce((sum, bit) => sum + bit)
      const edits: [number, string, string][] = []
      if (given.headers) {
        edits.push([0, '', ''])
        for (const [name, value] of given.headers) edits.push([3, name, value])
      }
      const plain = (each: HeaderEdit): [number, string, string] => {
        if ('remove' in each) return [1, each.remove, '']
        return 'set' in each ? [2, ...each.set] : [3, ...each.append]
      }
      edits.push(...(given.edit ?? []).map(plain))
      assert.is(said?.flags, flags)
      assert.equal([said?.upstream, said?.id, said?.edits], [9, exchange, edits])
      assert.equal(said?.responseEdits, edited?.map(plain))
      assert.equal([said?.method, said?.target, said?.authority], [method, target, authority])
      assert.equal(said?.body, body && Buffer.from(body))
      assert.is(said?.maxBytes, bound)
    }),
  )
})

test('the other answers leave whole, one after the other', () => {
  const said = encoded((answers) => {
    answers.collect(1, 1024)
    answers.reset(2, 'connect')
    answers.respondStream(3, 200, { a: 'b' })
    answers.chunk(3, Buffer.from('chunk'))
    answers.end(3, [['t', 'x']])
    answers.fail(4)
    answers.pass(5, undefined)
    answers.pass(6, { kind: 'pass', status: 404, edit: [{ remove: 'Server' }] })
    answers.inform(7, 103, { link: ['</a>', '</b>'] })
  })
  assert.equal(said, [
    { kind: 'collect', id: 1, maxBytes: 1024 },
    { kind: 'reset', id: 2, reason: 6 },
    { kind: 'respond', id: 3, status: 200, fields: [['a', 'b']], body: 'stream' },
    { kind: 'chunk', id: 3, body: Buffer.from('chunk') },
    { kind: 'end', id: 3, fields: [['t', 'x']] },
    { kind: 'fail', id: 4 },
    { kind: 'pass', id: 5, status: 0, edits: [] },
    { kind: 'pass', id: 6, status: 404, edits: [[1, 'server', '']] },
    {
      kind: 'inform',
      id: 7,
      status: 103,
      fields: [
        ['link', '</a>'],
        ['link', '</b>'],
      ],
    },
  ])
})

test('field names leave in lower case', () => {
  const [said] = encoded((answers) => answers.respond(1, 200, [['Content-TYPE', 'Text/Plain']], undefined))
  assert.equal(said?.fields, [['content-type', 'Text/Plain']])
})

test('an answer that cannot be sent leaves nothing behind, and its error names no value', () => {
  const secret = 'hunter2'
  const long = 'x'.repeat(100)
  const bad: HeaderInit[] = [
    [['x-a', `${secret}\r\nx-b: c`]],
    [['x-a', `${secret}\0`]],
    [['x-a', `${secret}\u007f`]],
    [['x-a', `${secret}\u0100`]],
    [['x-a', `${secret}${long}\n`]],
    [['x-a', `${secret}${long}\u20ac`]],
    { 'x-a': [`${secret}\n`] },
    // what plain JavaScript may give
    { 'x-a': 5 } as unknown as HeaderInit,
    [['x-a']] as unknown as HeaderInit,
    [['', 'x']],
    [['x a', 'x']],
    [['x\u0141', 'x']],
    [[':path', '/']],
  ]
  const answers = new Answers()
  answers.fail(1)
  for (const headers of bad) {
    for (const write of [
      () => answers.respond(2, 200, headers, 'body'),
      () => answers.respondStream(2, 200, headers),
      () => answers.end(2, headers),
      () => answers.pass(2, { kind: 'pass', headers }),
      () => answers.inform(2, 103, headers),
    ]) {
      assert.throws(write, (error: Error) => error instanceof TypeError && !error.message.includes(secret))
    }
  }
  const forward = { kind: 'forward' } as unknown as Forward
  for (const part of [
    { target: '/a b' },
    { target: '' },
    { method: 'GE T' },
    { authority: 'a\r\nb' },
    { authority: 'ä' },
  ]) {
    assert.throws(() => answers.forward(2, 1, { ...forward, ...part }, undefined), /cannot be sent/)
  }
  const edits: HeaderEdit[] = [
    { set: ['x-a', `${secret}\r\nx-b: c`] },
    { append: ['x-a', `${secret}\u20ac`] },
    { remove: 'x a' },
    { remove: '' },
    // what plain JavaScript may give
    {} as unknown as HeaderEdit,
  ]
  for (const edit of edits) {
    for (const part of ['edit', 'responseEdit']) {
      assert.throws(
        () => answers.forward(2, 1, { ...forward, [part]: [{ remove: 'x-b' }, edit] }, undefined),
        (error: Error) =>
          error instanceof TypeError && error.message.startsWith(part) && !error.message.includes(secret),
      )
    }
  }
  for (const maxBodyBytes of [-1, 1.5, Number.NaN, 2 ** 53]) {
    const write = () => answers.forward(2, 1, { ...forward, maxBodyBytes }, undefined)
    assert.throws(write, /maxBodyBytes is .*: must be 0 to 9007199254740991/)
  }
  for (const status of [199, 600, 1.5, Number.NaN]) {
    assert.throws(() => answers.respond(2, status, undefined, undefined), /status is .*: must be 200 to 599/)
  }
  assert.throws(() => answers.inform(2, 101, undefined), /status is 101: must be 102 to 199/)
  assert.throws(() => answers.collect(2, -1), /maxBytes is -1/)
  assert.throws(() => answers.reset(2, 'toString' as 'cancel'), /reason is toString/)
  assert.equal(readAnswers(answers.bytes.subarray(0, answers.length)), [{ kind: 'fail', id: 1 }])
})

test('a header that cannot be sent is named', () => {
  assert.throws(
    () => new Answers().respond(1, 200, [['x-a', '\n']], undefined),
    (error: Error) =>
      error.message === 'headers.x-a holds a character that cannot be sent: must be U+0020 to U+00FF or tab',
  )
})

test('answers of any size fit, and a buffer that has grown is let go', () => {
  const answers = new Answers()
  const pairs: Pair[] = Array.from({ length: 500 }, (_, index) => [`x-${index}`, 'v'.repeat(index)])
  const body = 'ä'.repeat(2_000_000)
  answers.respond(1, 200, pairs, body)
  const [said] = readAnswers(answers.bytes.subarray(0, answers.length))
  assert.equal(said?.fields, pairs)
  assert.ok(Buffer.from(body).equals(said?.body as Buffer))
  const grown = answers.bytes.length
  answers.clear()
  assert.ok(grown > 4_000_000 && answers.bytes.length < 1_000_000)
  assert.is(answers.length, 0)
})

test('a head stays as it was when the buffer is used again', () => {
  const batch = new Batch(4096)
  const heads: RequestHead[] = []
  // only heads come
  const receiver = { head: (head: RequestHead) => void heads.push(head) } as unknown as Receiver
  for (const target of ['/first', '/second']) {
    const message = engine.head(1, { target, fields: [['x-target', target]] })
    message.copy(batch.bytes)
    batch.fill(message.length)
    batch.next(receiver)
  }
  assert.equal(
    heads.map((head) => [head.target, head.header('x-target'), head.remoteAddress]),
    [
      ['/first', '/first', plainHead.remoteAddress],
      ['/second', '/second', plainHead.remoteAddress],
    ],
  )
})

test.run()
