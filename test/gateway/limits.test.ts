// Limits and time-outs as clients and origins notice them, through a real gateway (decisions 5, 8 and 19).
import { Readable } from 'node:stream'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { until, within } from '../support/deadline.ts'
import { refusal, startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { recordingOrigin } from '../support/organisations.ts'
import type { RecordingOrigin } from '../support/organisations.ts'
import { fullQueue } from '../support/queue.ts'
import { protocols } from '../support/rig.ts'
import type { Ask, Reply } from '../support/rig.ts'
import { connect, statuses } from '../support/wire.ts'
import { suite } from '../support/suite.ts'
import type { Protocol } from '../../quic/index.ts'

const bound = 65_536

const pipelines = (origin: number): string => `
[pipelines.stream]
networks = ["plain", "tls"]
endpoints = ["stream"]
backends = ["origin"]
[endpoints.stream]
service = "http"
options.path_prefix = "/stream"
[backends.origin]
service = "http"
connection = { host = "127.0.0.1", port = ${origin} }

[pipelines.echo]
networks = ["plain", "tls"]
endpoints = ["echo"]
backends = ["echo"]
[endpoints.echo]
service = "http"
options.path_prefix = "/echo"
[backends.echo]
service = "echo"

[pipelines.nothing]
networks = ["plain", "tls"]
endpoints = ["nothing"]
[endpoints.nothing]
service = "http"
options.path_prefix = "/nothing"
`

/** Content in pieces, whose length nobody knows before. */
const flowing = (bytes: number, piece = 16_384): Readable =>
  Readable.from(
    (function* () {
      for (let left = bytes; left > 0; left -= piece) yield Buffer.alloc(Math.min(piece, left), 'x')
    })(),
  )

{
  const test = suite('max_body_size')
  let edge: Edge
  let origin: RecordingOrigin
  /** Requests whose head arrived. */
  let heard = 0
  test.before(async () => {
    origin = await recordingOrigin()
    origin.answer = (request, response) => {
      heard += 1
      request.resume().on('end', () => response.end('origin'))
    }
    edge = await startEdge({
      proxy: `content_limits.max_body_size = ${bound}`,
      files: { 'pipelines/p.toml': pipelines(origin.port) },
    })
  })
  test.after(async () => {
    await edge.close()
    await origin.close()
  })

  const refused = async (reply: Reply): Promise<void> => {
    assert.is(reply.status, 413)
    const said = await refusal(reply)
    assert.is(said.error, 'body/too-large')
    const line = await edge.line(reply)
    assert.equal([line['code'], line['status']], ['body/too-large', 413])
  }

  for (const protocol of protocols) {
    const post = async (path: string, body: Ask['body'], length?: number): Promise<Reply> =>
      edge.client(protocol).send({
        method: 'POST',
        path,
        headers: length === undefined ? {} : { 'content-length': String(length) },
        ...(body === undefined ? {} : { body }),
      })

    for (const path of ['/stream/x', '/echo/x', '/nothing/x'])
      test(`a declared length over it is answered 413, and nobody is asked, ${protocol} ${path}`, async () => {
        const before = heard
        await refused(await post(path, Buffer.alloc(bound + 1), bound + 1))
        assert.is(heard, before)
      })

    test(`content that passes it without a length is answered 413, and no origin sees it whole, ${protocol}`, async () => {
      const before = origin.arrived.length
      await refused(await post('/stream/x', flowing(bound * 4)))
      assert.is(origin.arrived.length, before)
    })

    test(`content of just that size passes, with a length and without, ${protocol}`, async () => {
      for (const length of [bound, undefined]) {
        const reply = await post('/stream/x', flowing(bound), length)
        assert.is(reply.status, 200)
        assert.is(String(await reply.bytes()), 'origin')
        assert.is(origin.arrived.at(-1)?.bytes, bound)
        const echoed = await post('/echo/x', flowing(bound), length)
        assert.is(echoed.status, 200)
        const { body } = JSON.parse(String(await echoed.bytes())) as { body: string }
        assert.is(body.length, bound)
      }
    })

    test(`content that is gathered is answered 413 too when it passes it, ${protocol}`, async () => {
      const reply = await post('/echo/x', flowing(bound * 4))
      assert.is(reply.status, 413)
    })
  }

  test('a client that waits for 100 Continue hears 413 in its place', async () => {
    for (const path of ['/stream/x', '/echo/x']) {
      const before = heard
      const wire = await connect(edge.plain)
      wire.write(`POST ${path} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: ${bound + 1}\r\n\r\n`)
      await until(5_000, 'an answer', () => statuses(wire.text()).length > 0)
      assert.match(wire.text(), /^HTTP\/1\.1 413 /)
      assert.is(heard, before)
      wire.destroy()
    }
  })

  test.run()
}

{
  const test = suite('without max_body_size')
  let edge: Edge
  let origin: RecordingOrigin
  test.before(async () => {
    origin = await recordingOrigin()
    origin.answer = (request, response) => void request.resume().on('end', () => response.end('read'))
    edge = await startEdge({ files: { 'pipelines/p.toml': pipelines(origin.port) } })
  })
  test.after(async () => {
    await edge.close()
    await origin.close()
  })

  const megabytes = 50
  const whole = megabytes * 1_048_576
  const hash = createHash('sha256').update(Buffer.alloc(whole, 'x')).digest('hex')

  for (const protocol of protocols)
    test(`${megabytes} MB flow through to the last byte, ${protocol}`, async () => {
      for (const length of [whole, undefined]) {
        const headers: Record<string, string> = length === undefined ? {} : { 'content-length': String(length) }
        const body = flowing(whole, 1_048_576)
        const reply = await edge.client(protocol).send({ method: 'PUT', path: '/stream/x', headers, body })
        assert.is(reply.status, 200)
        await reply.bytes()
        assert.equal([origin.arrived.at(-1)?.bytes, origin.arrived.at(-1)?.sha256], [whole, hash])
      }
    })

  test('what is held in memory has the default bound all the same, and the refusal says so as JSON', async () => {
    const long = 10_485_761
    const headers = { 'content-length': String(long) }
    const reply = await edge.client('h1').send({ method: 'POST', path: '/echo/x', headers, body: flowing(long) })
    assert.is(reply.status, 413)
    assert.is((await refusal(reply)).error, 'body/too-large')
  })

  test.run()
}

{
  const test = suite('limits of heads')
  let edge: Edge
  let origin: RecordingOrigin
  test.before(async () => {
    origin = await recordingOrigin()
    edge = await startEdge({
      proxy: 'content_limits = { max_head_bytes = 8192, max_fields = 40, max_target_bytes = 1000 }',
      config: `
[network.tls.limits]
max_head_bytes = 4096
max_fields = 20
max_target_bytes = 500
`,
      files: { 'pipelines/p.toml': pipelines(origin.port) },
    })
  })
  test.after(async () => {
    await edge.close()
    await origin.close()
  })

  const fields = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_none, at) => [`x-${at}`, 'y']))

  /** The answer, or `reset`: HTTP/2 and HTTP/3 may also end the stream (RFC 9114 4.2.2), which the client of HTTP/3 calls 502. */
  const outcome = async (protocol: Protocol, ask: Ask): Promise<number | 'reset'> => {
    try {
      const reply = await edge.client(protocol).send(ask)
      await reply.bytes()
      return protocol === 'h3' && reply.status === 502 ? 'reset' : reply.status
    } catch {
      return 'reset'
    }
  }

  for (const protocol of protocols) {
    const half = protocol === 'h1' ? 1 : 0.5
    const rows: readonly (readonly [what: string, within: Ask, beyond: Ask, status: number])[] = [
      [
        'the head',
        { path: '/stream/x', headers: { 'x-long': 'y'.repeat(7_000 * half) } },
        { path: '/stream/x', headers: { 'x-long': 'y'.repeat(8_200 * half) } },
        431,
      ],
      [
        'the number of fields',
        { path: '/stream/x', headers: fields(30 * half) },
        { path: '/stream/x', headers: fields(41 * half + 1) },
        431,
      ],
      [
        'the target',
        { path: `/stream/${'y'.repeat(900 * half)}` },
        { path: `/stream/${'y'.repeat(1_000 * half)}` },
        414,
      ],
    ]
    for (const [what, inside, beyond, status] of rows)
      test(`a bound of ${what} holds in the network that has it, ${protocol}`, async () => {
        const before = origin.arrived.length
        assert.is(await outcome(protocol, inside), 200)
        assert.is(origin.arrived.length, before + 1)
        const over = await outcome(protocol, beyond)
        assert.ok(over === status || (over === 'reset' && protocol !== 'h1'), `${over}`)
        assert.is(origin.arrived.length, before + 1)
        assert.is(await outcome(protocol, inside), 200, 'the next request is answered')
      })
  }

  test.run()
}

{
  const test = suite('time-outs')
  let edge: Edge
  let hole: Awaited<ReturnType<typeof fullQueue>>
  let origin: http.Server
  const port = (server: http.Server): number => (server.address() as AddressInfo).port

  test.before(async () => {
    hole = await fullQueue()
    origin = http.createServer((request, response) => {
      const url = request.url ?? ''
      request.on('error', () => undefined)
      if (url === '/silent') request.resume()
      else if (url === '/half') {
        request.resume()
        response.writeHead(200, { 'content-length': '10' })
        response.write('half,')
      } else if (url === '/drip') {
        request.resume()
        void drip(response, 12, 200)
      } else {
        let bytes = 0
        request.on('data', (chunk: Buffer) => (bytes += chunk.length))
        request.on('end', () => response.end(String(bytes)))
      }
    })
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
    edge = await startEdge({
      files: {
        'pipelines/p.toml': `
[pipelines.quick]
networks = ["plain", "tls"]
endpoints = ["quick"]
backends = ["quick"]
[endpoints.quick]
service = "http"
options.path_prefix = "/quick"
[backends.quick]
service = "http"
timeout_secs = 1
max_retries = 0
connection = { host = "127.0.0.1", port = ${port(origin)}, idle_timeout_secs = 1 }

[pipelines.hole]
networks = ["plain", "tls"]
endpoints = ["hole"]
backends = ["hole"]
[endpoints.hole]
service = "http"
options.path_prefix = "/hole"
[backends.hole]
service = "http"
max_retries = 0
connection = { host = "127.0.0.1", port = ${hole.port}, connect_timeout_secs = 1 }
`,
      },
    })
  })
  test.after(async () => {
    await edge.close()
    await hole.close()
    origin.closeAllConnections()
    await new Promise((resolve) => origin.close(resolve))
  })

  const timed = async (ask: Ask, protocol: Protocol): Promise<{ reply: Reply; ms: number }> => {
    const began = performance.now()
    const reply = await within(10_000, 'an answer', edge.client(protocol).send(ask))
    return { reply, ms: performance.now() - began }
  }

  /** One test for all protocols at once: they wait for the same clock. */
  const each = (name: string, body: (protocol: Protocol) => Promise<void>): void =>
    test(name, async () => void (await Promise.all(protocols.map(body))))

  each('an upstream that takes no connections: 504 after the time to connect', async (protocol) => {
    const { reply, ms } = await timed({ path: '/hole/x' }, protocol)
    assert.is(reply.status, 504)
    assert.is((await refusal(reply)).error, 'upstream/timeout')
    assert.match(String((await edge.line(reply))['detail']), /^connect\/timeout/)
    assert.ok(ms > 900 && ms < 4_000, `${ms} ms`)
  })

  each('an upstream that says nothing: 504 after timeout_secs', async (protocol) => {
    const silent = async (method: string): Promise<void> => {
      const ask = method === 'GET' ? { path: '/quick/silent' } : { method, path: '/quick/silent', body: 'abc' }
      const { reply, ms } = await timed(ask, protocol)
      assert.is(reply.status, 504)
      assert.is((await refusal(reply)).error, 'upstream/timeout')
      assert.match(String((await edge.line(reply))['detail']), /^timeout\/first-byte/)
      assert.ok(ms > 900 && ms < 4_000, `${ms} ms`)
    }
    await Promise.all([silent('GET'), silent('POST')])
  })

  each('a body that stops is cut after the idle time, and not ended as if it were whole', async (protocol) => {
    const { reply } = await timed({ path: '/quick/half' }, protocol)
    assert.is(reply.status, 200)
    const cut = await within(
      10_000,
      'its end',
      reply.bytes().then(String, () => 'cut'),
    )
    assert.is(cut, 'cut')
    const line = await edge.line(reply)
    assert.is(line['code'], 'timeout/idle')
  })

  each('an answer that flows for longer than timeout_secs arrives whole', async (protocol) => {
    const { reply } = await timed({ path: '/quick/drip' }, protocol)
    assert.is(reply.status, 200)
    assert.is(String(await reply.bytes()), '0,1,2,3,4,5,6,7,8,9,10,11,')
  })

  each('an upload that flows for longer than timeout_secs is answered', async (protocol) => {
    const body = Readable.from(pieces(12, 200))
    const { reply, ms } = await timed({ method: 'POST', path: '/quick/count', body }, protocol)
    assert.is(reply.status, 200)
    assert.is(String(await reply.bytes()), String(12 * 1_000))
    assert.ok(ms > 2_000, `${ms} ms: it flowed`)
  })

  test.run()
}

async function* pieces(count: number, ms: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < count; at++) {
    await pause(ms)
    yield Buffer.alloc(1_000, 'x')
  }
}

async function drip(response: http.ServerResponse, count: number, ms: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    response.write(`${at},`)
    await pause(ms)
  }
  response.end()
}
