// No silent truncation, ever: what fails on one side is seen to fail on the other, in its protocol's own words.
import { Readable } from 'node:stream'
import http2 from 'node:http2'
import net from 'node:net'
import tls from 'node:tls'
import * as assert from 'uvu/assert'
import {
  identity,
  listenFor,
  pairs,
  portOf,
  protocols,
  startClient,
  startOrigin,
  toOrigin,
  watchedEngine,
  withRig,
} from '../support/rig.ts'
import type { Client, Handler, Reply, Watched } from '../support/rig.ts'
import * as h2 from '../support/frames.ts'
import type { Protocol, UpstreamOptions } from '../../quic/index.ts'
import { until, within } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('no silent truncation')

/** Sends a first piece, and fails once the client has seen it. */
const failing: Handler = (request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.write('first piece')
  cuts.push(() => {
    if ('stream' in response && response.stream) (response.stream as { close(code: number): void }).close(2)
    else request.socket.destroy()
  })
}
const cuts: (() => void)[] = []

async function readUntilCut(reply: Reply): Promise<string> {
  let seen = ''
  try {
    for await (const chunk of reply.body) {
      seen += String(chunk)
      cuts.shift()?.()
    }
  } catch {
    return seen
  }
  if ('complete' in reply.body && reply.body.complete === false) return seen
  throw new Error(`a clean end after ${seen.length} bytes`)
}

for (const { from, to, name } of pairs) {
  test(`an upstream that fails in the middle of a body makes the client see a failure, ${name}`, async () => {
    await withRig({ from, to, handler: failing }, async (rig) => {
      const reply = await rig.client.send({ path: '/cut' })
      const seen = await within(5_000, 'the failure', readUntilCut(reply))
      assert.is(seen, 'first piece')
      const record = await rig.record()
      assert.match(record.code ?? '', /^upstream\/(truncated|reset|closed)$/)
      assert.is(record.status, 200)
      if (from === 'h3' && rig.client.bridge) {
        // RFC 9114 8.1: H3_INTERNAL_ERROR
        const far = rig.client.bridge.records
        await until(5_000, 'the record of the client', () => far.length > 0)
        assert.is(far[0]?.wireCode, 0x102)
      }
      if (from === 'h2') assert.is((reply.body as { rstCode?: number }).rstCode, 2)
    })
  })

  test(`an upload that fails in the middle makes the upstream see a failure, ${name}`, async () => {
    const seen = watchUpload()
    await withRig({ from, to, handler: seen.handler }, async (rig) => {
      const body = new Readable({ read() {} })
      body.push('x'.repeat(10_000))
      const sent = rig.client.send({ method: 'POST', path: '/upload', body }).catch((error: unknown) => error)
      // A reset on QUIC takes with it what was not read: the upload has to be under way.
      await until(5_000, 'the content', () => seen.bytes === 10_000)
      body.destroy(new Error('the client fails'))
      await within(5_000, 'the client', sent)
      await until(5_000, 'the upstream', () => seen.outcome !== undefined)
      assert.is(seen.outcome, 'failed')
      const record = await rig.record()
      assert.match(record.code ?? '', /^client\//)
    })
  })

  test(`an upstream that fails right after its head makes the client see a failure, ${name}`, async () => {
    const handler: Handler = (request, response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.flushHeaders()
      cuts.push(() => {
        if ('stream' in response && response.stream) (response.stream as { close(code: number): void }).close(2)
        else request.socket.destroy()
      })
    }
    await withRig({ from, to, handler }, async (rig) => {
      const reply = await rig.client.send({})
      assert.is(reply.status, 200)
      cuts.shift()?.()
      assert.is(await within(5_000, 'the failure', outcomeOf(reply)), 'failed')
      assert.match((await rig.record()).code ?? '', /^upstream\/(truncated|reset|closed)$/)
    })
  })
}

/** An origin's view of one upload. */
function watchUpload(): { handler: Handler; bytes: number; outcome: string | undefined } {
  const seen: ReturnType<typeof watchUpload> = {
    bytes: 0,
    outcome: undefined,
    handler: (request, response) => {
      request.on('data', (chunk: Buffer) => (seen.bytes += chunk.length))
      // Node ends the stream of a request that an HTTP/2 client reset; it tells by the code.
      request.on('end', () => {
        const code = 'stream' in request ? request.stream.rstCode : 0
        seen.outcome ??= code === 0 && !('aborted' in request && request.aborted) ? 'end' : 'failed'
        if (!response.writableEnded) response.end('taken')
      })
      for (const event of ['error', 'aborted', 'close']) request.on(event, () => (seen.outcome ??= 'failed'))
      response.on('error', () => {})
    },
  }
  return seen
}

/** A body that was read to its end, of an answer that was no refusal, is whole. */
async function outcomeOf(reply: Reply): Promise<string> {
  try {
    const bytes = await reply.bytes()
    // A reset on QUIC may overtake the head; the bridge behind the client says 502 then.
    return reply.status >= 500 ? 'failed' : `whole: ${String(bytes)}`
  } catch {
    return 'failed'
  }
}

async function outcomeOfSend(client: Client): Promise<string> {
  return client.send({}).then(outcomeOf, () => 'failed')
}

type Listening = { url: string; close(): void }

/** Answers every connection with these bytes, and closes it. */
async function rawOrigin(answer: string): Promise<Listening> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(answer))
  })
  const port = await listening(server)
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() }
}

async function listening(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as net.AddressInfo).port
}

/** A gateway to an origin that is no rig's. */
async function through(
  from: Protocol,
  to: UpstreamOptions,
  body: (client: Client, watched: Watched) => Promise<void>,
): Promise<void> {
  const watched = await watchedEngine()
  const upstream = watched.engine.upstream(to)
  const listener = await listenFor(watched.engine, from, () => ({ kind: 'forward', upstream }))
  const client = await startClient(from, portOf(listener, from))
  try {
    await body(client, watched)
  } finally {
    await client.close()
    await watched.engine.stop({ graceMs: 0 })
  }
}

const recorded = (watched: Watched) => until(5_000, 'the record', () => watched.records[0])

for (const from of protocols) {
  const broken = [
    ['a body shorter than its content-length', 'content-length: 10\r\n\r\n12345', 'upstream/truncated'],
    ['a chunked body without its last chunk', 'transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n', 'upstream/truncated'],
    ['a chunk that is cut short', 'transfer-encoding: chunked\r\n\r\n9\r\n12345', 'upstream/truncated'],
    [
      'a chunk that is longer than it says',
      'transfer-encoding: chunked\r\n\r\n3\r\n12345\r\n0\r\n\r\n',
      'upstream/protocol',
    ],
  ] as const
  for (const [what, answer, code] of broken) {
    test(`${what} is a failure, from HTTP/1.1 to ${from}`, async () => {
      const origin = await rawOrigin(`HTTP/1.1 200 OK\r\n${answer}`)
      try {
        await through(from, { origin: origin.url }, async (client, watched) => {
          assert.is(await within(5_000, 'the failure', outcomeOfSend(client)), 'failed')
          assert.is((await recorded(watched)).code, code)
        })
      } finally {
        origin.close()
      }
    })
  }

  test(`what follows a body of the declared length is not of it, from HTTP/1.1 to ${from}`, async () => {
    const origin = await rawOrigin('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345HTTP/1.1 200 OK\r\n\r\nsmuggled')
    try {
      await through(from, { origin: origin.url }, async (client) => {
        assert.is(await within(5_000, 'the body', outcomeOfSend(client)), 'whole: 12345')
        assert.is(await within(5_000, 'the body', outcomeOfSend(client)), 'whole: 12345')
      })
    } finally {
      origin.close()
    }
  })

  for (const [what, body] of [
    ['shorter', '12345'],
    ['longer', '123456789012345'],
  ] as const) {
    test(`a body ${what} than its content-length is a failure, from HTTP/2 to ${from}`, async () => {
      const origin = await startOrigin('h2', (_request, response) => {
        const { stream } = response as unknown as http2.Http2ServerResponse
        stream.respond({ ':status': 200, 'content-length': '10' })
        stream.end(body)
      })
      try {
        await through(from, toOrigin(origin, 'h2'), async (client, watched) => {
          assert.is(await within(5_000, 'the failure', outcomeOfSend(client)), 'failed')
          assert.match((await recorded(watched)).code ?? '', /^upstream\/(truncated|protocol|reset)$/)
        })
      } finally {
        await origin.close()
      }
    })
  }

  // RFC 9112 section 9.8: without close_notify, nobody knows who ended the connection.
  for (const notify of [true, false]) {
    const outcome = notify ? 'is whole' : 'without close_notify is a failure'
    test(`a body that ends with its TLS connection ${outcome}, to ${from}`, async () => {
      const origin = tls.createServer({ cert: identity().certificate, key: identity().key }, (socket) => {
        socket.on('error', () => {})
        socket.once('data', () => {
          const answer = 'HTTP/1.1 200 OK\r\n\r\nall or nothing'
          if (notify) socket.end(answer)
          else socket.write(answer)
        })
      })
      const port = await listening(origin)
      // Between the two, since it can end TCP without the word of TLS.
      const relay = net.createServer((near) => {
        const far = net.connect(port, '127.0.0.1')
        for (const socket of [near, far]) socket.on('error', () => {})
        near.on('data', (data) => far.write(data))
        far.on('data', (data) => near.write(data))
        far.on('end', () => near.end())
        near.on('close', () => far.destroy())
        cuts.push(() => near.end())
      })
      const between = await listening(relay)
      try {
        const to = { origin: `https://localhost:${between}`, protocols: ['h1' as const], addresses: ['127.0.0.1'] }
        await through(from, { ...to, tls: { ca: identity().ca } }, async (client, watched) => {
          const reply = await client.send({})
          let text = ''
          reply.body.once('data', (piece: Buffer) => {
            text = String(piece)
            reply.body.pause()
          })
          await until(5_000, 'the body', () => text === 'all or nothing')
          const cut = cuts.shift()
          if (!notify) cut?.()
          const end = await within(5_000, 'the end', outcomeOf(reply))
          assert.is(end.split(':')[0], notify ? 'whole' : 'failed')
          assert.is((await recorded(watched)).code, notify ? undefined : 'upstream/truncated')
        })
      } finally {
        relay.close()
        origin.close()
      }
    })
  }

  test(`a streamed answer whose source fails is a failure, ${from}`, async () => {
    const decide = () => () => ({
      kind: 'respond' as const,
      status: 200,
      body: (async function* () {
        yield 'first'
        await Promise.resolve()
        throw new Error('the source fails')
      })(),
    })
    await withRig({ from, to: 'h1', handler: () => {}, decide }, async (rig) => {
      assert.is(await outcomeOfSend(rig.client), 'failed')
      assert.is((await rig.record()).code, 'stream/source')
    })
  })
}

for (const to of protocols) {
  const uploads = [
    ['shorter than its content-length', 'content-length: 10\r\n\r\n12345'],
    ['whose last chunk is missing', 'transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n'],
  ] as const
  for (const [what, content] of uploads) {
    test(`an upload ${what} is a failure, from HTTP/1.1 to ${to}`, async () => {
      const seen = watchUpload()
      await withRig({ from: 'h1', to, handler: seen.handler }, async (rig) => {
        const socket = net.connect(rig.listener.port, '127.0.0.1')
        socket.on('error', () => {})
        socket.write(`POST / HTTP/1.1\r\nhost: localhost\r\n${content}`)
        await until(5_000, 'the content', () => seen.bytes === 5)
        // Half closed: the end of the content, were it not declared.
        socket.end()
        await until(5_000, 'the upstream', () => seen.outcome !== undefined)
        socket.destroy()
        assert.is(seen.outcome, 'failed')
        assert.match((await rig.record()).code ?? '', /^client\//)
      })
    })
  }

  for (const [what, length] of [
    ['shorter', 5],
    ['longer', 15],
  ] as const) {
    test(`an upload ${what} than its content-length is a failure, from HTTP/2 to ${to}`, async () => {
      const seen = watchUpload()
      await withRig({ from: 'h2', to, handler: seen.handler }, async (rig) => {
        const session = http2.connect(`https://localhost:${rig.listener.port}`, { ca: identity().ca })
        session.on('error', () => {})
        const stream = session.request(
          { ':method': 'POST', ':path': '/', 'content-length': '10' },
          { endStream: false },
        )
        stream.on('error', () => {})
        let status: number | undefined
        stream.on('response', (head) => (status = head[':status']))
        stream.write('12345')
        await until(5_000, 'the content', () => seen.bytes === 5)
        stream.end('x'.repeat(length - 5))
        await until(5_000, 'the upstream', () => seen.outcome !== undefined)
        await until(5_000, 'the reset', () => stream.closed)
        session.destroy()
        assert.is(seen.outcome, 'failed')
        assert.ok(status === undefined || status >= 400, `answered with ${status}`)
        assert.match((await rig.record()).code ?? '', /^client\//)
      })
    })
  }

  // Codes that say that nothing was wrong do not make a message complete.
  for (const code of [0, 8]) {
    test(`an upload that is reset with code ${code} is a failure, from HTTP/2 to ${to}`, async () => {
      const seen = watchUpload()
      const origin = await startOrigin(to, seen.handler)
      const watched = await watchedEngine()
      const upstream = watched.engine.upstream(toOrigin(origin, to))
      const listener = await watched.engine.listen(
        { address: '127.0.0.1', port: 0, tcp: { protocols: ['h2'] } },
        () => ({
          kind: 'forward',
          upstream,
        }),
      )
      const socket = net.connect(listener.port, '127.0.0.1')
      try {
        socket.on('error', () => {})
        const head = [h2.indexed.methodPost, h2.indexed.path, h2.indexed.schemeHttp]
        socket.write(Buffer.concat([h2.preface, h2.settings, h2.headers(1, [...head, [':authority', 'localhost']])]))
        socket.write(h2.data(1, '12345'))
        await until(5_000, 'the content', () => seen.bytes === 5)
        socket.write(h2.reset(1, code))
        await until(5_000, 'the upstream', () => seen.outcome !== undefined)
        assert.is(seen.outcome, 'failed')
        assert.is((await recorded(watched)).code, 'client/cancelled')
      } finally {
        socket.destroy()
        await watched.engine.stop({ graceMs: 0 })
        await origin.close()
      }
    })

    test(`an answer that is reset with code ${code} is a failure, from HTTP/2 to ${to}`, async () => {
      const origin = net.createServer((socket) => {
        socket.on('error', () => {})
        let came = Buffer.alloc(0)
        socket.on('data', (bytes: Buffer) => {
          const answered = h2.hasHeaders(came)
          came = Buffer.concat([came, bytes])
          if (answered || !h2.hasHeaders(came)) return
          socket.write(Buffer.concat([h2.settings, h2.settingsAck, h2.headers(1, [h2.indexed.status200])]))
          socket.write(h2.data(1, 'first piece'))
          cuts.push(() => socket.write(h2.reset(1, code)))
        })
      })
      const port = await listening(origin)
      try {
        const plain = { origin: `http://127.0.0.1:${port}`, protocols: ['h2' as const] }
        await through(to, plain, async (client, watched) => {
          const reply = await client.send({})
          assert.is(await within(5_000, 'the failure', readUntilCut(reply)), 'first piece')
          assert.is((await recorded(watched)).code, 'upstream/reset')
        })
      } finally {
        origin.close()
      }
    })
  }
}

test.run()
