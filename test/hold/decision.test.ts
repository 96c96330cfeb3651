// Decisions: what a policy answers is carried out in the same way for clients of every protocol.
// deadline: 180 s
import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import type { Decide, Decision, Failure, RequestHead, ResetReason, ResponseHead, Upstream } from '../../quic/index.ts'
import { protocols, startOrigin, toOrigin, withRig } from '../support/rig.ts'
import type { Handler, Reply, Rig, RigOptions } from '../support/rig.ts'
import { until, within } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('decisions')

async function read(request: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

type Seen = { method: string; url: string; headers: Record<string, string>; raw: string[]; body: string }

/** Answers with what it saw. */
const mirror: Handler = (request, response) => {
  void read(request).then((body) => {
    const { method, url, headers, rawHeaders: raw } = request
    response.setHeader('x-origin', 'first')
    response.end(JSON.stringify({ method, url, headers, raw, body: String(body) }))
  })
}

async function seen(reply: Reply): Promise<Seen> {
  return JSON.parse(String(await reply.bytes())) as Seen
}

/** The gateway's answer to one question. */
function deciding(
  from: RigOptions['from'],
  decide: (upstream: Upstream) => Decide,
  body: (rig: Rig) => Promise<void>,
  more: Partial<RigOptions> = {},
): Promise<void> {
  return withRig({ from, to: 'h1', handler: mirror, decide, ...more }, body)
}

const responding = (from: RigOptions['from'], decision: Decision, body: (rig: Rig) => Promise<void>): Promise<void> =>
  deciding(from, () => () => decision, body)

/** A body that stays open until it is told. */
function upload(): Readable {
  return new Readable({ read() {} })
}

for (const from of protocols) {
  // --- respond ---

  test(`respond sends text and bytes with their length and one date, ${from}`, async () => {
    for (const [body, length] of [
      ['gr\u00fc\u00dfe', 7],
      [Buffer.from([0, 255, 1]), 3],
      [undefined, 0],
    ] as const) {
      const decision = { kind: 'respond', status: 201, headers: { 'x-a': ['1', '2'] }, body } as const
      await responding(from, decision, async ({ client, record }) => {
        const reply = await client.send({})
        assert.is(reply.status, 201)
        assert.is(reply.headers['content-length'], String(length))
        assert.is(reply.headers['x-a'], '1, 2')
        assert.is(reply.rawHeaders.filter(([name]) => name.toLowerCase() === 'date').length, 1)
        assert.ok((await reply.bytes()).equals(Buffer.from(body ?? '')))
        const { code, status, bytesOut } = await record()
        assert.equal([code, status, bytesOut], [undefined, 201, length])
      })
    }
  })

  test(`respond keeps a date that it is given, ${from}`, async () => {
    const date = 'Tue, 15 Nov 1994 08:12:31 GMT'
    await responding(from, { kind: 'respond', status: 200, headers: { date } }, async ({ client }) => {
      assert.equal(
        (await client.send({})).rawHeaders.filter(([name]) => name.toLowerCase() === 'date').map(([, value]) => value),
        [date],
      )
    })
  })

  test(`respond has no content where there may be none, and the connection stays good, ${from}`, async () => {
    const decide = () => (head: RequestHead) => ({
      kind: 'respond' as const,
      status: Number(head.target.slice(1)),
      body: 'content',
    })
    await deciding(from, decide, async ({ client }) => {
      for (const [method, path, length] of [
        ['HEAD', '/200', '7'],
        ['GET', '/204', undefined],
        ['GET', '/304', '7'],
        ['HEAD', '/404', '7'],
      ] as const) {
        const reply = await client.send({ method, path })
        assert.is(reply.status, Number(path.slice(1)))
        assert.is(reply.headers['content-length'], length, `${method} ${path}`)
        assert.is((await reply.bytes()).length, 0)
      }
      assert.is(String(await (await client.send({ path: '/200' })).bytes()), 'content')
    })
  })

  test(`server-sent events arrive one by one while the stream is open, ${from}`, async () => {
    let next = (): void => {}
    async function* events(): AsyncGenerator<string> {
      for (let count = 1; count <= 3; count++) {
        yield `data: ${count}\n\n`
        await new Promise<void>((resolve) => (next = resolve))
      }
    }
    const headers = { 'content-type': 'text/event-stream' }
    await responding(from, { kind: 'respond', status: 200, headers, body: events() }, async ({ client }) => {
      const reply = await client.send({})
      assert.is(reply.headers['content-type'], 'text/event-stream')
      assert.is(reply.headers['content-length'], undefined)
      let received = ''
      reply.body.on('data', (chunk: Buffer) => (received += String(chunk)))
      const ended = new Promise((resolve) => reply.body.on('end', resolve))
      let wanted = ''
      for (let count = 1; count <= 3; count++) {
        wanted += `data: ${count}\n\n`
        // the stream goes on only after this one was seen
        await until(5_000, `event ${count}`, () => received === wanted)
        next()
      }
      await within(5_000, 'the end', ended)
    })
  })

  test(`trailers follow a streamed answer, and text, ${from}`, async () => {
    let sum = 0
    async function* content(): AsyncGenerator<Uint8Array> {
      for (const size of [1, 100_000, 300_000]) {
        sum += size
        yield Buffer.alloc(size)
      }
    }
    const stream = {
      kind: 'respond',
      status: 200,
      body: content(),
      trailers: () => ({ 'x-sum': String(sum) }),
    } as const
    await responding(from, stream, async ({ client }) => {
      const reply = await client.send({ headers: { te: 'trailers' } })
      assert.is((await reply.bytes()).length, 400_001)
      assert.is(reply.trailers()['x-sum'], '400001')
    })
    const text = { kind: 'respond', status: 200, body: 'text', trailers: () => ({ 'x-sum': '4' }) } as const
    await responding(from, text, async ({ client }) => {
      const reply = await client.send({ headers: { te: 'trailers' } })
      assert.is(String(await reply.bytes()), 'text')
      assert.is(reply.trailers()['x-sum'], '4')
    })
  })

  test(`a stream that throws cuts the answer so that the client sees it, ${from}`, async () => {
    async function* content(): AsyncGenerator<string> {
      yield 'some'
      throw new Error('out of content')
    }
    await responding(from, { kind: 'respond', status: 200, body: content() }, async ({ client, record, events }) => {
      await isCut(client.send({}))
      assert.is((await record()).code, 'stream/source')
      const failed = events.find(({ type }) => type === 'decide-failed')
      assert.is(failed?.['stage'], 'source')
    })
  })

  test(`a stream whose length is not the declared one is not taken for whole, ${from}`, async () => {
    async function* content(): AsyncGenerator<string> {
      yield 'some'
    }
    const headers = { 'content-length': '10' }
    await responding(from, { kind: 'respond', status: 200, headers, body: content() }, async ({ client, record }) => {
      await isCut(client.send({}))
      assert.is.not((await record()).code, undefined)
    })
  })

  // --- forward ---

  test(`edits of a request apply in order, ${from}`, async () => {
    const decide = (upstream: Upstream) => (head: RequestHead) => ({
      kind: 'forward' as const,
      upstream,
      authority: head.authority,
      edit: [
        { remove: 'X-Gone' },
        { set: ['X-Set', 'a'] as const },
        { append: ['x-set', 'b'] as const },
        { append: ['x-many', '3'] as const },
        { set: ['x-late', 'never'] as const },
        { remove: 'x-late' },
      ],
    })
    await deciding(from, decide, async ({ client }) => {
      const headers = { 'x-gone': 'x', 'x-set': 'old', 'x-many': ['1', '2'], 'x-late': 'x' }
      const { headers: arrived } = await seen(await client.send({ headers }))
      assert.is(arrived['x-gone'], undefined)
      assert.is(arrived['x-set'], 'a, b')
      assert.is(arrived['x-many'], '1, 2, 3')
      assert.is(arrived['x-late'], undefined)
    })
  })

  test(`method, target, authority, all fields and the content can be replaced, ${from}`, async () => {
    const decide = (upstream: Upstream) => () => ({
      kind: 'forward' as const,
      upstream,
      method: 'PUT',
      target: '/else?where=%20',
      authority: 'inner.example:81',
      headers: [['x-only', 'this']] as const,
      edit: [{ append: ['x-and', 'that'] as const }],
      body: 'other content',
    })
    await deciding(from, decide, async ({ client }) => {
      const reply = await client.send({ method: 'POST', body: Buffer.alloc(200_000), headers: { 'x-client': 'y' } })
      const arrived = await seen(reply)
      assert.is(arrived.method, 'PUT')
      assert.is(arrived.url, '/else?where=%20')
      assert.is(arrived.body, 'other content')
      assert.is(arrived.headers['host'], 'inner.example:81')
      assert.is(arrived.headers['content-length'], '13')
      assert.is(arrived.headers['x-only'], 'this')
      assert.is(arrived.headers['x-and'], 'that')
      assert.is(arrived.headers['x-client'], undefined)
      // the upload that nobody wanted leaves the connection in order
      assert.is((await seen(await client.send({}))).body, 'other content')
    })
  })

  test(`a response passes with edits and another status, ${from}`, async () => {
    let head: ResponseHead | undefined
    const decide = (upstream: Upstream) => (request: RequestHead) => ({
      kind: 'forward' as const,
      upstream,
      authority: request.authority,
      onResponse: (response: ResponseHead) => {
        head = response
        return {
          kind: 'pass' as const,
          status: 206,
          edit: [{ remove: 'x-origin' }, { append: ['via', '1.1 gate'] as const }],
        }
      },
    })
    await deciding(from, decide, async ({ client }) => {
      const reply = await client.send({})
      assert.is(head?.status, 200)
      assert.is(head?.header('X-Origin'), 'first')
      assert.is(reply.status, 206)
      assert.is(reply.headers['x-origin'], undefined)
      assert.is(reply.headers['via'], '1.1 gate')
      assert.is((await seen(reply)).method, 'GET')
    })
  })

  test(`every field of a response can be replaced, and a later promise is awaited, ${from}`, async () => {
    const decide = (upstream: Upstream) => (request: RequestHead) => ({
      kind: 'forward' as const,
      upstream,
      authority: request.authority,
      onResponse: async () => {
        await new Promise((resolve) => setImmediate(resolve))
        return { kind: 'pass' as const, headers: { 'x-mine': 'all' } }
      },
    })
    await deciding(from, decide, async ({ client }) => {
      const reply = await client.send({})
      const names = reply.rawHeaders.map(([name]) => name.toLowerCase())
      // the length is the content's, and an answer has its date
      const own = new Set(['x-mine', 'date', 'content-length', 'connection', 'keep-alive', 'transfer-encoding'])
      assert.equal(
        names.filter((name) => !own.has(name)),
        [],
      )
      assert.is(reply.headers['x-mine'], 'all')
      assert.is((await seen(reply)).method, 'GET')
    })
  })

  test(`a response can be exchanged for an answer, a reset, or another upstream's, ${from}`, async () => {
    const other = await startOrigin('h1', (_request, response) => response.end('from the other'))
    try {
      const decide = (upstream: Upstream) => (head: RequestHead) => ({
        kind: 'forward' as const,
        upstream,
        authority: head.authority,
        onResponse: () => {
          if (head.target === '/respond') return { kind: 'respond' as const, status: 418, body: 'mine' }
          if (head.target === '/reset') return { kind: 'reset' as const, reason: 'internal' as const }
          return { kind: 'forward' as const, upstream: rigs.other, authority: 'other' }
        },
      })
      const rigs = {} as { other: Upstream }
      await deciding(from, decide, async ({ client, engine, record }) => {
        rigs.other = engine.upstream(toOrigin(other, 'h1'))
        const mine = await client.send({ path: '/respond' })
        assert.is(mine.status, 418)
        assert.is(mine.headers['x-origin'], undefined)
        assert.is(String(await mine.bytes()), 'mine')
        assert.is((await record(1)).code, undefined)
        const second = await client.send({ path: '/forward' })
        assert.is(String(await second.bytes()), 'from the other')
        assert.is((await record(2)).attempts, 2)
        assert.is((await record(2)).upstream, rigs.other.id)
        await fails(client.send({ path: '/reset' }))
        assert.is((await record(3)).code, 'reset/decision')
      })
    } finally {
      await other.close()
    }
  })

  test(`a failure is mended by another upstream, content included, ${from}`, async () => {
    const gone = await startOrigin('h1', mirror)
    await gone.close()
    let told: Failure | undefined
    const rigs = {} as { gone: Upstream }
    const decide = (upstream: Upstream) => (head: RequestHead) => ({
      kind: 'forward' as const,
      upstream: rigs.gone,
      authority: head.authority,
      edit: [{ set: ['x-try', '1'] as const }],
      onFailure: (failure: Failure) => {
        told = failure
        return { kind: 'forward' as const, upstream, authority: head.authority }
      },
    })
    await deciding(from, decide, async ({ client, engine, record }) => {
      rigs.gone = engine.upstream(toOrigin(gone, 'h1'))
      const reply = await client.send({ method: 'POST', body: 'precious', headers: { 'x-own': 'kept' } })
      const arrived = await seen(reply)
      assert.is(arrived.body, 'precious')
      assert.is(arrived.headers['x-own'], 'kept')
      // edits are of one decision
      assert.is(arrived.headers['x-try'], undefined)
      assert.equal(
        [told?.code, told?.replayable, told?.fault, told?.retry, told?.status],
        ['connect/refused', true, 'upstream', true, 502],
      )
      const { code, attempts } = await record()
      assert.equal([code, attempts], [undefined, 2])
    })
  })

  test(`a failure is answered, and the record keeps its cause, ${from}`, async () => {
    const handler: Handler = (request) => void request.socket?.destroy()
    const decide = (upstream: Upstream) => (head: RequestHead) => ({
      kind: 'forward' as const,
      upstream,
      authority: head.authority,
      onFailure: ({ code, status }: Failure) => ({ kind: 'respond' as const, status, body: `${code} sorry` }),
    })
    await deciding(
      from,
      decide,
      async ({ client, record }) => {
        const reply = await client.send({})
        assert.is(reply.status, 502)
        assert.match(String(await reply.bytes()), /^upstream\/(closed|reset) sorry$/)
        assert.match((await record()).code ?? '', /^upstream\//)
      },
      { handler },
    )
  })

  test(`a request whose content is gone is not sent again, ${from}`, async () => {
    let told: Failure | undefined
    let requests = 0
    const handler: Handler = (request) => {
      requests += 1
      request.once('data', () => request.socket?.destroy())
    }
    const decide = (upstream: Upstream) => (head: RequestHead) => ({
      kind: 'forward' as const,
      upstream,
      authority: head.authority,
      onFailure: (failure: Failure) => {
        told = failure
        return { kind: 'forward' as const, upstream, authority: head.authority }
      },
    })
    await deciding(
      from,
      decide,
      async ({ client, record }) => {
        const reply = await client.send({ method: 'POST', body: Buffer.alloc(100_000) })
        assert.is(reply.status, 500)
        assert.is(told?.replayable, false)
        assert.is(requests, 1)
        assert.is((await record()).code, 'internal/answer')
      },
      { handler },
    )
  })

  // --- collect ---

  const collecting =
    (maxBytes: number, onBody: (body: Uint8Array, trailers: readonly (readonly [string, string])[]) => Decision) =>
    () =>
    (): Decision => ({ kind: 'collect', maxBytes, onBody: onBody as never })

  test(`collect gives the whole content to the policy, ${from}`, async () => {
    const decide = collecting(1_000_000, (body) => ({ kind: 'respond', status: 200, body: `${body.length}` }))
    await deciding(from, decide, async ({ client }) => {
      for (const body of [undefined, 'x', Buffer.alloc(1_000_000)]) {
        const reply = await client.send({ method: 'POST', ...(body === undefined ? {} : { body }) })
        assert.is(String(await reply.bytes()), String(body?.length ?? 0))
      }
      const parts = Readable.from(['one', 'two'])
      assert.is(String(await (await client.send({ method: 'POST', body: parts })).bytes()), '6')
    })
  })

  test(`collect refuses what is longer than its bound, by its declared length and by counting, ${from}`, async () => {
    let called = 0
    const decide = collecting(1_000, () => {
      called += 1
      return { kind: 'respond', status: 200 }
    })
    await deciding(from, decide, async ({ client, record }) => {
      const waiting = upload()
      const declared = await within(
        5_000,
        'the answer to a declared length',
        client.send({ method: 'POST', headers: { 'content-length': '1001' }, body: waiting }),
      )
      assert.is(declared.status, 413)
      waiting.destroy()
      const counted = upload()
      counted.push(Buffer.alloc(600))
      counted.push(Buffer.alloc(600))
      const reply = await within(5_000, 'the answer to too much', client.send({ method: 'POST', body: counted }))
      assert.is(reply.status, 413)
      counted.destroy()
      assert.is((await record()).code, 'body/too-large')
      assert.is(called, 0)
    })
  })

  test(`collected content is forwarded, and may be replaced, ${from}`, async () => {
    const decide = (upstream: Upstream) => (head: RequestHead) => ({
      kind: 'collect' as const,
      maxBytes: 100,
      onBody: (body: Uint8Array) => ({
        kind: 'forward' as const,
        upstream,
        authority: head.authority,
        ...(head.target === '/replace' ? { body: Buffer.from(body).toString().toUpperCase() } : {}),
      }),
    })
    await deciding(from, decide, async ({ client }) => {
      const body = (): Readable => Readable.from(['some ', 'thing'])
      const kept = await seen(await client.send({ method: 'POST', path: '/keep', body: body() }))
      assert.is(kept.body, 'some thing')
      assert.is(kept.headers['content-length'], '10')
      const replaced = await seen(await client.send({ method: 'POST', path: '/replace', body: body() }))
      assert.is(replaced.body, 'SOME THING')
      const none = await seen(await client.send({ method: 'GET', path: '/keep' }))
      assert.is(none.body, '')
      assert.is(none.headers['content-length'], undefined)
    })
  })

  test(`collect asks a client that waits for a 100 to go on, ${from}`, async () => {
    const decide = collecting(100, (body) => ({ kind: 'respond', status: 200, body: String(Buffer.from(body)) }))
    await deciding(from, decide, async ({ client }) => {
      const body = upload()
      let informed = 0
      const reply = client.send({
        method: 'POST',
        headers: { expect: '100-continue', 'content-length': '4' },
        body,
        onInterim: (status) => {
          informed = status
          body.push('1234')
          body.push(null)
        },
      })
      assert.is(String(await (await within(5_000, 'the answer', reply)).bytes()), '1234')
      assert.is(informed, 100)
    })
  })

  // --- reset ---

  // RFC 9113 7, RFC 9114 8.1
  const codes: Record<ResetReason, [h2: number, h3: number]> = {
    'no-error': [0x0, 0x100],
    cancel: [0x8, 0x10c],
    internal: [0x2, 0x102],
    refused: [0x7, 0x10b],
    malformed: [0x1, 0x10e],
    'excessive-load': [0xb, 0x107],
    connect: [0xa, 0x10f],
  }

  test(`reset ends the request with the reason's code and without an answer, ${from}`, async () => {
    const decide = () => (head: RequestHead) => ({
      kind: 'reset' as const,
      reason: (head.header('x-reason') ?? '') as ResetReason,
    })
    await deciding(from, decide, async ({ client, records }) => {
      let count = 0
      for (const [reason, [h2, h3]] of Object.entries(codes)) {
        const failure = await fails(client.send({ method: 'POST', body: 'x', headers: { 'x-reason': reason } }))
        count += 1
        // what was refused is sent once more by the engine behind the HTTP/3 client
        await until(5_000, reason, () => records.length >= count)
        assert.equal([records.at(-1)?.code, records.at(-1)?.status], ['reset/decision', 0], reason)
        if (from === 'h1') assert.match(failure, /hang up|ECONNRESET/, reason)
        if (from === 'h2') assert.is(failure, `reset with ${h2}`, reason)
        if (from === 'h3') {
          const told = await until(5_000, reason, () => client.bridge?.records.at(count - 1))
          assert.is(told.wireCode, h3, reason)
        }
      }
    })
  })

  // --- time and mistakes ---

  test(`interim answers of the policy come before the final one, ${from}`, async () => {
    const decide = () => async (head: RequestHead) => {
      head.inform(103, { link: '</a.css>; rel=preload' })
      head.inform(103, [['link', '</b.css>; rel=preload']])
      await new Promise((resolve) => setImmediate(resolve))
      return { kind: 'respond' as const, status: 200, body: 'x' }
    }
    await deciding(from, decide, async ({ client }) => {
      const reply = await client.send({})
      await reply.bytes()
      assert.is(reply.status, 200)
      assert.equal(
        reply.interim.map(({ status, headers }) => [status, headers['link']]),
        [
          [103, '</a.css>; rel=preload'],
          [103, '</b.css>; rel=preload'],
        ],
      )
    })
  })

  test(`an interim answer arrives while the policy still decides, ${from}`, async () => {
    let decided = (): void => {}
    const later = new Promise<void>((resolve) => (decided = resolve))
    const decide = () => async (head: RequestHead) => {
      head.inform(103, { link: '</a.css>' })
      await later
      return { kind: 'respond' as const, status: 200 }
    }
    await deciding(from, decide, async ({ client }) => {
      const informed = new Promise<number>((resolve) => {
        client.send({ onInterim: resolve }).catch(() => undefined)
      })
      assert.is(await within(5_000, 'the interim answer', informed), 103)
      decided()
    })
  })

  test(`a policy that throws, or rejects, is a bare 500 and an event, ${from}`, async () => {
    for (const decide of [
      () => () => {
        throw new Error('secret')
      },
      () => async () => {
        throw new Error('secret')
      },
    ]) {
      await deciding(from, decide, async ({ client, events, record }) => {
        const reply = await client.send({})
        assert.is(reply.status, 500)
        assert.is((await reply.bytes()).length, 0)
        assert.is((await record()).status, 500)
        const event = events.find(({ type }) => type === 'decide-failed')
        assert.is(event?.['stage'], 'decide')
        assert.is((event?.['error'] as Error | undefined)?.message, 'secret')
      })
    }
  })

  test(`a decision that does not come in time is a 503, and a late one is no harm, ${from}`, async () => {
    let late: (decision: Decision) => void = () => {}
    const decide = () => (head: RequestHead) =>
      head.target === '/late'
        ? new Promise<Decision>((resolve) => (late = resolve))
        : ({ kind: 'respond', status: 200 } as const)
    await deciding(
      from,
      decide,
      async ({ client, record }) => {
        const reply = await within(5_000, 'the answer', client.send({ path: '/late' }))
        assert.is(reply.status, 503)
        assert.is((await record()).code, 'timeout/decision')
        late({ kind: 'respond', status: 200, body: 'too late' })
        assert.is((await client.send({ path: '/' })).status, 200)
      },
      { engine: { limits: { decisionMs: 50 } } },
    )
  })

  test(`hooks that throw are a bare 500, ${from}`, async () => {
    const oops = (): never => {
      throw new Error('oops')
    }
    const gone = await startOrigin('h1', mirror)
    await gone.close()
    const rigs = {} as { gone: Upstream }
    const decide =
      (upstream: Upstream) =>
      (head: RequestHead): Decision => {
        if (head.target === '/body') return { kind: 'collect', maxBytes: 10, onBody: oops }
        const { authority } = head
        if (head.target === '/failure') return { kind: 'forward', upstream: rigs.gone, authority, onFailure: oops }
        return { kind: 'forward', upstream, authority, onResponse: oops }
      }
    await deciding(from, decide, async ({ client, engine, events }) => {
      rigs.gone = engine.upstream(toOrigin(gone, 'h1'))
      for (const stage of ['body', 'failure', 'response']) {
        const reply = await client.send({ path: `/${stage}` })
        assert.is(reply.status, 500, stage)
        assert.is((await reply.bytes()).length, 0)
        assert.is(events.findLast(({ type }) => type === 'decide-failed')?.['stage'], stage)
      }
    })
  })

  test(`an answer that cannot be sent is a bare 500 and an event that names the part, ${from}`, async () => {
    const mistakes: [unknown, RegExp][] = [
      [undefined, /kind/],
      [{ kind: 'pass' }, /kind/],
      [{ kind: 'respond', status: 99 }, /status/],
      [{ kind: 'respond', status: 600 }, /status/],
      [{ kind: 'respond', status: 200, headers: { 'x-a': 'split\r\nx-b: 1' } }, /headers/],
      [{ kind: 'respond', status: 200, headers: { 'x a': '1' } }, /headers/],
      [{ kind: 'respond', status: 200, body: 5 }, /body/],
      [{ kind: 'forward', upstream: {} }, /upstream/],
      [{ kind: 'collect', maxBytes: -1, onBody: () => ({}) }, /maxBytes/],
      [{ kind: 'collect', maxBytes: 1 }, /onBody/],
      [{ kind: 'reset', reason: 'because' }, /reason/],
    ]
    const decide = () => (head: RequestHead) => mistakes[Number(head.target.slice(1))]?.[0] as Decision
    await deciding(from, decide, async ({ client, events }) => {
      for (const [index, [, part]] of mistakes.entries()) {
        const reply = await client.send({ path: `/${index}` })
        assert.is(reply.status, 500, `mistake ${index}`)
        assert.is((await reply.bytes()).length, 0)
        const failed = events.filter(({ type }) => type === 'decide-failed')
        assert.is(failed.length, index + 1)
        assert.match(String(failed[index]?.['error']), part)
      }
    })
  })
}

test('trailers of collected content are shown to the policy', async () => {
  const decide = () => () => ({
    kind: 'collect' as const,
    maxBytes: 100,
    onBody: (_body: Uint8Array, trailers: readonly (readonly [string, string])[]) => ({
      kind: 'respond' as const,
      status: 200,
      body: JSON.stringify(trailers),
    }),
  })
  await deciding('h1', decide, async ({ listener }) => {
    const { connect } = await import('node:net')
    const socket = connect(listener.port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n')
    socket.write('4\r\nbody\r\n0\r\nx-sum: 1\r\n\r\n')
    assert.match(String(await within(5_000, 'the answer', read(socket))), /\[\["x-sum","1"\]\]$/)
  })
})

/** What the engine behind an HTTP/3 client answers for a gateway that did not. */
const bridgeStatus = new Set([502, 503])

/** An answer that does not come to its end. */
async function isCut(reply: Promise<Reply>): Promise<void> {
  const whole = reply.then(
    async (got) =>
      got.bytes().then(
        () => !bridgeStatus.has(got.status),
        () => false,
      ),
    () => false,
  )
  assert.is(await within(5_000, 'an end', whole), false, 'whole, though it is not')
}

/** The error of a request that gets no answer. */
async function fails(reply: Promise<Reply>): Promise<string> {
  const outcome = reply.then(
    ({ status }) => {
      if (!bridgeStatus.has(status)) throw new Error(`answered ${status}`)
      return 'answered by the bridge'
    },
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  return within(5_000, 'a failure', outcome)
}

test.run()
