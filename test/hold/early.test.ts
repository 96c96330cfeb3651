// Early answers: an upstream that answers while the upload still runs is heard, and nobody hangs.
// deadline: 180 s
import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import { needsPeers, peer } from '../peers/find.ts'
import { run } from '../peers/process.ts'
import { identity, pairs, portOf, protocols, withRig } from '../support/rig.ts'
import type { Handler } from '../support/rig.ts'
import { until, within } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('early answers')

const offered = 50 * 1024 * 1024
const chunk = Buffer.alloc(65_536, 'x')

/** Answers at once, and reads nothing. */
const refusing: Handler = (_request, response) => {
  response.writeHead(413, { 'content-length': 5 })
  response.end('large')
}

/** So many bytes, as fast as they are taken. */
function large(counted: { sent: number }): Readable {
  return new Readable({
    read() {
      const more = counted.sent < offered
      if (more) counted.sent += chunk.length
      this.push(more ? chunk : null)
    },
  })
}

for (const { from, to, name } of pairs) {
  test(`a 413 to an upload of 50 MB arrives, and the rest of it is not carried, ${name}`, async () => {
    await withRig({ from, to, handler: refusing }, async ({ client, record }) => {
      const counted = { sent: 0 }
      const reply = await within(10_000, 'the answer', client.send({ method: 'POST', body: large(counted) }))
      assert.is(reply.status, 413)
      assert.is(String(await within(10_000, 'its content', reply.bytes())), 'large')
      const { status, bytesIn } = await record()
      assert.is(status, 413)
      assert.ok(bytesIn < offered / 2, `${bytesIn} bytes were read`)
      // the next request has its answer too, on this connection or another
      assert.is((await within(10_000, 'another answer', client.send({}))).status, 413)
    })
  })

  for (const [version, flag] of [
    ['h1', '--http1.1'],
    ['h2', '--http2'],
  ] as const) {
    if (version !== from) continue
    test(
      `curl ends a post of 50 MB with the 413 that it is answered, ${name}`,
      async () => {
        await withRig({ from, to, handler: refusing }, async ({ listener }) => {
          const url = `${from === 'h1' ? 'http' : 'https'}://localhost:${portOf(listener, from)}/`
          const args = ['-q', '-sS', '-i', flag, '--cacert', identity().authority.ca, '--noproxy', '*', '--ipv4']
          // without the header, curl waits a second for a 100
          const post = ['-X', 'POST', '--data-binary', '@-', '-H', 'expect:']
          const done = await run(peer('curl'), [...args, ...post, url], {
            deadlineMs: 20_000,
            input: Buffer.alloc(offered),
          })
          assert.match(done.stdout, /^HTTP\/[12.]+ 413 /, done.stderr)
          assert.match(done.stdout, /\r\n\r\nlarge$/)
          assert.is(done.code, 0, done.stderr)
        })
      },
      { skip: needsPeers('curl') },
    )
  }

  test(`an upload goes on beside an answer that has begun, ${name}`, async () => {
    // RFC 9113 8.1, RFC 9114 4.1, and HTTP/1.1 by its two directions
    const handler: Handler = (request, response) => {
      response.writeHead(200)
      response.write('began')
      let received = 0
      request.on('data', (piece: Buffer) => (received += piece.length))
      request.on('end', () => response.end(` ${received}`))
    }
    await withRig({ from, to, handler }, async ({ client, record }) => {
      const body = new Readable({ read() {} })
      body.push('first')
      const reply = await within(5_000, 'the head', client.send({ method: 'POST', body }))
      let received = ''
      reply.body.on('data', (piece: Buffer) => (received += String(piece)))
      await until(5_000, 'the beginning', () => received === 'began')
      body.push(Buffer.alloc(300_000))
      body.push(null)
      await until(5_000, 'the end', () => received === 'began 300005')
      assert.is((await record()).code, undefined)
    })
  })
}

for (const from of protocols) {
  test(`an answer that a slow client has not read yet is whole, though its upload was given up, ${from}`, async () => {
    // more than a stream's first window over HTTP/2, so that some of it waits in the gateway
    const length = 70_000
    const handler: Handler = (_request, response) => {
      response.writeHead(413, { 'content-length': length })
      response.end(Buffer.alloc(length))
    }
    // how long the rest of an upload is waited for
    const limits = { bodyIdleMs: 500 }
    await withRig({ from, to: 'h1', handler, limits }, async ({ client, record }) => {
      const body = new Readable({ read() {} })
      body.push('some')
      const reply = await within(5_000, 'the head', client.send({ method: 'POST', body }))
      reply.body.pause()
      // the exchange is over before the client reads on
      assert.is((await record()).status, 413)
      assert.is((await within(5_000, 'the content', reply.bytes())).length, length)
      body.destroy()
    })
  })
}

test.run()
