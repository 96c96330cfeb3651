// What JavaScript does with what the engine says: the turn loop, decisions, streams and signals.
import { Buffer } from 'node:buffer'
import * as assert from 'uvu/assert'
import type { Decision, Forward, Respond } from '../../quic/decision.ts'
import type { EngineEvent } from '../../quic/event.ts'
import type { RequestHead } from '../../quic/head.ts'
import type { ExchangeRecord } from '../../quic/record.ts'
import { until } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'
import { serving } from './fake.ts'
import { engine as wire } from './wire.ts'
import type { Said } from './wire.ts'

const test = suite('the pump')
const ok: Respond = { kind: 'respond', status: 200 }

/** The answers to an exchange, once there are as many. */
async function answers(native: { said: Said[] }, id: number, count = 1): Promise<Said[]> {
  const of = () => native.said.filter((said) => said.id === id)
  await until(2000, `${count} answers to ${id}`, () => of().length >= count)
  return of()
}

/** Lets everything that is under way in this thread happen. */
async function settled(): Promise<void> {
  for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve))
}

function events(): { list: EngineEvent[]; onEvent: (event: EngineEvent) => void } {
  const list: EngineEvent[] = []
  return { list, onEvent: (event) => void list.push(event) }
}

/** A policy that throws. */
const failing = (head: RequestHead): Decision | Promise<Decision> => {
  if (head.target === '/sync') throw new Error('secret')
  return Promise.reject(new Error('secret'))
}

/** A stream that breaks after its first chunk. */
async function* failingBody(id: number) {
  yield 'a'
  if (id === 1) throw new Error('source')
  yield 5 as unknown as string
}

/** A promise and what settles it. */
function later<T>() {
  return Promise.withResolvers<T>()
}

test('a request is decided and its answer delivered until the engine has nothing more', async () => {
  const seen: string[] = []
  const { engine, native } = await serving((head) => {
    seen.push(head.target)
    return { kind: 'respond', status: 201, headers: { 'x-a': 'b' }, body: `to ${head.target}` }
  })
  native.tell(wire.head(1, { target: '/one' }), wire.head(2, { target: '/two' }))
  const [said] = await answers(native, 2)
  assert.equal(said, { kind: 'respond', id: 2, status: 201, fields: [['x-a', 'b']], body: Buffer.from('to /two') })
  assert.equal(seen, ['/one', '/two'])
  assert.ok(native.idle)
  await engine.stop()
})

test('answers to one batch leave in a few turns', async () => {
  const { engine, native } = await serving(() => ok)
  native.tell(...Array.from({ length: 50 }, (_, index) => wire.head(index + 1)))
  await answers(native, 50)
  // two on a quiet machine; a slow one yields now and then, never more often than every eighth message
  assert.ok(native.turns <= 10, `${native.turns} turns`)
  await engine.stop()
})

test('answers that come later leave together, after the promises of their tick', async () => {
  const gate = later<void>()
  const { engine, native } = await serving(async () => {
    await gate.promise
    return ok
  })
  native.tell(...Array.from({ length: 50 }, (_, index) => wire.head(index + 1)))
  await until(2000, 'the heads are taken', () => native.idle && native.waiting === 0)
  const before = native.turns
  gate.resolve()
  await answers(native, 50)
  assert.is(native.turns - before, 1)
  await engine.stop()
})

test('a long queue does not keep the event loop from its turn', async () => {
  let decided = 0
  const { engine, native } = await serving(() => {
    decided += 1
    return ok
  })
  const heads = Array.from({ length: 3000 }, (_, index) => wire.head(index + 1))
  const steps: number[] = []
  let watching = true
  const watch = () => {
    steps.push(decided)
    if (watching) setImmediate(watch)
  }
  native.tell(...heads)
  setImmediate(watch)
  await answers(native, 3000)
  watching = false
  const jumps = steps.map((count, index) => count - (steps[index - 1] ?? 0))
  assert.ok(Math.max(...jumps) <= 256, `${Math.max(...jumps)} at once`)
  await engine.stop()
})

test('a slow policy gives the event loop its turn sooner, and its answers do not wait for the whole batch', async () => {
  const { engine, native } = await serving(() => {
    const end = performance.now() + 2
    while (performance.now() < end);
    return ok
  })
  let afterFirst = -1
  native.onSaid = () => {
    if (afterFirst < 0) afterFirst = native.said.length
  }
  const heads = Array.from({ length: 60 }, (_, index) => wire.head(index + 1))
  native.tell(...heads)
  await until(2000, 'a first answer', () => native.said.length > 0)
  assert.ok(native.said.length < 60, `${native.said.length} answers came at once`)
  await answers(native, 60)
  await engine.stop()
})

test('a message larger than the buffer is fetched with a larger one', async () => {
  let size = 0
  const { engine, native } = await serving(() => ({
    kind: 'collect',
    maxBytes: 10_000_000,
    onBody: (body) => {
      size = body.length
      return ok
    },
  }))
  native.tell(wire.head(1))
  await answers(native, 1)
  native.tell(wire.collected(1, Buffer.alloc(3_000_000, 1)))
  await answers(native, 1, 2)
  assert.is(size, 3_000_000)
  await engine.stop()
})

test('a malformed batch stops the loop with an error instead of a guess', async () => {
  const { engine, native } = await serving(() => ok)
  const caught = later<unknown>()
  process.once('uncaughtException', caught.resolve)
  native.tell(wire.unknown(77))
  assert.match(String(await caught.promise), /malformed batch: a message is of unknown kind 77/)
  const turns = native.turns
  native.tell(wire.head(1))
  await settled()
  assert.is(native.turns, turns)
  await engine.stop()
})

test('a policy that throws, at once or later, gives a bare 500 and an event, and its text stays here', async () => {
  const { list, onEvent } = events()
  const { engine, native } = await serving(failing, { onEvent })
  native.tell(wire.head(1, { target: '/sync' }), wire.head(2, { target: '/async' }))
  for (const id of [1, 2]) {
    const [said] = await answers(native, id)
    assert.equal(said, { kind: 'respond', id, status: 500, fields: [], body: undefined })
  }
  assert.equal(
    list.map((event) => [event.type, event['exchange'], event['stage'], String(event['error'])]),
    [
      ['decide-failed', 1, 'decide', 'Error: secret'],
      ['decide-failed', 2, 'decide', 'Error: secret'],
    ],
  )
  await engine.stop()
})

test('an answer that cannot be sent counts as a policy that failed', async () => {
  const { list, onEvent } = events()
  const wrong: unknown[] = [
    undefined,
    null,
    'respond',
    { kind: 'pass' },
    { kind: 'teapot' },
    { kind: 'respond', status: 99 },
    { kind: 'respond', status: 200, body: 5 },
    { kind: 'respond', status: 200, headers: { 'x-a': '\n' } },
    { kind: 'forward' },
    { kind: 'collect', maxBytes: 1 },
  ]
  const { engine, native } = await serving((head) => wrong[head.id - 1] as Decision, { onEvent })
  native.tell(...wrong.map((_, index) => wire.head(index + 1)))
  await answers(native, wrong.length)
  assert.equal(
    native.said.map((said) => said.status),
    wrong.map(() => 500),
  )
  assert.is(list.length, wrong.length)
  assert.ok(list.every((event) => event['error'] instanceof TypeError))
  await engine.stop()
})

test('an upstream of another engine is refused', async () => {
  const { list, onEvent } = events()
  const other = await serving(() => ok)
  const foreign = other.engine.upstream({ origin: 'http://127.0.0.1:1' })
  const { engine, native } = await serving(() => ({ kind: 'forward', upstream: foreign }), { onEvent })
  native.tell(wire.head(1))
  await answers(native, 1)
  assert.match(String(list[0]?.['error']), /upstream is of another engine/)
  await Promise.all([engine.stop(), other.engine.stop()])
})

test('gathered content is what a forward without a body sends on', async () => {
  const next: { decision?: Forward } = {}
  const { engine, native } = await serving(() => ({
    kind: 'collect',
    maxBytes: 100,
    // set below, before a request comes
    onBody: async (body, trailers) => {
      assert.equal([String(Buffer.from(body)), trailers], ['content', [['t', 'x']]])
      return next.decision as Forward
    },
  }))
  next.decision = { kind: 'forward', upstream: engine.upstream({ origin: 'http://127.0.0.1:1' }) }
  native.tell(wire.head(1))
  await answers(native, 1)
  native.tell(wire.collected(1, 'content', [['t', 'x']]))
  const [, said] = await answers(native, 1, 2)
  assert.equal([said?.kind, said?.body], ['forward', Buffer.from('content')])
  await engine.stop()
})

test('hooks see the response or the failure, and their answers are carried out', async () => {
  const { list, onEvent } = events()
  const next: { decision?: Decision } = {}
  const { engine, native } = await serving(() => next.decision as Decision, { onEvent })
  const upstream = engine.upstream({ origin: 'http://127.0.0.1:1' })
  next.decision = {
    kind: 'forward',
    upstream,
    onResponse: (response) => {
      if (response.status === 200) return undefined
      if (response.status === 500) throw new Error('hook')
      return { kind: 'pass', status: 404, edit: [{ set: ['x-was', String(response.status)] }] }
    },
    onFailure: async (failure) => {
      assert.equal(
        [failure.code, failure.fault, failure.retry, failure.status],
        ['connect/refused', 'upstream', true, 502],
      )
      return failure.replayable ? { kind: 'forward', upstream } : { kind: 'respond', status: failure.status }
    },
  }
  native.tell(...[1, 2, 3, 4, 5].map((id) => wire.head(id)))
  await answers(native, 5)
  native.tell(
    wire.response(1, 200),
    wire.response(2, 302),
    wire.response(3, 500),
    wire.failure(4, 'connect/refused', true),
    wire.failure(5, 'connect/refused', false),
  )
  const second = async (id: number) => (await answers(native, id, 2))[1]
  assert.equal(await second(1), { kind: 'pass', id: 1, status: 0, edits: [] })
  assert.equal(await second(2), { kind: 'pass', id: 2, status: 404, edits: [[2, 'x-was', '302']] })
  assert.equal((await second(3))?.status, 500)
  assert.equal([(await second(4))?.kind, (await second(4))?.flags], ['forward', 0])
  assert.equal((await second(5))?.status, 502)
  assert.equal(
    list.map((event) => [event.type, event['stage']]),
    [['decide-failed', 'response']],
  )
  await engine.stop()
})

test('a streamed answer never sends more than the client allows, and pulls no further than one chunk', async () => {
  let pulled = 0
  async function* body() {
    for (const chunk of ['aaaa', 'bbbbbbbb', new Uint8Array(), 'cc']) {
      pulled += 1
      yield chunk
    }
  }
  const { engine, native } = await serving(() => ({ ...ok, body: body(), trailers: () => ({ 'x-sum': '14' }) }))
  native.tell(wire.head(1))
  await answers(native, 1)
  await settled()
  assert.is(pulled, 0)
  const sent = () =>
    native.said
      .filter((said) => said.kind === 'chunk')
      .map((said) => String(said.body))
      .join('')
  native.tell(wire.want(1, 3))
  await until(2000, 'three bytes', () => sent() === 'aaa')
  await settled()
  assert.equal([sent(), pulled], ['aaa', 1])
  native.tell(wire.want(1, 6))
  await until(2000, 'six more', () => sent() === 'aaaabbbbb')
  await settled()
  assert.equal([sent(), pulled], ['aaaabbbbb', 2])
  native.tell(wire.want(1, 100))
  const said = await answers(native, 1, 7)
  assert.is(sent(), 'aaaabbbbbbbbcc')
  assert.equal(said.at(-1), { kind: 'end', id: 1, fields: [['x-sum', '14']] })
  await engine.stop()
})

test('a stream that throws, or gives what is no content, ends as a failure', async () => {
  const { list, onEvent } = events()
  const { engine, native } = await serving((head) => ({ ...ok, body: failingBody(head.id) }), { onEvent })
  native.tell(wire.head(1), wire.head(2), wire.want(1, 100), wire.want(2, 100))
  for (const id of [1, 2]) {
    const said = await answers(native, id, 3)
    assert.equal(
      said.map(({ kind }) => kind),
      ['respond', 'chunk', 'fail'],
    )
  }
  assert.equal(
    list.map((event) => [event.type, event['stage']]),
    [
      ['decide-failed', 'source'],
      ['decide-failed', 'source'],
    ],
  )
  await engine.stop()
})

test('a client that leaves ends its stream, and nothing more is sent', async () => {
  const { list, onEvent } = events()
  let cleaned = false
  async function* body() {
    try {
      for (;;) yield 'tick'
    } finally {
      cleaned = true
    }
  }
  const { engine, native } = await serving(() => ({ ...ok, body: body() }), { onEvent })
  native.tell(wire.head(1), wire.want(1, 8))
  await answers(native, 1, 3)
  native.tell(wire.gone(1))
  await until(2000, 'the stream is cleaned up', () => cleaned)
  native.tell(wire.want(1, 100))
  await settled()
  assert.equal([native.said.length, list.length], [3, 0])
  await engine.stop()
})

test('a stream decided on after the client left is told to clean up', async () => {
  const gate = later<Decision>()
  const { engine, native } = await serving(() => gate.promise)
  let returned = false
  const body: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: true, value: undefined }),
      return: async () => {
        returned = true
        return { done: true, value: undefined }
      },
    }),
  }
  native.tell(wire.head(1), wire.gone(1))
  await until(2000, 'the messages are read', () => native.idle && native.waiting === 0)
  gate.resolve({ ...ok, body })
  await until(2000, 'the stream is cleaned up', () => returned)
  assert.is(native.said.length, 0)
  await engine.stop()
})

test('the signal is aborted when the client leaves, with the code as its reason', async () => {
  const { list, onEvent } = events()
  const reasons: unknown[] = []
  const { engine, native } = await serving(
    async (head) => {
      // one looks before the client leaves, the other after
      if (head.id === 2) await until(2000, 'the first was told', () => reasons.length > 0)
      await new Promise((_resolve, reject) => {
        const stop = () => {
          const reason = head.signal.reason as Error
          reasons.push(reason)
          reject(reason)
        }
        if (head.signal.aborted) stop()
        else head.signal.addEventListener('abort', stop)
      })
      return ok
    },
    { onEvent },
  )
  native.tell(wire.head(1), wire.head(2), wire.gone(1), wire.gone(2, 'timeout/decision'))
  await until(2000, 'both were told', () => reasons.length === 2)
  await settled()
  assert.equal(
    reasons.map((reason) => (reason as { code: string }).code),
    ['client/cancelled', 'timeout/decision'],
  )
  // leaving because the client left is no failure, and nobody is there to be answered
  assert.equal([list.length, native.said.length], [0, 0])
  await engine.stop()
})

test('interim responses leave before the answer and are ignored after it', async () => {
  let kept: RequestHead | undefined
  const { engine, native } = await serving((head) => {
    kept = head
    head.inform(103, { link: '</style.css>' })
    assert.throws(() => head.inform(200), /status is 200/)
    return ok
  })
  native.tell(wire.head(1))
  const said = await answers(native, 1, 2)
  assert.equal(
    said.map(({ kind, status }) => [kind, status]),
    [
      ['inform', 103],
      ['respond', 200],
    ],
  )
  kept?.inform(103)
  await settled()
  assert.is(native.said.length, 2)
  await engine.stop()
})

test('an exchange is remembered only while the policy owes something', async () => {
  const gate = later<Decision>()
  const owed: number[] = []
  const { engine, native } = await serving((head) => (head.id === 1 ? gate.promise : ok))
  const count = () => engine.stats().counts['owedByPolicy'] ?? -1
  native.tell(wire.head(1), wire.head(2))
  await answers(native, 2)
  owed.push(count())
  gate.resolve({
    kind: 'forward',
    upstream: engine.upstream({ origin: 'http://127.0.0.1:1' }),
    onFailure: () => ok,
  })
  await answers(native, 1)
  owed.push(count())
  // it went well: no hook was asked
  native.tell(wire.record(1))
  await until(2000, 'the record is read', () => native.waiting === 0 && native.idle)
  owed.push(count())
  assert.equal(owed, [1, 1, 0])
  await engine.stop()
})

test('requests that come before listen has returned wait for it', async () => {
  const { engine, native } = await serving(() => ok)
  native.holdListen = true
  const second = engine.listen({ address: '127.0.0.1', port: 0, tcp: {} }, () => ({ kind: 'respond', status: 202 }))
  native.tell(wire.head(1, { listener: 2 }), wire.head(2, { listener: 2 }), wire.gone(2), wire.head(3))
  await answers(native, 3)
  assert.is(native.said.length, 1)
  native.releaseListen()
  await second
  assert.is((await answers(native, 1))[0]?.status, 202)
  await settled()
  assert.is(native.said.length, 2)
  await engine.stop()
})

test('requests of a listener that never came up, or is drained, are answered 503', async () => {
  const { engine, native, listener } = await serving(() => ok)
  native.holdListen = true
  const second = engine.listen({ address: '127.0.0.1', port: 0, tcp: {} }, () => ok)
  native.tell(wire.head(1, { listener: 2 }))
  await until(2000, 'the message is read', () => native.waiting === 0 && native.idle)
  native.releaseListen(new Error('connect/refused: address in use'))
  await second.then(
    () => assert.unreachable(),
    (error: unknown) =>
      assert.equal(
        [(error as { code: string }).code, (error as { detail: string }).detail],
        ['connect/refused', 'address in use'],
      ),
  )
  assert.is((await answers(native, 1))[0]?.status, 503)
  assert.equal(await listener.drain({ graceMs: 5 }), { finished: 5, cut: 0 })
  native.tell(wire.head(3))
  assert.is((await answers(native, 3))[0]?.status, 503)
  await engine.stop()
})

test('records come in batches, and an observer that throws is an event', async () => {
  const { list, onEvent } = events()
  const batches: (readonly ExchangeRecord[])[] = []
  const onRecord = (batch: readonly ExchangeRecord[]) => {
    batches.push(batch)
    throw new Error('observer')
  }
  const { engine, native } = await serving(() => ok, { onRecord, onEvent })
  native.tell(wire.record(1), wire.record(2, 'upstream/reset'), wire.event('{"type":"records-dropped","count":4}'))
  await until(2000, 'the records', () => batches.length > 0)
  assert.equal(
    batches.map((batch) => batch.map(({ id, code }) => [id, code])),
    [
      [
        [1, undefined],
        [2, 'upstream/reset'],
      ],
    ],
  )
  assert.equal(
    list.map(({ type }) => type),
    ['records-dropped', 'observer-failed'],
  )
  await engine.stop()
})

test('stopping delivers the last records, however many', async () => {
  let records = 0
  const { engine, native } = await serving(() => ok, { onRecord: (batch) => void (records += batch.length) })
  // the engine no longer wakes anybody
  native.tell(...Array.from({ length: 2000 }, (_, index) => wire.record(index + 1)))
  assert.equal(await engine.stop(), { cut: 0 })
  assert.equal([records, native.waiting, native.idle], [2000, 0, true])
})

test('stopping ends what is owed and takes no more turns', async () => {
  const aborted: boolean[] = []
  const { engine, native } = await serving(
    (head) =>
      new Promise((resolve) => {
        head.signal.addEventListener('abort', () => {
          aborted.push(true)
          resolve(ok)
        })
      }),
  )
  native.tell(wire.head(1))
  await until(2000, 'the head is read', () => native.waiting === 0 && native.idle)
  await Promise.all([engine.stop(), engine.stop()])
  assert.equal([aborted, native.stopped], [[true], true])
  const turns = native.turns
  native.tell(wire.head(2))
  await settled()
  assert.is(native.turns, turns)
})

test.run()
