// The bound of a forward on the request's content: nothing beyond it reaches the upstream, and the client is told.
import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import type { Decide, Failure, Forward, Protocol, RequestHead, Upstream } from '../../quic/index.ts'
import { until, within } from '../support/deadline.ts'
import { pairs, protocols, withRig } from '../support/rig.ts'
import type { Handler, Reply } from '../support/rig.ts'
import { suite } from '../support/suite.ts'
import { connect, statuses } from '../support/wire.ts'

const test = suite('the bound on content')

const limit = 1000

type Seen = {
  handler: Handler
  /** Requests whose head came. */
  asked: number
  bytes: number
  /** How the content of the last one ended. */
  end: 'whole' | 'cut' | undefined
}

/** An origin that answers when it has all the content, or (`early`) at once and goes on when it has it. */
function watch(early = false): Seen {
  const seen: Seen = {
    asked: 0,
    bytes: 0,
    end: undefined,
    handler: (request, response) => {
      seen.asked += 1
      response.on('error', () => {})
      if (early) response.write('began')
      request.on('data', (piece: Buffer) => (seen.bytes += piece.length))
      request.on('end', () => {
        // Node ends a stream of HTTP/2 that was reset like any other
        seen.end ??= 'aborted' in request && request.aborted ? 'cut' : 'whole'
        response.end(' and ended')
      })
      for (const event of ['error', 'aborted', 'close']) request.on(event, () => (seen.end ??= 'cut'))
    },
  }
  return seen
}

/** Forwards with the bound; the policy writes the answer to a failure. */
function bounded(failures: Failure[] = [], more: Partial<Forward> = {}): (upstream: Upstream) => Decide {
  return (upstream) => (head) => ({
    kind: 'forward',
    upstream,
    authority: head.authority,
    maxBodyBytes: limit,
    onFailure: (failure) => {
      failures.push(failure)
      return { kind: 'respond', status: failure.status, headers: { 'x-own': 'yes' }, body: `own: ${failure.code}` }
    },
    ...more,
  })
}

const upload = (...pieces: number[]): Readable => {
  const body = new Readable({ read() {} })
  for (const length of pieces) body.push(Buffer.alloc(length, 'x'))
  return body
}

async function isOwn(reply: Reply): Promise<void> {
  assert.is(reply.status, 413)
  assert.is(reply.headers['x-own'], 'yes')
  assert.is(String(await within(5_000, 'the content', reply.bytes())), 'own: body/too-large')
}

for (const { from, to, name } of pairs) {
  test(`announced content over the bound is refused before the upstream hears of it, ${name}`, async () => {
    const seen = watch()
    const failures: Failure[] = []
    // how long the rest of the content is waited for
    const limits = { bodyIdleMs: 300 }
    await withRig(
      { from, to, handler: seen.handler, decide: bounded(failures), limits },
      async ({ client, record }) => {
        const body = upload()
        const headers = { 'content-length': String(limit + 1) }
        await isOwn(await within(5_000, 'the answer', client.send({ method: 'POST', headers, body })))
        const { code, attempts, status, connectedMs } = await record()
        assert.equal([code, attempts, status, connectedMs], ['body/too-large', 0, 413, undefined])
        assert.equal([failures.length, failures[0]?.fault, failures[0]?.replayable], [1, 'client', true])
        assert.is(seen.asked, 0)
        body.destroy()
      },
    )
  })

  test(`content of exactly the bound passes, announced or not, ${name}`, async () => {
    const seen = watch()
    await withRig({ from, to, handler: seen.handler, decide: bounded() }, async ({ client, record }) => {
      const announced = await client.send({
        method: 'POST',
        headers: { 'content-length': String(limit) },
        body: 'x'.repeat(limit),
      })
      assert.equal([announced.status, String(await announced.bytes())], [200, ' and ended'])
      const streamed = upload(limit - 1, 1)
      streamed.push(null)
      const reply = await client.send({ method: 'POST', body: streamed })
      assert.equal([reply.status, String(await reply.bytes())], [200, ' and ended'])
      assert.equal([seen.asked, seen.bytes, seen.end], [2, 2 * limit, 'whole'])
      assert.equal([(await record(2)).code, (await record(2)).bytesIn], [undefined, limit])
    })
  })

  test(`streamed content over the bound aborts the upstream's request and is answered 413, ${name}`, async () => {
    const seen = watch()
    const failures: Failure[] = []
    await withRig({ from, to, handler: seen.handler, decide: bounded(failures) }, async ({ client, record }) => {
      const body = upload(limit)
      const sent = client.send({ method: 'POST', body })
      await until(5_000, 'the upload', () => seen.bytes === limit)
      body.push('y')
      await isOwn(await within(5_000, 'the answer', sent))
      await until(5_000, 'the abort', () => seen.end)
      assert.equal([seen.asked, seen.bytes, seen.end], [1, limit, 'cut'])
      assert.equal([failures.length, failures[0]?.replayable], [1, false])
      const { code, bytesIn, status } = await record()
      assert.equal([code, bytesIn, status], ['body/too-large', limit, 413])
      body.destroy()
    })
  })

  test(`content that passes the bound after the answer began cuts the exchange, ${name}`, async () => {
    const seen = watch(true)
    await withRig({ from, to, handler: seen.handler, decide: bounded() }, async ({ client, record }) => {
      const body = upload(limit)
      const reply = await within(5_000, 'the head', client.send({ method: 'POST', body }))
      assert.is(reply.status, 200)
      await until(5_000, 'the upload', () => seen.bytes === limit)
      const read = reply.bytes().then(
        () => 'whole',
        () => 'cut',
      )
      body.push('y')
      assert.is(await within(5_000, 'the end', read), 'cut')
      await until(5_000, 'the abort', () => seen.end)
      assert.equal([seen.bytes, seen.end], [limit, 'cut'])
      assert.is((await record()).code, 'body/too-large')
      body.destroy()
    })
  })

  test(`a client that waits for a 100 gets 413 and no 100 when it announces too much, ${name}`, async () => {
    const seen = watch()
    await withRig({ from, to, handler: seen.handler, decide: bounded() }, async ({ client, record }) => {
      const body = upload()
      const headers = { expect: '100-continue', 'content-length': String(limit + 1) }
      const reply = await within(5_000, 'the answer', client.send({ method: 'POST', headers, body }))
      await isOwn(reply)
      assert.equal(reply.interim, [])
      assert.is((await record()).bytesIn, 0)
      assert.is(seen.asked, 0)
      body.destroy()
    })
  })
}

for (const from of protocols) {
  test(`without a hook the client gets a bare 413, ${from}`, async () => {
    const decide = (upstream: Upstream) => (head: RequestHead) => ({
      kind: 'forward' as const,
      upstream,
      authority: head.authority,
      maxBodyBytes: 0,
    })
    await withRig({ from, to: 'h1', handler: watch().handler, decide }, async ({ client, record }) => {
      for (const headers of [{ 'content-length': '1' }, {}]) {
        const reply = await client.send({ method: 'POST', headers, body: Readable.from(['x']) })
        assert.equal([reply.status, (await reply.bytes()).length], [413, 0])
      }
      assert.is((await record(2)).code, 'body/too-large')
      // a request without content has none over the bound
      assert.is((await client.send({})).status, 200)
    })
  })

  test(`what was announced and not sent may be forwarded with another bound, ${from}`, async () => {
    const seen = watch()
    const decide = (upstream: Upstream) => (head: RequestHead) => {
      const forward = { kind: 'forward' as const, upstream, authority: head.authority }
      return { ...forward, maxBodyBytes: 1, onFailure: () => ({ ...forward, maxBodyBytes: limit }) }
    }
    await withRig({ from, to: 'h1', handler: seen.handler, decide }, async ({ client, record }) => {
      const reply = await client.send({ method: 'POST', headers: { 'content-length': '10' }, body: 'x'.repeat(10) })
      assert.is(reply.status, 200)
      assert.is(seen.bytes, 10)
      assert.is((await record()).code, undefined)
    })
  })

  test(`gathered content counts, content of the policy's own does not, ${from}`, async () => {
    const seen = watch()
    const decide = (upstream: Upstream) => (head: RequestHead) => ({
      kind: 'collect' as const,
      maxBytes: 100_000,
      onBody: () => ({
        kind: 'forward' as const,
        upstream,
        authority: head.authority,
        maxBodyBytes: limit,
        ...(head.target === '/own' ? { body: 'y'.repeat(2 * limit) } : {}),
      }),
    })
    await withRig({ from, to: 'h1', handler: seen.handler, decide }, async ({ client }) => {
      const gathered = await client.send({ method: 'POST', body: Readable.from(['x'.repeat(limit), 'x']) })
      assert.equal([gathered.status, seen.asked], [413, 0])
      await gathered.bytes()
      const own = await client.send({ method: 'POST', path: '/own', body: Readable.from(['x'.repeat(limit), 'x']) })
      assert.equal([own.status, seen.bytes], [200, 2 * limit])
    })
  })
}

test('what follows refused content on a connection is not taken for a request, h1', async () => {
  const seen = watch()
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const requests: [what: string, head: string, body: string][] = [
    ['announced', `Content-Length: ${limit + smuggled.length}`, 'x'.repeat(limit) + smuggled],
    ['announced, waiting', `Expect: 100-continue\r\nContent-Length: ${limit + smuggled.length}`, smuggled],
    ['streamed', 'Transfer-Encoding: chunked', `fff\r\n${'x'.repeat(limit + 1)}${smuggled}`],
  ]
  await withRig({ from: 'h1', to: 'h1', handler: seen.handler, decide: bounded() }, async ({ listener, records }) => {
    for (const [what, head, body] of requests) {
      const wire = await connect(listener.port)
      wire.write(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n${body}`)
      await until(10_000, `the answer, ${what}`, () => wire.text().endsWith('own: body/too-large'))
      wire.end()
      await until(10_000, `the end of the connection, ${what}`, () => wire.closed())
      assert.equal(statuses(wire.text()), [413], what)
      assert.match(wire.text(), /\r\nconnection: close\r\n/i, what)
      assert.not.match(wire.text(), /HTTP\/1\.1 100/, what)
    }
    await until(5_000, 'the records', () => records.length === requests.length)
    assert.ok(records.every(({ code }) => code === 'body/too-large'))
  })
})

test('a chunk that says it is huge is refused when it passes the bound, not when it ends, h1', async () => {
  const seen = watch()
  await withRig({ from: 'h1', to: 'h1', handler: seen.handler, decide: bounded() }, async ({ listener }) => {
    const wire = await connect(listener.port)
    wire.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n')
    wire.write('x'.repeat(limit + 1))
    await until(10_000, 'the answer', () => statuses(wire.text())[0] === 413)
    assert.ok(seen.bytes <= limit)
    wire.destroy()
  })
})

test('an upload that never ends is answered, however fast it comes', async () => {
  const endless = (from: Protocol): Promise<void> => {
    const seen = watch()
    return withRig({ from, to: 'h1', handler: seen.handler, decide: bounded() }, async ({ client }) => {
      const chunk = Buffer.alloc(65_536)
      const body = new Readable({ read: () => void body.push(chunk) })
      await isOwn(await within(10_000, 'the answer', client.send({ method: 'POST', body })))
      assert.ok(seen.bytes <= limit)
      body.destroy()
    })
  }
  for (const from of protocols) await endless(from)
})

test.run()
