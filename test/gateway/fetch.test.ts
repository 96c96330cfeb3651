// Fetching a small document: from whom, how much, how long.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { createFetcher } from '../../core/gateway/fetch.ts'
import { until } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('fetch')

const served: Record<string, (response: http.ServerResponse) => void> = {
  '/keys': (response) => response.end('{"keys":[]}'),
  '/moved': (response) => response.writeHead(302, { location: '/keys' }).end(),
  '/missing': (response) => response.writeHead(404).end('{"keys":[]}'),
  '/empty': (response) => response.writeHead(204).end(),
  '/text': (response) => response.end('s3cret, no JSON'),
  '/latin': (response) => response.end(Buffer.from([0x22, 0xff, 0x22])),
  '/large': (response) => response.end(`"${'x'.repeat(2_000)}"`),
  '/bomb': (response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(`"${'x'.repeat(1_000_000)}"`))
  },
  '/silent': () => {},
  '/slow': (response) => response.write('{"keys":'),
  '/cut': (response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{')
    setImmediate(() => response.destroy())
  },
}

let hits: string[] = []
const server = http.createServer((request, response) => {
  hits.push(request.url ?? '')
  served[request.url ?? '']?.(response)
})
let base = ''
test.before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
test.after(() => {
  server.closeAllConnections()
  server.close()
})
test.before.each(() => {
  hits = []
})

const fetcher = createFetcher({ timeoutMs: 300, maxBytes: 1_000 })

async function failure(url: string): Promise<string> {
  try {
    await fetcher(url)
  } catch (error) {
    if (error instanceof Error) return error.message
  }
  throw new Error('it did not fail')
}

test('a document is fetched from https, and from http on loopback', async () => {
  assert.equal(await fetcher(`${base}/keys`), { keys: [] })
  assert.equal(await fetcher(`${base.replace('127.0.0.1', 'localhost')}/keys`), { keys: [] })
})

for (const [path, expected] of [
  ['/moved', /cannot be reached/],
  ['/missing', /answered 404: must be 200/],
  ['/empty', /answered 204/],
  ['/text', /is no JSON$/],
  ['/latin', /is no JSON$/],
  ['/large', /larger than 1000 bytes/],
  ['/bomb', /larger than 1000 bytes/],
  ['/silent', /no answer within 300 ms/],
  ['/slow', /no whole answer within 300 ms/],
  ['/cut', /was cut/],
] as const) {
  test(`${path} is refused`, async () => {
    const message = await failure(base + path)
    assert.match(message, expected)
    assert.match(message, base, 'it names the origin')
    assert.not.match(message, 's3cret')
    assert.equal(hits, [path], 'asked once, and no redirect followed')
  })
}

for (const url of [
  'http://keys.test/jwks',
  'http://127.0.0.1.keys.test/',
  'http://localhost.keys.test/',
  'http://10.0.0.1/',
  'ftp://127.0.0.1/',
  'file:///etc/passwd',
  'data:application/json,{}',
  'blob:null/x',
]) {
  test(`${url} is not asked`, async () => {
    assert.match(await failure(url), /must be https, or http on loopback/)
  })
}

test('credentials in a URL are refused and not shown', async () => {
  const message = await failure('https://user:s3cret@keys.test/')
  assert.match(message, /must hold no credentials/)
  assert.not.match(message, 's3cret')
  assert.match(await failure('no url'), /malformed/)
})

test('requests that come together share one fetch, later ones have their own', async () => {
  await Promise.all([fetcher(`${base}/keys`), fetcher(`${base}/keys`), fetcher(`${base}/keys`)])
  await until(1_000, 'one request', () => hits.length === 1)
  await fetcher(`${base}/keys`)
  assert.is(hits.length, 2)
  await failure(`${base}/missing`)
  await failure(`${base}/missing`)
  assert.is(hits.length, 4, 'a failure is not remembered')
})

test.run()
