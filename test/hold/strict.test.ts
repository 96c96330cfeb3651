// Strict in: what is ambiguous in its framing is refused, and an origin never sees two requests for one.
// deadline: 240 s
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { Engine, Listener, Protocol } from '../../quic/index.ts'
import { needsPeers } from '../peers/find.ts'
import { until, within } from '../support/deadline.ts'
import { frameKinds, headers, settingsAck } from '../support/frames.ts'
import { sendHttp3 } from '../support/raw3.ts'
import { startRecorder } from '../support/recorder.ts'
import type { Recorder } from '../support/recorder.ts'
import { listenFor, portOf, watchedEngine } from '../support/rig.ts'
import { suite } from '../support/suite.ts'
import { vectors as overHttp1 } from '../support/vectors/h1.ts'
import { vectors as overHttp2 } from '../support/vectors/h2.ts'
import { vectors as overHttp3 } from '../support/vectors/h3.ts'
import { connect, connectHttp2, outcome, statuses } from '../support/wire.ts'

const test = suite('strict in')

let engine: Engine

test.before(async () => {
  engine = (await watchedEngine()).engine
})
test.after(async () => {
  await engine.stop({ graceMs: 0 })
})

/** A listener in front of an origin that records. */
async function gateway(from: Protocol): Promise<{ origin: Recorder; listener: Listener; port: number }> {
  const origin = await startRecorder()
  const upstream = engine.upstream({ origin: origin.url })
  const forward = (head: { authority: string }) => ({ kind: 'forward', upstream, authority: head.authority }) as const
  const listener =
    from === 'h2'
      ? await engine.listen({ address: '127.0.0.1', port: 0, tcp: { protocols: ['h2'] } }, forward)
      : await listenFor(engine, from, forward)
  return { origin, listener, port: portOf(listener, from) }
}

async function withGateway(from: Protocol, body: (origin: Recorder, port: number) => Promise<void>): Promise<void> {
  const { origin, listener, port } = await gateway(from)
  try {
    await body(origin, port)
  } finally {
    await listener.drain({ graceMs: 0 })
    await origin.close()
  }
}

/** Whatever was sent, the origin got nothing that is no HTTP, and nothing that was smuggled in as a head. */
function unambiguous(origin: Recorder): void {
  assert.equal(origin.faults, [])
  for (const one of origin.seen) {
    assert.not.match(one.target, /smuggled/)
    assert.not.ok(
      one.headers.some(([name]) => /smuggled/i.test(name)),
      JSON.stringify(one),
    )
  }
}

/** What is complete at the origin; a request that was cut has shown that by now, or shows it in time. */
const complete = (origin: Recorder): string[] => origin.seen.filter((one) => one.complete).map((one) => one.target)

for (const vector of overHttp1) {
  test(`HTTP/1.1: ${vector.name} (${vector.rfc})`, async () =>
    withGateway('h1', async (origin, port) => {
      const wire = await connect(port)
      wire.write(vector.send)
      const expected = vector.answers.length
      await until(10_000, 'the answers', () => statuses(wire.text()).length >= expected || wire.closed())
      // All that the client will say: what stands in the way of another answer is gone.
      wire.end()
      await until(10_000, 'the end of the connection', () => wire.closed())
      const got = statuses(wire.text())
      if (vector.origin.length > 0) assert.equal(got, vector.answers, wire.text())
      else assert.ok(got.length === 1 && vector.answers.includes(got[0] ?? 0), JSON.stringify(wire.text()))
      assert.equal(complete(origin), vector.origin)
      assert.equal(origin.seen.length, Math.max(vector.origin.length, origin.seen.length === 1 ? 1 : 0))
      if (vector.body !== undefined) assert.is(origin.seen[0]?.body, vector.body)
      if (vector.never !== undefined) assert.not.match(origin.bytes(), vector.never)
      unambiguous(origin)
    }))
}

for (const vector of overHttp2) {
  test(`HTTP/2: ${vector.name} (${vector.rfc})`, async () =>
    withGateway('h2', async (origin, port) => {
      const wire = await connectHttp2(port)
      wire.write(Buffer.concat([settingsAck, vector.send]))
      const got = await until(10_000, 'an outcome', () => outcome(wire.frames(), 1) ?? (wire.closed() && 'closed'))
      assert.ok(vector.expect.includes(got), got)
      assert.is(complete(origin).length, vector.origin)
      assert.ok(origin.seen.length <= 1)
      unambiguous(origin)
      if (!got.startsWith('goaway')) {
        // The fault was the request's alone: the connection serves the next one.
        const next = [
          [':method', 'GET'],
          [':scheme', 'http'],
          [':authority', 'a'],
          [':path', '/next'],
        ] as const
        wire.write(headers(3, next, 1))
        assert.is(await until(10_000, 'the next answer', () => outcome(wire.frames(), 3)), '200')
        assert.equal(
          complete(origin).filter((target) => target !== '/one'),
          ['/next'],
        )
        unambiguous(origin)
      }
      assert.ok(wire.frames().some((frame) => frame.kind === frameKinds.settings))
      wire.destroy()
    }))
}

// One process sends them all; each test looks at its own, at an origin of its own path.
const skip = needsPeers('aioquic', 'openssl')
let results: Promise<{ got: string[]; origin: Recorder }> | undefined

function overQuic(): Promise<{ got: string[]; origin: Recorder }> {
  results ??= (async () => {
    const { origin, listener, port } = await gateway('h3')
    const cases = overHttp3.map((vector, index) =>
      vector.send.map((step) =>
        step[0] === 'headers' ? (['headers', [...step[1], ['vector', String(index)]], step[2]] as const) : step,
      ),
    )
    const got = await within(50_000, 'aioquic', sendHttp3(port, cases))
    await listener.drain({ graceMs: 0 })
    await origin.close()
    return { got, origin }
  })()
  return results
}

for (const [index, vector] of overHttp3.entries()) {
  test(
    `HTTP/3: ${vector.name} (${vector.rfc})`,
    async () => {
      const { got, origin } = await overQuic()
      assert.ok(vector.expect.includes(got[index]?.replace(/ stop .*/, '') ?? ''), got[index])
      const mine = origin.seen.filter((one) =>
        one.headers.some(([name, value]) => name.toLowerCase() === 'vector' && value === String(index)),
      )
      assert.is(mine.filter((one) => one.complete).length, vector.origin)
      assert.ok(mine.length <= 1)
      unambiguous(origin)
    },
    { skip },
  )
}

// --- anything at all ---

const token = fc.constantFrom('x', 'accept', 'content-type', 'expect', 'te', 'connection', 'upgrade', 'trailer')
const value = fc.constantFrom('a', '', '100-continue', 'trailers', 'close', 'keep-alive', 'websocket', 'x', '1, 2')
const content = fc.constantFrom('', 'hello', 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n', '0\r\n\r\n')

/** A request that is well formed, whatever its fields mean. */
const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'HEAD', 'OPTIONS'),
    target: fc.constantFrom('/', '/one?two', 'http://a/'),
    fields: fc.array(fc.tuple(token, value), { maxLength: 3 }),
    body: content,
    chunked: fc.boolean(),
  })
  .map(({ method, target, fields, body, chunked }) => {
    const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
    const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`
    const lines = ['Host: a', ...fields.map(([name, text]) => `${name}: ${text}`), framing]
    return `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${chunked ? `${chunk}0\r\n\r\n` : body}`
  })

const marks = [
  ...Array.from('\r\n\0 \t:,;05f\xff\x0b'),
  '',
  '\r\n',
  '\r\n ',
  'chunked',
  'HTTP/1.0',
  '0\r\n\r\n',
  'Host: b\r\n',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
]
type Mutation = { at: number; remove: number; insert: string }
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(10_000),
  remove: fc.nat(3),
  insert: fc.constantFrom(...marks),
})

const mutated = fc
  .tuple(fc.array(request, { minLength: 1, maxLength: 3 }), fc.array(mutation, { maxLength: 3 }))
  .map(([requests, mutations]) =>
    mutations.reduce((text, { at, remove, insert }) => {
      const place = at % (text.length + 1)
      return text.slice(0, place) + insert + text.slice(place + remove)
    }, requests.join('')),
  )

test(
  'whatever comes over HTTP/1.1, in whatever segments, an origin sees no more requests than were forwarded',
  async () => {
    const watched = await watchedEngine()
    const origin = await startRecorder()
    const upstream = watched.engine.upstream({ origin: origin.url })
    // A method is any token; Node's parser, which judges at the origin, knows some alone.
    const known = new Set(['GET', 'POST', 'HEAD', 'OPTIONS'])
    const listener = await listenFor(watched.engine, 'h1', ({ method }) =>
      known.has(method) ? { kind: 'forward', upstream, authority: 'a' } : { kind: 'respond', status: 501 },
    )
    const seed = Date.now() & 0x7fff_ffff
    try {
      await fc.assert(
        fc.asyncProperty(mutated, fc.array(fc.nat(400), { maxLength: 4 }), async (text, cuts) => {
          const began = { seen: origin.seen.length, records: watched.records.length }
          const wire = await connect(listener.port)
          let from = 0
          for (const to of [...cuts.toSorted((a, b) => a - b), text.length]) {
            wire.write(text.slice(from, Math.max(from, to)))
            from = Math.max(from, to)
            // A turn of the loop between two segments.
            await new Promise((resolve) => setImmediate(resolve))
          }
          // A client that ends its direction has left, and its request is cancelled: only what is stuck is ended so.
          let [length, since] = [-1, 0]
          await until(10_000, 'a rest', () => {
            if (wire.bytes().length !== length) [length, since] = [wire.bytes().length, performance.now()]
            return wire.closed() || performance.now() - since > 15
          })
          wire.end()
          await until(10_000, 'the end of the connection', () => wire.closed())
          await until(10_000, 'the records', () => {
            const { exchanges, openExchanges } = watched.engine.stats().counts
            return openExchanges === 0 && watched.records.length >= Number(exchanges)
          })
          const attempts = watched.records.slice(began.records).reduce((sum, record) => sum + record.attempts, 0)
          assert.ok(origin.seen.length - began.seen <= attempts, `${origin.seen.length - began.seen} > ${attempts}`)
          assert.is(origin.faults.splice(0).join(), '')
        }),
        { numRuns: 400, seed, includeErrorInReport: true },
      )
    } finally {
      console.log(`seed ${seed}, ${origin.seen.length} requests at the origin`)
      await watched.engine.stop({ graceMs: 0 })
      await origin.close()
    }
  },
  { withinMs: 120_000 },
)

test.run()
