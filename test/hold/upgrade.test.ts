// Upgrades: WebSocket over HTTP/1.1, HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220), between any of the three.
// deadline: 180 s
import { randomBytes } from 'node:crypto'
import http2 from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import * as assert from 'uvu/assert'
import type { Protocol, RequestHead } from '../../quic/index.ts'
import { identity, localhost, pairs, portOf, protocols, withRig } from '../support/rig.ts'
import type { Handler, Rig, RigOptions } from '../support/rig.ts'
import { startTunnelClient } from '../support/tunnel.ts'
import type { TunnelClient } from '../support/tunnel.ts'
import { acceptOf } from '../support/upgrade.ts'
import type { OnUpgrade, Upgrade } from '../support/upgrade.ts'
import { until, within } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('upgrades')

const plain: Handler = (_request, response) => response.end('plain')

type Options = Omit<RigOptions, 'handler'> & { onUpgrade: OnUpgrade; handler?: Handler }

async function withTunnels(options: Options, body: (client: TunnelClient, rig: Rig) => Promise<void>): Promise<void> {
  await withRig({ handler: plain, ...options }, async (rig) => {
    const client = await startTunnelClient(options.from, portOf(rig.listener, options.from))
    try {
      await body(client, rig)
    } finally {
      await client.close()
    }
  })
}

/** Reads exactly so many bytes. */
async function take(wire: Duplex, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let got = 0
  const read = new Promise<void>((resolve, reject) => {
    const more = (): void => {
      for (;;) {
        const chunk = wire.read(Math.max(1, Math.min(length - got, wire.readableLength))) as Buffer | null
        if (chunk === null) return
        chunks.push(chunk)
        got += chunk.length
        if (got === length) {
          wire.off('readable', more)
          return resolve()
        }
      }
    }
    wire.on('readable', more)
    wire.once('error', reject)
    wire.once('close', () => reject(new Error(`closed after ${got} of ${length} bytes`)))
    more()
  })
  await within(20_000, `${length} bytes`, read)
  return Buffer.concat(chunks)
}

/** Reads to the end; rejects when the wire is cut before. */
async function rest(wire: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  const read = (async () => {
    for await (const chunk of wire.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer)
  })()
  await within(20_000, 'the end', read)
  return Buffer.concat(chunks)
}

/** How a wire ends, without reading its content. */
function fate(wire: Duplex): { ended: boolean; closed: number } {
  const seen = { ended: false, closed: 0 }
  wire.on('end', () => (seen.ended = true))
  wire.on('error', () => {})
  wire.on('close', () => (seen.closed = performance.now()))
  wire.resume()
  return seen
}

for (const { from, to, name } of pairs) {
  test(`a handshake is translated and bytes are echoed both ways, ${name}`, async () => {
    let seen: Upgrade | undefined
    const onUpgrade: OnUpgrade = (upgrade) => {
      seen = upgrade
      const wire = upgrade.accept({ 'sec-websocket-protocol': 'chat' })
      wire.pipe(wire)
    }
    await withTunnels({ from, to, onUpgrade }, async (client, rig) => {
      const headers = { 'sec-websocket-protocol': 'chat, superchat', origin: 'https://a.example', 'x-own': 'yes' }
      const opened = await client.open({ path: '/socket?a=1', headers })
      // what the upstream was asked
      assert.is(seen?.token, 'websocket')
      assert.is(seen?.target, '/socket?a=1')
      assert.is(seen?.headers['sec-websocket-protocol'], 'chat, superchat')
      assert.is(seen?.headers['sec-websocket-version'], '13')
      assert.is(seen?.headers['origin'], 'https://a.example')
      assert.is(seen?.headers['x-own'], 'yes')
      if (to === 'h2') {
        // RFC 8441 5: neither is used
        assert.is(seen?.headers['sec-websocket-key'], undefined)
        assert.is(seen?.headers['upgrade'], undefined)
        assert.is(seen?.headers['connection'], undefined)
      } else {
        assert.is(Buffer.from(String(seen?.headers['sec-websocket-key']), 'base64').length, 16)
      }
      // what the client was told
      assert.is(opened.headers['sec-websocket-protocol'], 'chat')
      if (from === 'h2') {
        assert.is(opened.status, 200)
        assert.is(opened.headers['sec-websocket-accept'], undefined)
        assert.is(opened.headers['content-length'], undefined)
        assert.is(opened.headers['upgrade'], undefined)
      } else {
        assert.is(opened.status, 101)
        assert.is(opened.headers['sec-websocket-accept'], acceptOf(opened.key))
        assert.is(opened.headers['upgrade']?.toString().toLowerCase(), 'websocket')
        assert.is(opened.headers['connection']?.toString().toLowerCase(), 'upgrade')
      }
      const { wire } = opened
      for (const length of [5, 1, 1_000_000]) {
        const sent = randomBytes(length)
        wire.write(sent)
        assert.ok((await take(wire, length)).equals(sent), `${length} bytes`)
      }
      wire.end()
      assert.is((await rest(wire)).length, 0)
      const record = await rig.record()
      assert.is(record.code, undefined)
      assert.is(record.status, from === 'h1' ? 101 : 200)
      assert.is(record.bytesIn, 1_000_006)
      assert.is(record.bytesOut, 1_000_006)
    })
  })

  test(`what the upstream says right after its handshake arrives, and its end lets the client go on, ${name}`, async () => {
    let heard: Promise<Buffer> | undefined
    const onUpgrade: OnUpgrade = (upgrade) => {
      const wire = upgrade.accept()
      wire.end('welcome and goodbye')
      heard = rest(wire)
    }
    await withTunnels({ from, to, onUpgrade }, async (client, rig) => {
      const { wire } = await client.open()
      assert.is(String(await rest(wire)), 'welcome and goodbye')
      wire.end('still here')
      assert.is(String(await heard), 'still here')
      assert.is((await rig.record()).code, undefined)
    })
  })

  test(`a client that ends its side still hears the upstream, ${name}`, async () => {
    const onUpgrade: OnUpgrade = (upgrade) => {
      const wire = upgrade.accept()
      void rest(wire).then((heard) => wire.end(`${heard.length} bytes heard`))
    }
    await withTunnels({ from, to, onUpgrade }, async (client, rig) => {
      const { wire } = await client.open()
      wire.end(Buffer.alloc(70_000))
      assert.is(String(await rest(wire)), '70000 bytes heard')
      assert.is((await rig.record()).code, undefined)
    })
  })

  test(`a client that leaves cuts the upstream’s side, ${name}`, async () => {
    let seen: ReturnType<typeof fate> | undefined
    const onUpgrade: OnUpgrade = (upgrade) => {
      seen = fate(upgrade.accept())
    }
    await withTunnels({ from, to, onUpgrade }, async (client, rig) => {
      const opened = await client.open()
      opened.wire.write('x')
      opened.wire.on('error', () => {})
      const began = performance.now()
      opened.abort()
      const closed = await until(5_000, 'the end at the upstream', () => seen?.closed)
      assert.ok(closed - began < 500, `after ${closed - began} ms`)
      assert.is((await rig.record()).code, 'client/cancelled')
    })
  })

  test(`an upstream that leaves cuts the client’s side, ${name}`, async () => {
    let origin: Duplex | undefined
    const onUpgrade: OnUpgrade = (upgrade) => {
      origin = upgrade.accept()
      origin.resume()
    }
    await withTunnels({ from, to, onUpgrade }, async (client, rig) => {
      const { wire } = await client.open()
      const seen = fate(wire)
      const began = performance.now()
      if (origin !== undefined && 'resetAndDestroy' in origin) (origin as Socket).resetAndDestroy()
      else origin?.destroy(new Error('left'))
      await until(5_000, 'the end at the client', () => seen.closed > 0)
      assert.ok(seen.closed - began < 500, `after ${seen.closed - began} ms`)
      // RFC 8441 5.1, RFC 9220 3: a connection that failed is a stream error of CONNECT's kind
      if (from === 'h2') assert.is((wire as http2.ClientHttp2Stream).rstCode, http2.constants.NGHTTP2_CONNECT_ERROR)
      if (from === 'h3') {
        await until(5_000, 'the record of the bridge', () => client.bridge?.records.length)
        assert.is(client.bridge?.records[0]?.wireCode, 0x10f)
      }
      const { code } = await rig.record()
      assert.ok(code === 'upstream/reset' || code === 'upstream/truncated', String(code))
    })
  })

  if (to === 'h2') {
    test(`an upstream that has said everything and reads no more is heard to its end, ${name}`, async () => {
      const onUpgrade: OnUpgrade = (upgrade) => {
        // not read: Node resets the stream with NO_ERROR after its end
        upgrade.accept().end(Buffer.alloc(200_000))
      }
      await withTunnels({ from, to, onUpgrade }, async (client, rig) => {
        const { wire } = await client.open()
        // the reset overtakes what the client has not read
        await until(5_000, 'the end of the upstream', () => wire.readableLength > 0)
        assert.is((await rest(wire)).length, 200_000)
        assert.is((await rig.record()).code, undefined)
      })
    })
  }

  for (const side of ['upstream', 'client'] as const) {
    test(`a tunnel whose ${side} does not read holds a bounded amount, ${name}`, async () => {
      const chunk = Buffer.alloc(65_536, 'x')
      const offered = 100 * 1024 * 1024
      let sent = 0
      const pour = (wire: Duplex): void => {
        while (sent < offered) {
          sent += chunk.length
          if (!wire.write(chunk)) return void wire.once('drain', () => pour(wire))
        }
        wire.end()
      }
      let far: Duplex | undefined
      const onUpgrade: OnUpgrade = (upgrade) => {
        far = upgrade.accept()
      }
      await withTunnels({ from, to, onUpgrade }, async (client) => {
        const { wire } = await client.open()
        const origin = await until(5_000, 'the tunnel', () => far)
        const [source, sink] = side === 'upstream' ? [wire, origin] : [origin, wire]
        pour(source)
        let last = -1
        let since = performance.now()
        await until(20_000, 'an end of the growth', () => {
          if (sent !== last) since = performance.now()
          last = sent
          return performance.now() - since > 400
        })
        assert.ok(sent < 24 * 1024 * 1024, `${sent} bytes left the source`)
        let received = 0
        for await (const piece of sink.iterator({ destroyOnReturn: false })) received += (piece as Buffer).length
        assert.is(received, offered)
        sink.end()
      })
    })
  }

  test(`a refusal by the upstream is what the client sees, ${name}`, async () => {
    const onUpgrade: OnUpgrade = (upgrade) => upgrade.refuse(403, 'not you')
    await withTunnels({ from, to, onUpgrade }, async (client, rig) => {
      for (const turn of [1, 2]) {
        const refused = await client.refused()
        assert.is(refused.status, 403)
        assert.is(refused.body, 'not you')
        assert.is(refused.headers['upgrade'], undefined)
        const record = await rig.record(turn)
        assert.is(record.status, 403)
        assert.is(record.code, undefined)
      }
    })
  })

  if (to !== 'h2') {
    test(`an upstream that answers 200 without switching is no success for the client, ${name}`, async () => {
      const onUpgrade: OnUpgrade = (upgrade) => upgrade.refuse(200, 'a page')
      await withTunnels({ from, to, onUpgrade }, async (client, rig) => {
        const refused = await client.refused()
        const record = await rig.record()
        if (from === 'h1' && to === 'h1') {
          assert.is(refused.status, 200)
          assert.is(refused.body, 'a page')
        } else {
          // RFC 9110 9.3.6: to a CONNECT, 2xx says that the tunnel is open
          assert.is(refused.status, 502)
          if (to === 'h1') assert.is(record.code, 'upgrade/refused')
        }
      })
    })
  }
}

for (const from of protocols) {
  test(`the policy sees an upgrade and may answer it itself, ${from}`, async () => {
    const heads: RequestHead[] = []
    const decide = () => (head: RequestHead) => {
      heads.push(head)
      return { kind: 'respond' as const, status: 401, body: 'who are you' }
    }
    await withTunnels({ from, to: 'h1', onUpgrade: () => {}, decide }, async (client) => {
      const refused = await client.refused()
      assert.is(refused.status, 401)
      assert.is(refused.body, 'who are you')
      assert.is(heads[0]?.upgrade, 'websocket')
    })
  })
}

// --- a plain CONNECT ---

async function connectOverHttp1(port: number): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  socket.write('CONNECT victim.example:443 HTTP/1.1\r\nhost: victim.example:443\r\n\r\n')
  const answer = String(await rest(socket))
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
}

async function connectOverHttp2(port: number): Promise<number> {
  const session = http2.connect(`https://localhost:${port}`, { ca: identity().ca, lookup: localhost })
  try {
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'victim.example:443' })
    const status = new Promise<number>((resolve, reject) => {
      stream.on('response', (headers) => resolve(Number(headers[':status'])))
      stream.on('error', reject)
    })
    return await within(5_000, 'the answer', status)
  } finally {
    session.destroy()
  }
}

// over HTTP/3 the conformance set asks it (test/peers/aioquic/cases.py, RFC 9114 4.4)
for (const [from, ask] of [
  ['h1', connectOverHttp1],
  ['h2', connectOverHttp2],
] as [Protocol, (port: number) => Promise<number>][]) {
  test(`a plain CONNECT is refused before the policy, ${from}`, async () => {
    let asked = 0
    const decide = () => () => {
      asked += 1
      return { kind: 'respond' as const, status: 200 }
    }
    await withRig({ from, to: 'h1', handler: plain, decide }, async ({ listener, record }) => {
      assert.is(await within(5_000, 'the answer', ask(portOf(listener, from))), 501)
      assert.is((await record()).code, 'request/connect')
      assert.is(asked, 0)
    })
  })
}

// --- HTTP/1.1 alone ---

for (const token of ['h2c', 'HTTP/2.0', 'TLS/1.0', 'websocket, h2c']) {
  test(`an upgrade to ${token} is not carried to the upstream`, async () => {
    let upgrades = 0
    const headers: Record<string, unknown>[] = []
    const handler: Handler = (request, response) => {
      headers.push(request.headers)
      response.end('plain')
    }
    await withRig({ from: 'h1', to: 'h1', handler, onUpgrade: () => (upgrades += 1) }, async ({ client }) => {
      const reply = await client.send({
        headers: {
          connection: 'Upgrade, HTTP2-Settings',
          upgrade: token,
          'http2-settings': 'AAMAAABkAAQAAP__',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        },
      })
      assert.is(reply.status, 200)
      assert.is(String(await reply.bytes()), 'plain')
      assert.is(upgrades, 0)
      assert.is(headers[0]?.['upgrade'], undefined)
      assert.is(headers[0]?.['http2-settings'], undefined)
      assert.is.not(String(headers[0]?.['connection']).toLowerCase(), 'upgrade')
    })
  })
}

for (const to of protocols) {
  test(`the WebSocket client of a browser talks through the gateway, h1 to ${to}`, async () => {
    const onUpgrade: OnUpgrade = (upgrade) => echoMessages(upgrade.accept())
    await withRig({ from: 'h1', to, handler: plain, onUpgrade }, async ({ listener, record }) => {
      const socket = new WebSocket(`ws://127.0.0.1:${listener.port}/chat`)
      const received: unknown[] = []
      socket.addEventListener('message', (event) => received.push(event.data))
      const open = new Promise((resolve) => socket.addEventListener('open', resolve))
      await within(5_000, 'the handshake', open)
      socket.send('hello')
      socket.send('w\u00f6rld')
      await until(5_000, 'two messages', () => received.length === 2)
      assert.equal(received, ['hello', 'w\u00f6rld'])
      const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener('close', resolve))
      socket.close(1000)
      assert.is((await within(5_000, 'the close', closed)).code, 1000)
      assert.is((await record()).code, undefined)
    })
  })
}

/** A server of RFC 6455 5.2 for short, whole messages: sends each back; answers a close. */
function echoMessages(wire: Duplex): void {
  let held = Buffer.alloc(0)
  wire.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    for (;;) {
      const length = (held[1] ?? 0) & 0x7f
      if (held.length < 6 + length) return
      const opcode = (held[0] ?? 0) & 0x0f
      const mask = held.subarray(2, 6)
      const content = held.subarray(6, 6 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0))
      held = held.subarray(6 + length)
      wire.write(Buffer.concat([Buffer.from([0x80 | opcode, length]), content]))
      if (opcode === 8) wire.end()
    }
  })
}

test.run()
