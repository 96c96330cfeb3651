// Fidelity: what goes in comes out, in every pair of protocols.
import http from 'node:http'
import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import { pairs, protocols, withRig } from '../support/rig.ts'
import type { Handler, Request } from '../support/rig.ts'
import { within } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('fidelity')

async function read(request: Request): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Answers with what it saw, as JSON. */
const mirror: Handler = (request, response) => {
  void read(request).then((body) => {
    const seen = {
      method: request.method,
      url: request.url,
      headers: request.headers,
      raw: request.rawHeaders,
      trailers: request.trailers,
      length: body.length,
      body: body.toString('latin1'),
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(seen))
  })
}

type Seen = {
  method: string
  url: string
  headers: Record<string, string | string[]>
  raw: string[]
  trailers: Record<string, string>
  length: number
  body: string
}

for (const { from, to, name } of pairs) {
  test(`repeated fields and bytes in values arrive as they were sent, ${name}`, async () => {
    await withRig({ from, to, handler: mirror }, async ({ client }) => {
      const reply = await client.send({
        path: '/a%20b//c?x=1&x=%ff&y',
        headers: { 'x-many': ['one', 'two', 'three'], 'x-bytes': 'caf\u00e9 \u00ff', cookie: 'a=1; b=2' },
      })
      const seen = JSON.parse(String(await reply.bytes())) as Seen
      assert.is(seen.url, '/a%20b//c?x=1&x=%ff&y')
      assert.is(seen.headers['x-many'], 'one, two, three')
      assert.is(seen.headers['x-bytes'], 'caf\u00e9 \u00ff')
      assert.is(seen.headers['cookie'], 'a=1; b=2')
    })
  })

  test(`repeated fields of an answer arrive as they were sent, ${name}`, async () => {
    const handler: Handler = (_request, response) => {
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.setHeader('x-bytes', 'caf\u00e9')
      // Node joins a head to a first piece that is a string, and writes both as UTF-8
      response.end(Buffer.from('ok'))
    }
    await withRig({ from, to, handler }, async ({ client }) => {
      const reply = await client.send({})
      assert.equal(reply.headers['set-cookie'], ['a=1', 'b=2'])
      assert.is(reply.headers['x-bytes'], 'caf\u00e9')
      assert.is(reply.rawHeaders.filter(([field]) => field.toLowerCase() === 'date').length, 1)
    })
  })

  test(`a body of 0, 1 and 1,000,000 bytes arrives whole in both directions, ${name}`, async () => {
    const handler: Handler = (request, response) => {
      void read(request).then((body) => {
        response.setHeader('content-length', body.length)
        response.end(body)
      })
    }
    await withRig({ from, to, handler }, async ({ client }) => {
      for (const length of [0, 1, 1_000_000]) {
        const sent = Buffer.alloc(length, 'abcdefg')
        const reply = await client.send({
          method: 'POST',
          body: sent,
          headers: { 'content-length': String(length) },
        })
        assert.is(reply.status, 200)
        assert.is(reply.headers['content-length'], String(length))
        const got = await within(10_000, `${length} bytes`, reply.bytes())
        assert.ok(got.equals(sent), `${length} bytes`)
      }
    })
  })

  test(`content of unknown length arrives whole, ${name}`, async () => {
    await withRig({ from, to, handler: mirror }, async ({ client }) => {
      const body = Readable.from(['one', 'two', 'three'])
      const reply = await client.send({ method: 'POST', body })
      const seen = JSON.parse(String(await reply.bytes())) as Seen
      assert.is(seen.body, 'onetwothree')
      assert.is(seen.headers['content-length'], undefined)
    })
  })

  test(`a GET without a body is forwarded without one, ${name}`, async () => {
    await withRig({ from, to, handler: mirror }, async ({ client }) => {
      const seen = JSON.parse(String(await (await client.send({})).bytes())) as Seen
      assert.is(seen.length, 0)
      assert.is(seen.headers['transfer-encoding'], undefined)
      assert.is(seen.headers['content-length'], undefined)
    })
  })

  test(`trailers of an answer arrive, ${name}`, async () => {
    const handler: Handler = (_request, response) => {
      if (to !== 'h2') response.setHeader('trailer', 'x-sum')
      response.write('content')
      response.addTrailers({ 'x-sum': 'abc' })
      response.end()
    }
    await withRig({ from, to, handler }, async ({ client }) => {
      const reply = await client.send({ headers: { te: 'trailers' } })
      assert.is(String(await reply.bytes()), 'content')
      assert.is(reply.trailers()['x-sum'], 'abc')
    })
  })

  test(`103 Early Hints arrives before the answer, ${name}`, async () => {
    const handler: Handler = (_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.end('done')
    }
    await withRig({ from, to, handler }, async ({ client }) => {
      const reply = await client.send({})
      assert.is(String(await reply.bytes()), 'done')
      assert.is(reply.status, 200)
      assert.equal(
        reply.interim.map(({ status, headers }) => [status, headers['link']]),
        [[103, '</style.css>; rel=preload']],
      )
    })
  })

  test(`HEAD, 204 and 304 have no content and keep their fields, ${name}`, async () => {
    const handler: Handler = (request, response) => {
      if (request.url === '/204') response.writeHead(204)
      else if (request.url === '/304') response.writeHead(304, { etag: '"x"' })
      else response.writeHead(200, { 'content-length': 5 })
      if (request.method === 'GET' && request.url === '/') response.write('12345')
      response.end()
    }
    await withRig({ from, to, handler }, async ({ client }) => {
      const head = await client.send({ method: 'HEAD' })
      assert.is(head.status, 200)
      assert.is(head.headers['content-length'], '5')
      assert.is((await head.bytes()).length, 0)
      const none = await client.send({ path: '/204' })
      assert.is(none.status, 204)
      assert.is(none.headers['content-length'], undefined)
      assert.is((await none.bytes()).length, 0)
      const same = await client.send({ path: '/304' })
      assert.is(same.status, 304)
      assert.is(same.headers['etag'], '"x"')
      assert.is((await same.bytes()).length, 0)
      // The connection is still good for another.
      assert.is(String(await (await client.send({})).bytes()), '12345')
    })
  })

  test(`Expect: 100-continue waits for the upstream's word, ${name}`, async () => {
    let go = (): void => {}
    const asked = new Promise<void>((resolve) => {
      go = resolve
    })
    let word = (): void => {}
    const handler: Handler = (request, response) => {
      word = () => response.writeContinue()
      go()
      void read(request).then((body) => response.end(`${body.length} ${String(request.headers.expect)}`))
    }
    await withRig({ from, to, handler }, async ({ client }) => {
      const body = new Readable({ read() {} })
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
      await within(5_000, 'the request', asked)
      assert.is(informed, 0)
      word()
      assert.is(String(await (await within(5_000, 'the answer', reply)).bytes()), '4 100-continue')
      assert.is(informed, 100)
    })
  })

  test(`a refusal instead of a 100 leaves the content unsent, ${name}`, async () => {
    const handler: Handler = (_request, response) => {
      response.writeHead(417, { 'content-length': 2 })
      response.end('no')
    }
    await withRig({ from, to, handler }, async ({ client, record }) => {
      const body = new Readable({ read() {} })
      const headers = { expect: '100-continue', 'content-length': '4' }
      const reply = await within(5_000, 'the answer', client.send({ method: 'POST', headers, body }))
      assert.equal([reply.status, String(await reply.bytes()), reply.interim.length], [417, 'no', 0])
      assert.is((await record()).bytesIn, 0)
      body.destroy()
    })
  })

  test(`fields of one connection do not pass, te: trailers does, ${name}`, async () => {
    const handler: Handler = (request, response) => {
      if (to !== 'h2') {
        response.setHeader('connection', 'x-inner')
        response.setHeader('x-inner', 'its own')
        response.setHeader('keep-alive', 'timeout=3')
        response.setHeader('proxy-connection', 'keep-alive')
      }
      response.setHeader('via', '1.0 before')
      mirror(request, response)
    }
    await withRig({ from, to, handler }, async ({ client }) => {
      const own = { connection: 'x-foo, keep-alive', 'x-foo': 'mine', 'keep-alive': 'timeout=3', te: 'trailers, gzip' }
      const headers = from === 'h2' ? { te: 'trailers' } : { ...own, 'proxy-connection': 'keep-alive' }
      const reply = await client.send({ headers: { ...headers, via: '1.1 a', 'max-forwards': '3' } })
      const seen = JSON.parse(String(await reply.bytes())) as Seen
      for (const gone of ['x-foo', 'keep-alive', 'proxy-connection', 'upgrade'])
        assert.is(seen.headers[gone], undefined)
      assert.is(seen.headers['te'], 'trailers')
      // end to end: whose business it is says so in an edit
      assert.is(seen.headers['via'], '1.1 a')
      assert.is(seen.headers['max-forwards'], '3')
      assert.is(reply.headers['via'], '1.0 before')
      assert.is(reply.headers['x-inner'], undefined)
      assert.is(reply.headers['proxy-connection'], undefined)
      assert.is.not(reply.headers['keep-alive'], 'timeout=3')
      if (from !== 'h1') assert.is.not(String(reply.headers['connection']), 'x-inner')
    })
  })

  test(`an upstream that sends interim answers without end is a failure, ${name}`, async () => {
    const handler: Handler = (_request, response) => {
      for (let count = 0; count < 500; count++) response.writeEarlyHints({ link: `</${count}.css>; rel=preload` })
      response.end('at last')
    }
    await withRig({ from, to, handler }, async ({ client, record }) => {
      const reply = await within(5_000, 'the answer', client.send({}))
      assert.is(reply.status, 502)
      assert.ok(reply.interim.length <= 16, `${reply.interim.length} interim answers`)
      // the one before an HTTP/3 origin refuses it first
      if (to !== 'h3') assert.is((await record()).code, 'upstream/protocol')
    })
  })

  test(`answers without content are complete whatever their fields say, ${name}`, async () => {
    const handler: Handler = (request, response) => {
      const fields = request.url === '/chunked' ? {} : { 'content-length': 5 }
      const status = request.url === '/304' ? 304 : 200
      response.writeHead(status, { etag: '"x"', ...fields })
      response.end()
    }
    await withRig({ from, to, handler }, async ({ client, record }) => {
      let count = 0
      for (const [method, path, length] of [
        ['HEAD', '/length', '5'],
        ['HEAD', '/chunked', undefined],
        ['GET', '/304', '5'],
        ['HEAD', '/304', '5'],
      ] as const) {
        // Node's server of HTTP/2 drops a length that is not that of the content
        const wanted = to === 'h2' && path === '/304' ? undefined : length
        const reply = await within(5_000, `${method} ${path}`, client.send({ method, path }))
        assert.is((await reply.bytes()).length, 0)
        assert.is(reply.headers['etag'], '"x"')
        if (wanted !== undefined) assert.is(reply.headers['content-length'], wanted, `${method} ${path}`)
        count += 1
        assert.is((await record(count)).code, undefined, `${method} ${path}`)
      }
    })
  })

  test(`an answer that comes while the upload still runs arrives, ${name}`, async () => {
    const handler: Handler = (_request, response) => {
      response.writeHead(413, { 'content-length': 5 })
      response.end('large')
    }
    await withRig({ from, to, handler }, async ({ client, record }) => {
      const body = new Readable({ read() {} })
      body.push(Buffer.alloc(30_000))
      const reply = await within(5_000, 'the answer', client.send({ method: 'POST', body }))
      assert.is(reply.status, 413)
      assert.is(String(await reply.bytes()), 'large')
      body.push(null)
      await record()
    })
  })

  test(`many requests at once get their own answers, ${name}`, async () => {
    const handler: Handler = (request, response) => {
      setImmediate(() => response.end(request.url))
    }
    await withRig({ from, to, handler }, async ({ client }) => {
      const paths = Array.from({ length: 200 }, (_, index) => `/${index}`)
      const answers = await Promise.all(paths.map(async (path) => String(await (await client.send({ path })).bytes())))
      assert.equal(answers, paths)
    })
  })
}

for (const from of protocols) {
  test(`an upstream's own date is kept, and there is one, ${from}`, async () => {
    const date = 'Tue, 15 Nov 1994 08:12:31 GMT'
    const handler: Handler = (request, response) => {
      response.sendDate = false
      if (request.url === '/own') response.setHeader('date', date)
      response.end()
    }
    await withRig({ from, to: 'h1', handler }, async ({ client }) => {
      for (const path of ['/own', '/none']) {
        const { rawHeaders } = await client.send({ path })
        const dates = rawHeaders.filter(([field]) => field.toLowerCase() === 'date').map(([, value]) => value)
        assert.is(dates.length, 1, path)
        if (path === '/own') assert.is(dates[0], date)
      }
    })
  })
}

test('the version of an answer is the connection\u2019s own, not the upstream\u2019s', async () => {
  await withRig({ from: 'h1', to: 'h3', handler: mirror }, async ({ listener }) => {
    const version = await new Promise<string>((resolve, reject) => {
      http
        .get({ host: '127.0.0.1', port: listener.port, agent: false }, (response) => {
          response.resume()
          resolve(response.httpVersion)
        })
        .on('error', reject)
    })
    assert.is(version, '1.1')
  })
})

test.run()
