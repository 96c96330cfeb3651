// Load: bodies of every size, many fresh connections, many idle ones, and many readers that stall.
// deadline: 900 s
// alone: it measures memory and moves gigabytes
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import tls from 'node:tls'
import { Readable } from 'node:stream'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as assert from 'uvu/assert'
import {
  identity,
  listenFor,
  listenOptions,
  pairs,
  portOf,
  protocols,
  startClient,
  startOrigin,
  toOrigin,
  watchedEngine,
  withRig,
} from '../support/rig.ts'
import type { Client, Handler, Reply } from '../support/rig.ts'
import { startApart } from '../support/apart.ts'
import { until, within } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('load')
const MiB = 1024 * 1024

/** What long bodies consist of, again and again: bytes that are lost or swapped do not match. */
const pattern = randomBytes(MiB)
/** Beyond 32 bits in CI, which sets HARMONY_LONG; a gigabyte elsewhere. */
const longBytes = (process.env['HARMONY_LONG'] ? 5 : 1) * 1024 * MiB

function patterned(length: number): Readable {
  let sent = 0
  return new Readable({
    highWaterMark: MiB,
    read() {
      if (sent === length) {
        this.push(null)
        return
      }
      const piece = pattern.subarray(0, Math.min(MiB, length - sent))
      sent += piece.length
      this.push(piece)
    },
  })
}

/** Reads to the end; fails for the first byte that is not the pattern's. */
async function countPattern(body: Readable): Promise<number> {
  let count = 0
  for await (const chunk of body) {
    let piece = chunk as Buffer
    while (piece.length > 0) {
      const at = count % MiB
      const part = piece.subarray(0, MiB - at)
      if (pattern.compare(part, 0, part.length, at, at + part.length) !== 0) throw new Error(`other bytes at ${count}`)
      count += part.length
      piece = piece.subarray(part.length)
    }
  }
  return count
}

/** GET answers with as many bytes as the path says; POST with the number of bytes it was given. */
const echo: Handler = (request, response) => {
  response.on('error', () => {})
  if (request.method === 'GET') {
    const length = Number(request.url?.slice(1))
    response.writeHead(200, { 'content-length': length })
    patterned(length).pipe(response)
  } else {
    void countPattern(request).then(
      (count) => response.end(String(count)),
      (error: unknown) => response.end(String(error)),
    )
  }
}

/** Makes the connection to the upstream a fresh one too. */
const closing: Handler = (_request, response) => {
  response.setHeader('connection', 'close')
  response.end('fresh')
}

for (const { from, to, name } of pairs) {
  test(`bodies of 0 bytes, 1 byte and a few more arrive whole, both ways, ${name}`, async () => {
    await withRig({ from, to, handler: echo }, async (rig) => {
      const { client } = rig
      let count = 0
      for (const length of [0, 1, 2, 16_383, 16_384, 65_537, 3 * MiB]) {
        const reply = await client.send({ path: `/${length}` })
        assert.is(reply.headers['content-length'], String(length))
        assert.is(await countPattern(reply.body), length)
        const declared = await client.send({
          method: 'POST',
          headers: { 'content-length': String(length) },
          body: patterned(length),
        })
        assert.is(String(await declared.bytes()), String(length))
        const streamed = await client.send({ method: 'POST', body: patterned(length) })
        assert.is(String(await streamed.bytes()), String(length))
        count += 3
      }
      assert.is((await rig.record(count)).code, undefined)
    })
  })
}

for (const protocol of protocols) {
  const title = `${longBytes / MiB / 1024} GiB arrive whole`
  test(
    `${title}, down and up, ${protocol} to ${protocol}`,
    async () => {
      await withRig({ from: protocol, to: protocol, handler: echo }, async (rig) => {
        const { client } = rig
        const reply = await client.send({ path: `/${longBytes}` })
        assert.is(await countPattern(reply.body), longBytes)
        assert.is((await rig.record(1)).bytesOut, longBytes)
        const sent = await client.send({ method: 'POST', body: patterned(longBytes) })
        assert.is(String(await sent.bytes()), String(longBytes))
        assert.is((await rig.record(2)).bytesIn, longBytes)
      })
    },
    { withinMs: 300_000 },
  )

  test(`2,000 fresh connections are each served and forgotten, ${protocol}`, async () => {
    await withRig({ from: protocol, to: 'h1', handler: closing }, async (rig) => {
      const dial = await dialler(protocol, portOf(rig.listener, protocol))
      let left = 2_000
      const worker = async (): Promise<void> => {
        while (left > 0) {
          left -= 1
          assert.is(await dial.once(), 'fresh')
        }
      }
      await Promise.all(Array.from({ length: 40 }, worker))
      await rig.record(2_000)
      assert.is(rig.records.length, 2_000)
      assert.equal(
        rig.records.filter(({ code }) => code !== undefined),
        [],
      )
      assert.is(new Set(rig.records.map(({ connection }) => connection)).size, 2_000)
      await dial.close()
      // Over HTTP/2 the rig's own client has one, which it has not used yet.
      const own = protocol === 'h2' ? 1 : 0
      await until(10_000, 'the end of all connections', () => open(rig.engine.stats().counts) <= own)
    })
  })

  test(`1,000 idle connections cost little memory and still serve, ${protocol}`, async () => {
    const apart = await startApart({ listen: listenOptions(protocol) })
    const dial = await dialler(protocol, apart.port)
    try {
      assert.is(await dial.once(), 'ok')
      const before = (await apart.status()).residentBytes
      const kept: Kept[] = []
      while (kept.length < 1_000) {
        kept.push(...(await Promise.all(Array.from({ length: 50 }, () => dial.keep()))))
      }
      const { residentBytes, counts } = await apart.status()
      assert.ok(open(counts) >= 1_000, JSON.stringify(counts))
      const each = Math.round((residentBytes - before) / kept.length / 1024)
      console.log(`${protocol}: ${each} KiB for an idle connection`)
      assert.ok(each < 160, `${each} KiB for an idle connection`)
      assert.equal([...new Set(await Promise.all(kept.map((one) => one.again())))], ['ok'])
      for (const one of kept) one.end()
    } finally {
      await dial.close()
      await apart.close()
    }
  })
}

for (const { from, to, name } of pairs) {
  test(
    `200 readers that stall hold bounded memory, and others are served, ${name}`,
    async () => {
      const stalled = 200
      const offered = 32 * MiB
      let taken = 0
      const handler: Handler = (request, response) => {
        response.on('error', () => {})
        if (request.url === '/small') {
          response.end('small')
          return
        }
        const body = patterned(offered)
        body.on('data', (piece: Buffer) => (taken += piece.length))
        body.pipe(response)
      }
      const origin = await startOrigin(to, handler)
      // One connection to the upstream, where it carries many requests: the stalled ones fill it.
      const pool = to === 'h1' ? { maxConnections: 512 } : { maxConnections: 1, maxStreams: 512 }
      const apart = await startApart({
        listen: listenOptions(from, { maxStreams: 512 }),
        upstream: toOrigin(origin, to, { pool }),
      })
      const client = await startClient(from, apart.port)
      const other = await startClient(from, apart.port)
      try {
        assert.is(await textOf(other, '/small'), 'small')
        const before = (await apart.status()).residentBytes
        const replies: Reply[] = []
        for (let index = 0; index < stalled; index += 1) replies.push(await client.send({ path: '/big' }))
        await still(() => taken)
        for (let index = 0; index < 20; index += 1) {
          assert.is(await within(5_000, 'another request', textOf(other, '/small')), 'small')
        }
        const grown = (await apart.status()).residentBytes - before
        assert.ok(taken < stalled * offered, 'nobody stalled')
        console.log(`${name}: ${Math.round(grown / MiB)} MiB for ${stalled} stalled readers`)
        assert.ok(grown < stalled * 0.75 * MiB, `${Math.round(grown / MiB)} MiB for ${stalled} readers`)
        // A stalled one goes on as soon as it is read.
        const first = replies[0]
        assert.is(first && (await within(20_000, 'a body', countPattern(first.body))), offered)
      } finally {
        await Promise.all([client.close(), other.close()])
        await apart.close()
        await origin.close()
      }
    },
    { withinMs: 120_000 },
  )
}

const open = (counts: Readonly<Record<string, number>>): number =>
  ['openHttp1', 'openHttp2', 'openHttp3'].reduce((sum, name) => sum + (counts[name] ?? Number.NaN), 0)

async function textOf(client: Client, path: string): Promise<string> {
  return String(await (await client.send({ path })).bytes())
}

/** Waits until a number no longer changes. */
async function still(read: () => number): Promise<void> {
  let last = -1
  let since = performance.now()
  await until(60_000, 'a standstill', () => {
    if (read() !== last) {
      last = read()
      since = performance.now()
    }
    return performance.now() - since > 500
  })
}

type Kept = { again(): Promise<string>; end(): void }
type Dialler = { once(): Promise<string>; keep(): Promise<Kept>; close(): Promise<void> }

/** Makes a connection of its own for each request. */
async function dialler(protocol: 'h1' | 'h2' | 'h3', port: number): Promise<Dialler> {
  const keep = protocol === 'h1' ? async () => keepHttp1(port) : async () => keepHttp2(port)
  const { keep: made, close } = protocol === 'h3' ? await http3Keeper(port) : { keep, close: async () => {} }
  return {
    keep: async () => {
      const kept = await made()
      await kept.again()
      return kept
    },
    once: async () => {
      const kept = await made()
      const text = await kept.again()
      kept.end()
      return text
    },
    close,
  }
}

async function keepHttp1(port: number): Promise<Kept> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const again = async (): Promise<string> => {
    const request = http.get({ host: '127.0.0.1', port, agent })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    return String(Buffer.concat((await response.toArray()) as Buffer[]))
  }
  return { again, end: () => agent.destroy() }
}

async function keepHttp2(port: number): Promise<Kept> {
  const socket = net.connect(port, '127.0.0.1')
  const session = http2.connect('https://localhost', {
    ca: identity().ca,
    createConnection: () => tls.connect({ socket, servername: 'localhost', ca: identity().ca, ALPNProtocols: ['h2'] }),
  })
  session.on('error', () => {})
  const again = async (): Promise<string> => {
    const stream = session.request({ ':path': '/' })
    return String(Buffer.concat((await stream.toArray()) as Buffer[]))
  }
  return { again, end: () => session.destroy() }
}

/** An engine with an upstream, and with it a connection, for each. */
async function http3Keeper(port: number): Promise<{ keep(): Promise<Kept>; close(): Promise<void> }> {
  const { engine } = await watchedEngine()
  const origin = { url: `https://localhost:${port}`, port, close: async () => {} }
  const upstreams = new Map<string, ReturnType<typeof engine.upstream>>()
  const listener = await listenFor(engine, 'h1', (head) => {
    const upstream = upstreams.get(head.target)
    if (upstream === undefined) return { kind: 'respond', status: 500 }
    return { kind: 'forward', upstream, target: '/', authority: 'localhost' }
  })
  const client = await startClient('h1', listener.port)
  let last = 0
  return {
    keep: async () => {
      last += 1
      const path = `/${last}`
      const upstream = engine.upstream(toOrigin(origin, 'h3'))
      upstreams.set(path, upstream)
      return {
        again: () => textOf(client, path),
        end: () => {
          upstreams.delete(path)
          upstream.close()
        },
      }
    },
    close: async () => {
      await client.close()
      await engine.stop({ graceMs: 0 })
    },
  }
}

test.run()
