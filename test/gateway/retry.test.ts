// Retries as a client and an origin notice them: a gateway of one backend, with real sockets on both sides.
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import * as assert from 'uvu/assert'
import { Upstreams } from '../../core/gateway/upstreams.ts'
import { withRetries } from '../../core/pipeline/retry.ts'
import type { End } from '../../core/pipeline/retry.ts'
import { buildServices } from '../../core/pipeline/services.ts'
import type { UpstreamSpec } from '../../core/config/model.ts'
import { until } from '../support/deadline.ts'
import { identity, listenFor, startClient, startOrigin, watchedEngine } from '../support/rig.ts'
import { suite } from '../support/suite.ts'
import { backend, config, exchange, forwarded, pipeline, spec } from '../service/fixture.ts'

const test = suite('retries over sockets')

/** A gateway before one origin. `random` is 0, so that waits are short, and no less. */
async function startGateway(origin: string, more: Partial<UpstreamSpec> = {}) {
  const { engine, records } = await watchedEngine()
  const lease = new Upstreams(engine, () => performance.now()).lease()
  const one = backend('http', { upstream: spec(origin, more) })
  const services = buildServices(config([pipeline({ backends: [one] })]), { open: lease.open, management: undefined })
  const seen = { ends: [] as End[], retried: [] as string[] }
  const listener = await listenFor(engine, 'h1', async (head) => {
    const made = { ...exchange({ prefix: '/', target: head.target, backend: one }), head }
    const to = forwarded(await services.reach(made, false))
    const { upstream, target, authority, edits, budget, maxRetries } = to
    return withRetries(
      { kind: 'forward', upstream, target, authority, edit: edits },
      {
        method: to.method ?? head.method,
        max: maxRetries,
        budget,
        signal: () => head.signal,
        now: () => performance.now(),
        random: () => 0,
        onRetry: ({ code }) => seen.retried.push(code),
        giveUp: ({ status }, why) => {
          seen.ends.push(why)
          return { kind: 'respond', status }
        },
      },
    )
  })
  const client = await startClient('h1', listener.port)
  const send = async (method: string, signal?: AbortSignal) => {
    const reply = await client.send({ method, path: '/x?y=1', ...(signal ? { signal } : {}) })
    return { status: reply.status, text: (await reply.bytes()).toString() }
  }
  const close = async () => {
    await client.close()
    await engine.stop({ graceMs: 0 })
  }
  return { send, seen, records, close }
}

/** An origin over bare TCP: `on` is given each request's first line, and the socket to answer on. */
async function startTcp(on: (line: string, socket: net.Socket, index: number) => void, port = 0) {
  const lines: string[] = []
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const line = data.toString('latin1').split('\r\n')[0] ?? ''
      lines.push(line)
      on(line, socket, lines.length)
    })
  })
  await once(server.listen(port, '127.0.0.1'), 'listening')
  const bound = (server.address() as AddressInfo).port
  const close = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { lines, close, port: bound, url: `http://127.0.0.1:${bound}` }
}

const fine = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine'

test('nothing listens: every method is tried again, then answered 502', async () => {
  const gone = await startTcp(() => {})
  gone.close()
  const gateway = await startGateway(gone.url, { maxRetries: 2 })
  try {
    for (const method of ['GET', 'POST']) assert.is((await gateway.send(method)).status, 502, method)
    assert.equal(gateway.seen.ends, ['exhausted', 'exhausted'])
    assert.equal(gateway.seen.retried, ['connect/refused', 'connect/refused', 'connect/refused', 'connect/refused'])
    await until(5_000, 'both records', () => gateway.records.length === 2)
    assert.equal(
      gateway.records.map(({ attempts }) => attempts),
      [3, 3],
    )
  } finally {
    await gateway.close()
  }
})

test('an origin that closes without an answer is asked again for GET, and once for POST', async () => {
  const origin = await startTcp((_line, socket, index) => {
    if (index === 2) socket.write(fine)
    else socket.destroy()
  })
  const gateway = await startGateway(origin.url)
  try {
    assert.equal(await gateway.send('GET'), { status: 200, text: 'fine' })
    assert.equal(origin.lines, ['GET /x?y=1 HTTP/1.1', 'GET /x?y=1 HTTP/1.1'])
    origin.lines.length = 0
    // a new connection: one of the pool that turns out to be closed is the engine's to mend
    const other = await startGateway(origin.url)
    assert.is((await other.send('POST')).status, 502)
    assert.equal([origin.lines.length, other.seen.ends], [1, ['unsafe']])
    await other.close()
  } finally {
    await gateway.close()
    origin.close()
  }
})

test('an origin that is silent is asked again for GET after the time-out, and once for POST', async () => {
  const origin = await startTcp((line, socket, index) => {
    if (line.startsWith('GET') && index === 2) socket.write(fine)
  })
  const gateway = await startGateway(origin.url, { timeoutSecs: 0.1 })
  try {
    assert.equal(await gateway.send('GET'), { status: 200, text: 'fine' })
    assert.equal(gateway.seen.retried, ['timeout/first-byte'])
    origin.lines.length = 0
    assert.is((await gateway.send('POST')).status, 504)
    assert.equal([origin.lines.length, gateway.seen.ends], [1, ['unsafe']])
  } finally {
    await gateway.close()
    origin.close()
  }
})

test('a response that has begun is never asked for again', async () => {
  const origin = await startTcp((_line, socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\nhalf'))
  const gateway = await startGateway(origin.url)
  try {
    let failed: unknown
    await gateway.send('GET').catch((error: unknown) => (failed = error))
    assert.ok(failed, 'the client sees that it was cut')
    assert.is(origin.lines.length, 1)
  } finally {
    await gateway.close()
    origin.close()
  }
})

test('a head that was cut is not asked for again', async () => {
  const origin = await startTcp((_line, socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'))
  const gateway = await startGateway(origin.url)
  try {
    assert.is((await gateway.send('GET')).status, 502)
    assert.is(origin.lines.length, 1)
  } finally {
    await gateway.close()
    origin.close()
  }
})

test('an error status of the origin is an answer', async () => {
  const origin = await startTcp((_line, socket) => socket.write('HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n'))
  const gateway = await startGateway(origin.url)
  try {
    assert.is((await gateway.send('GET')).status, 503)
    assert.equal([origin.lines.length, gateway.seen.retried], [1, []])
  } finally {
    await gateway.close()
    origin.close()
  }
})

test('a stream that the origin refused is tried again, for POST too', async () => {
  let refusals = 0
  const origin = await startOrigin('h2', (request, response) => {
    // the engine itself tries once more
    refusals += 1
    const { stream } = request as http2.Http2ServerRequest
    if (refusals <= 3) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)
    else response.end('fine')
  })
  const gateway = await startGateway(origin.url, { ca: Buffer.from(identity().ca) })
  try {
    assert.equal(await gateway.send('POST'), { status: 200, text: 'fine' })
    assert.ok(gateway.seen.retried.length > 0)
    assert.ok(gateway.seen.retried.every((code) => code === 'upstream/refused'))
  } finally {
    await gateway.close()
    await origin.close()
  }
})

test('a client that leaves during the wait ends the tries', async () => {
  const controller = new AbortController()
  const origin = await startTcp((_line, socket, index) => {
    socket.destroy()
    if (index === 4) controller.abort()
  })
  // the fourth wait is 100 ms: the client leaves in it
  const gateway = await startGateway(origin.url, { maxRetries: 9 })
  try {
    await gateway.send('GET', controller.signal).catch(() => {})
    await until(5_000, 'the record', () => gateway.records.length === 1)
    assert.is(gateway.records[0]?.code, 'client/cancelled')
    await until(5_000, 'the end of the wait', () => gateway.seen.ends.length === 1)
    assert.equal([gateway.seen.ends, origin.lines.length], [['gone'], 4])
  } finally {
    await gateway.close()
    origin.close()
  }
})

test('an outage is not multiplied: the budget of the upstream ends the retries of all requests', async () => {
  const gone = await startTcp(() => {})
  gone.close()
  const gateway = await startGateway(gone.url, { maxRetries: 3 })
  try {
    await Promise.all(Array.from({ length: 50 }, () => gateway.send('GET')))
    const retried = gateway.seen.retried.length
    // the floor of 10, a fifth of 50, and a second's recovery
    assert.ok(retried >= 18 && retried <= 22, `${retried} retries of 50 requests`)
    assert.ok(gateway.seen.ends.includes('budget'))
  } finally {
    await gateway.close()
  }
})

test.run()
