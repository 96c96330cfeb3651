// Strict in: what is ambiguous in framing is refused, and no vector reaches an origin as two requests.
// RFC 9112 for HTTP/1.1, RFC 9113 for HTTP/2; malformed HTTP/3 is in quic/native/http3/tests and, sent by
// aioquic, in test/interop.
import net from 'node:net'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import * as h2 from '../support/frames.ts'
import { until, within } from '../support/deadline.ts'
import { watchedEngine } from '../support/rig.ts'
import type { Watched } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

type Bench = Watched & { port: number; seen: () => string; connections: () => number; close(): Promise<void> }
type Context = { bench: Bench }

const test = suite<Context>('strict in')

/** An HTTP/1.1 origin that keeps every byte it is sent, and answers every end of a head with 200. */
async function startBench(): Promise<Bench> {
  let seen = ''
  let connections = 0
  const sockets = new Set<net.Socket>()
  const origin = net.createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1')
      seen += text
      const heads = text.split('\r\n\r\n').length - 1
      // A body that holds an end of a head would be answered too: the test would see it.
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'.repeat(Math.min(heads, 1)))
    })
  })
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  const { port } = origin.address() as net.AddressInfo
  const watched = await watchedEngine()
  const upstream = watched.engine.upstream({ origin: `http://127.0.0.1:${port}` })
  const listener = await watched.engine.listen({ address: '127.0.0.1', port: 0, tcp: {} }, () => ({
    kind: 'forward',
    upstream,
  }))
  return {
    ...watched,
    port: listener.port,
    seen: () => seen,
    connections: () => connections,
    close: async () => {
      await watched.engine.stop({ graceMs: 0 })
      for (const socket of sockets) socket.destroy()
      origin.close()
    },
  }
}

/** Sends bytes, and gives what came back once the gateway closed, or `enough` says so. */
async function exchange(port: number, bytes: string | Buffer, enough: (text: string) => boolean): Promise<Buffer> {
  const socket = net.connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  const ended = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      if (enough(Buffer.concat(chunks).toString('latin1'))) resolve()
    })
    socket.on('close', () => resolve())
    socket.on('error', () => resolve())
  })
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  await within(8_000, 'an answer or the end of the connection', ended).finally(() => socket.destroy())
  return Buffer.concat(chunks)
}

const never = (): boolean => false

test.before(async (context) => {
  context.bench = await startBench()
})
test.after(async (context) => {
  await context.bench.close()
})

const host = 'Host: a\r\n'
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'

/** Each is refused: a status of the 400s or 501, the connection closed, and nothing at the origin. */
const refused: [what: string, section: string, bytes: string][] = [
  ['content-length and transfer-encoding together', '6.1', `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['transfer-encoding before content-length', '6.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`],
  ['two different content-lengths', '6.3', `POST / HTTP/1.1\r\n${host}Content-Length: 0\r\nContent-Length: 35\r\n\r\n${smuggled}`],
  ['two equal content-lengths', '6.3', `POST / HTTP/1.1\r\n${host}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`],
  ['a list in content-length', '6.3', `POST / HTTP/1.1\r\n${host}Content-Length: 0, 0\r\n\r\n`],
  ['a sign in content-length', '6.3', `POST / HTTP/1.1\r\n${host}Content-Length: +0\r\n\r\n${smuggled}`],
  ['a hexadecimal content-length', '6.3', `POST / HTTP/1.1\r\n${host}Content-Length: 0x10\r\n\r\n`],
  ['a content-length beyond 64 bits', '6.3', `POST / HTTP/1.1\r\n${host}Content-Length: 18446744073709551617\r\n\r\n`],
  ['a space before the colon', '5.1', `POST / HTTP/1.1\r\n${host}Content-Length : 5\r\n\r\n12345`],
  ['a space before transfer-encoding\u2019s colon', '5.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
  ['a folded line', '5.2', `POST / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`],
  ['transfer-encoding on a folded line', '5.2', `POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
  ['chunked twice', '6.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ['chunked that is not last', '6.3', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['an unknown coding', '6.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['a coding with a vertical tab', '6.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  ['two transfer-encodings', '6.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
  ['transfer-encoding in HTTP/1.0', '6.1', `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a bare line feed as line end', '2.2', `GET / HTTP/1.1\nHost: a\n\n`],
  ['a bare line feed between fields', '2.2', `GET / HTTP/1.1\r\nX: y\nHost: a\r\n\r\n`],
  ['a bare carriage return in a value', '2.2', `GET / HTTP/1.1\r\n${host}X: a\rContent-Length: 5\r\n\r\n`],
  ['NUL in a value', '5.5', `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`],
  ['an empty field name', '5.1', `GET / HTTP/1.1\r\n${host}: a\r\n\r\n`],
  ['a field name with a space', '5.1', `GET / HTTP/1.1\r\n${host}a b: c\r\n\r\n`],
  ['no host', '3.2', 'GET / HTTP/1.1\r\n\r\n'],
  ['two hosts', '3.2', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['a host with user information', '3.2', 'GET / HTTP/1.1\r\nHost: user@a\r\n\r\n'],
  ['a host with a path', '3.2', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['an absolute target whose host differs', '3.2.2', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['two spaces in the request line', '3', `GET  / HTTP/1.1\r\n${host}\r\n`],
  ['a tab in the request line', '3', `GET\t/ HTTP/1.1\r\n${host}\r\n`],
  ['a target with a space', '3.2', `GET /a b HTTP/1.1\r\n${host}\r\n`],
  ['a target with a fragment', '3.2', `GET /a#b HTTP/1.1\r\n${host}\r\n`],
  ['a version of the future', '2.3', `GET / HTTP/3.0\r\n${host}\r\n`],
  ['no version', '2.3', `GET /\r\n${host}\r\n`],
  ['content-length named by connection', '7.6.1', `POST / HTTP/1.1\r\n${host}Connection: content-length\r\nContent-Length: 5\r\n\r\n12345`],
  ['authorization named by connection', '7.6.1', `GET / HTTP/1.1\r\n${host}Connection: authorization\r\nAuthorization: Bearer x\r\n\r\n`],
  ['a chunk size with 0x', '7.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0x5\r\n12345\r\n0\r\n\r\n`],
  ['a chunk size with a sign', '7.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n+5\r\n12345\r\n0\r\n\r\n`],
  ['a chunk size beyond 64 bits', '7.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\n12345\r\n0\r\n\r\n`],
  ['a chunk that ends with a bare line feed', '7.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\n12345\r\n0\r\n\r\n`],
  ['a chunk longer than its size', '7.1', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\n12345\r\n0\r\n\r\n`],
] // prettier-ignore

for (const [what, section, bytes] of refused) {
  test(`HTTP/1.1: ${what} is refused (RFC 9112 ${section})`, async ({ bench }) => {
    const before = bench.seen().length
    const answer = (await exchange(bench.port, bytes, never)).toString('latin1')
    assert.not.match(answer, /^HTTP\/1\.1 2/)
    // Content that turns out broken after its head is a failure, not a refusal: the origin never sees its end.
    const chunks = section === '7.1'
    if (!chunks) assert.match(answer, /^HTTP\/1\.[01] (400|417|501|505) /)
    const reached = bench.seen().slice(before)
    assert.not.match(reached, /smuggled/)
    if (chunks) assert.not.match(reached, /\r\n0\r\n\r\n/)
    else assert.is(reached, '')
  })
}

test('pipelined requests reach the origin one after the other, each whole', async ({ bench }) => {
  const before = bench.seen().length
  const two = `POST /one HTTP/1.1\r\n${host}Content-Length: 4\r\n\r\nbodyGET /two HTTP/1.1\r\n${host}Connection: close\r\n\r\n`
  const answer = (await exchange(bench.port, two, never)).toString('latin1')
  assert.is(answer.match(/HTTP\/1\.1 200/g)?.length, 2)
  const requests = bench
    .seen()
    .slice(before)
    .match(/(GET|POST) \/\w+ HTTP\/1\.1\r\n/g)
  assert.equal(requests, ['POST /one HTTP/1.1\r\n', 'GET /two HTTP/1.1\r\n'])
})

test('content that looks like a request stays content', async ({ bench }) => {
  const before = bench.seen().length
  const request = `POST /outer HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\nConnection: close\r\n\r\n${smuggled}`
  const answer = (await exchange(bench.port, request, never)).toString('latin1')
  assert.is(answer.match(/HTTP\/1\.1 200/g)?.length, 1)
  const reached = bench.seen().slice(before)
  assert.match(reached, new RegExp(`content-length: ${smuggled.length}\r\n`, 'i'))
})

// --- HTTP/2 ---

const pseudo: (number | [string, string])[] = [2, h2.indexed.schemeHttp, h2.indexed.path, [':authority', 'a']]
const post: (number | [string, string])[] = [
  h2.indexed.methodPost,
  h2.indexed.schemeHttp,
  h2.indexed.path,
  [':authority', 'a'],
]

/** Each is a malformed request: the stream (or the connection) is reset, or 400, and the origin sees nothing. */
const malformed: [what: string, section: string, frames: Buffer[]][] = [
  ['an upper-case field name', '8.2.1', [h2.headers(1, [...pseudo, ['X-Upper', 'a']], h2.endStream)]],
  ['a line break in a value', '8.2.1', [h2.headers(1, [...pseudo, ['x', 'a\r\nhost: b']], h2.endStream)]],
  ['a line feed in a value', '8.2.1', [h2.headers(1, [...pseudo, ['x', 'a\nb']], h2.endStream)]],
  ['NUL in a value', '8.2.1', [h2.headers(1, [...pseudo, ['x', 'a\0b']], h2.endStream)]],
  ['a colon in a field name', '8.2.1', [h2.headers(1, [...pseudo, ['x:y', 'a']], h2.endStream)]],
  ['a line break in a field name', '8.2.1', [h2.headers(1, [...pseudo, ['x\r\ny', 'a']], h2.endStream)]],
  ['connection', '8.2.2', [h2.headers(1, [...pseudo, ['connection', 'close']], h2.endStream)]],
  ['transfer-encoding', '8.2.2', [h2.headers(1, [...post, ['transfer-encoding', 'chunked']]), h2.data(1, '0\r\n\r\n', h2.endStream)]],
  ['te other than trailers', '8.2.2', [h2.headers(1, [...pseudo, ['te', 'gzip']], h2.endStream)]],
  ['no :method', '8.3.1', [h2.headers(1, pseudo.slice(1), h2.endStream)]],
  ['no :path', '8.3.1', [h2.headers(1, [2, h2.indexed.schemeHttp, [':authority', 'a']], h2.endStream)]],
  ['an empty :path', '8.3.1', [h2.headers(1, [2, h2.indexed.schemeHttp, [':path', ''], [':authority', 'a']], h2.endStream)]],
  ['a :path that is no path', '8.3.1', [h2.headers(1, [2, h2.indexed.schemeHttp, [':path', 'a'], [':authority', 'a']], h2.endStream)]],
  ['a :path with a space', '8.3.1', [h2.headers(1, [2, h2.indexed.schemeHttp, [':path', '/ HTTP/1.1'], [':authority', 'a']], h2.endStream)]],
  ['a line break in :path', '8.3.1', [h2.headers(1, [2, h2.indexed.schemeHttp, [':path', '/ HTTP/1.1\r\nx: y'], [':authority', 'a']], h2.endStream)]],
  ['a line break in :method', '8.3.1', [h2.headers(1, [[':method', 'GET / HTTP/1.1\r\nx'], ...pseudo.slice(1)], h2.endStream)]],
  ['a line break in :authority', '8.3.1', [h2.headers(1, [2, h2.indexed.schemeHttp, h2.indexed.path, [':authority', 'a\r\nx: y']], h2.endStream)]],
  ['user information in :authority', '8.3.1', [h2.headers(1, [2, h2.indexed.schemeHttp, h2.indexed.path, [':authority', 'u@a']], h2.endStream)]],
  ['two :path', '8.3', [h2.headers(1, [...pseudo, h2.indexed.path], h2.endStream)]],
  ['a pseudo field after a field', '8.3', [h2.headers(1, [2, h2.indexed.schemeHttp, ['x', 'y'], h2.indexed.path], h2.endStream)]],
  ['an unknown pseudo field', '8.3', [h2.headers(1, [...pseudo, [':unknown', 'a']], h2.endStream)]],
  [':status in a request', '8.3', [h2.headers(1, [...pseudo, h2.indexed.status200], h2.endStream)]],
  ['host that differs from :authority', '8.3.1', [h2.headers(1, [...pseudo, ['host', 'b']], h2.endStream)]],
  ['two content-lengths', '8.1.1', [h2.headers(1, [...post, ['content-length', '3'], ['content-length', '5']]), h2.data(1, '123', h2.endStream)]],
  ['a content-length with a sign', '8.1.1', [h2.headers(1, [...post, ['content-length', '+3']]), h2.data(1, '123', h2.endStream)]],
] // prettier-ignore

function frames(bytes: Buffer): { kind: number; stream: number; payload: Buffer }[] {
  const list = []
  let at = 0
  while (at + 9 <= bytes.length) {
    const length = bytes.readUIntBE(at, 3)
    list.push({
      kind: bytes.readUInt8(at + 3),
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, at + 9 + length),
    })
    at += 9 + length
  }
  return list
}

/** The gateway's verdict on stream 1: a reset, an end of the connection, or a status. */
function verdict(bytes: Buffer): string | undefined {
  for (const { kind, stream, payload } of frames(bytes)) {
    if (kind === 3 && stream === 1) return 'reset'
    if (kind === 7) return 'goaway'
    // 400 is number 12 of the static table.
    if (kind === 1 && stream === 1) return payload[0] === 0x88 ? '200' : payload[0] === 0x8c ? '400' : 'answered'
  }
  return undefined
}

for (const [what, section, sent] of malformed) {
  test(`HTTP/2: ${what} is refused (RFC 9113 ${section})`, async ({ bench }) => {
    const before = bench.seen().length
    const bytes = Buffer.concat([h2.preface, h2.settings, ...sent])
    const answer = await exchange(bench.port, bytes, (text) => verdict(Buffer.from(text, 'latin1')) !== undefined)
    assert.match(verdict(answer) ?? 'closed', /^(reset|goaway|closed|400)$/)
    assert.is(bench.seen().slice(before), '')
  })
}

for (const [what, content] of [
  ['less', '123'],
  ['more', '1234567'],
] as const) {
  test(`HTTP/2: ${what} content than its length is never a whole request at the origin (RFC 9113 8.1.1)`, async ({
    bench,
  }) => {
    const before = Number(bench.engine.stats().counts['exchanges'])
    const head = h2.headers(1, [...post, ['content-length', '5']])
    const bytes = Buffer.concat([h2.preface, h2.settings, head, h2.data(1, content, h2.endStream)])
    const answer = await exchange(bench.port, bytes, (text) => verdict(Buffer.from(text, 'latin1')) !== undefined)
    assert.is.not(verdict(answer), '200')
    await until(5_000, 'the records', () => bench.records.length >= Number(bench.engine.stats().counts['exchanges']))
    for (const record of bench.records.slice(before)) assert.ok(record.code, JSON.stringify(record))
  })
}

// --- anything at all ---

const piece = fc.constantFrom(
  'GET / HTTP/1.1\r\n',
  'POST /p HTTP/1.1\r\n',
  'Host: a\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: \tchunked\r\n',
  'Connection: keep-alive\r\n',
  'Expect: 100-continue\r\n',
  'X: \x80\r\n',
  '\r\n',
  '\n',
  '\r',
  ' ',
  '5\r\n12345\r\n',
  '0\r\n\r\n',
  '12345',
  'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
)

test(
  'whatever arrives, in whatever segments, the origin sees no more requests than were forwarded',
  async ({ bench }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 12 }), fc.nat(200), async (pieces, cut) => {
        const beforeBytes = bench.seen().length
        const beforeRecords = bench.records.length
        const bytes = Buffer.from(pieces.join(''), 'latin1')
        const socket = net.connect(bench.port, '127.0.0.1')
        const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
        socket.on('error', () => {})
        socket.resume()
        socket.write(bytes.subarray(0, cut))
        // A turn of the loop between two segments.
        await new Promise((resolve) => setImmediate(resolve))
        socket.end(bytes.subarray(cut))
        await within(8_000, 'the end of the connection', closed)
        await until(8_000, 'the end of the exchanges', () => bench.engine.stats().counts['openExchanges'] === 0)
        await until(8_000, 'the records', () => {
          const { exchanges } = bench.engine.stats().counts
          return bench.records.length >= Number(exchanges)
        })
        const forwarded = bench.records.slice(beforeRecords).reduce((sum, record) => sum + record.attempts, 0)
        const reached =
          bench
            .seen()
            .slice(beforeBytes)
            .match(/^(GET|POST) \S+ HTTP\/1\.1\r\n/gm)?.length ?? 0
        // Content may hold what looks like a request; it is behind a length that says so.
        const inContent = pieces.filter((part) => part.includes('smuggled')).length
        return reached <= forwarded + inContent
      }),
      { numRuns: 150, verbose: 1 },
    )
  },
  { withinMs: 120_000 },
)

test.run()
