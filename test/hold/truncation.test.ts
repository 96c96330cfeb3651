// No silent truncation, ever: what fails on one side is seen to fail on the other, in its protocol's own words.
import { Readable } from 'node:stream'
import net from 'node:net'
import * as assert from 'uvu/assert'
import { pairs, startClient, startRig, watchedEngine, listenFor, portOf, protocols, withRig } from '../support/rig.ts'
import type { Handler, Reply } from '../support/rig.ts'
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
    let outcome: string | undefined
    const handler: Handler = (request, response) => {
      request.on('data', () => {})
      request.on('end', () => (outcome ??= 'end'))
      request.on('error', () => (outcome ??= 'failed'))
      request.on('aborted', () => (outcome ??= 'failed'))
      request.on('close', () => (outcome ??= 'failed'))
      response.on('error', () => {})
    }
    await withRig({ from, to, handler }, async (rig) => {
      const body = new Readable({ read() {} })
      body.push('x'.repeat(10_000))
      const sent = rig.client.send({ method: 'POST', path: '/upload', body }).catch((error: unknown) => error)
      await until(5_000, 'the request', () => rig.engine.stats().counts['openExchanges'] === 1)
      body.destroy(new Error('the client fails'))
      await within(5_000, 'the client', sent)
      await until(5_000, 'the upstream', () => outcome !== undefined)
      assert.is(outcome, 'failed')
      const record = await rig.record()
      assert.match(record.code ?? '', /^client\//)
    })
  })
}

for (const from of protocols) {
  test(`a body shorter than its content-length is a failure, ${from}`, async () => {
    const origin = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345'))
    })
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
    const { port } = origin.address() as net.AddressInfo
    const watched = await watchedEngine()
    const upstream = watched.engine.upstream({ origin: `http://127.0.0.1:${port}` })
    const listener = await listenFor(watched.engine, from, () => ({ kind: 'forward', upstream }))
    const client = await startClient(from, portOf(listener, from))
    try {
      const failed = await client
        .send({})
        .then((reply) => reply.bytes())
        .then(
          () => false,
          () => true,
        )
      assert.ok(failed)
      await until(5_000, 'the record', () => watched.records.length > 0)
      assert.is(watched.records[0]?.code, 'upstream/truncated')
    } finally {
      await client.close()
      await watched.engine.stop({ graceMs: 0 })
      origin.close()
    }
  })

  test(`a streamed answer whose source fails is a failure, ${from}`, async () => {
    const rig = await startRig({
      from,
      to: 'h1',
      handler: () => {},
      decide: () => () => ({
        kind: 'respond',
        status: 200,
        body: (async function* () {
          yield 'first'
          await Promise.resolve()
          throw new Error('the source fails')
        })(),
      }),
    })
    try {
      const outcome = await rig.client
        .send({})
        .then((reply) => reply.bytes())
        .then(
          () => 'whole',
          () => 'failed',
        )
      assert.is(outcome, 'failed')
      assert.is((await rig.record()).code, 'stream/source')
    } finally {
      await rig.close()
    }
  })
}

test.run()
