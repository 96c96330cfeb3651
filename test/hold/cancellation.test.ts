// Cancellation travels both ways within 100 ms, also while the other side is silent.
import * as assert from 'uvu/assert'
import { pairs, protocols, withRig } from '../support/rig.ts'
import type { Handler } from '../support/rig.ts'
import { until } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('cancellation travels')

// The promise is 100 ms; a busy test machine gets some more before the test says no.
const soonMs = 100 + 400

for (const { from, to, name } of pairs) {
  for (const silent of [true, false]) {
    const when = silent ? 'before the upstream has answered' : 'while the upstream is silent in its body'
    test(`a client that leaves ${when} makes the upstream see it, ${name}`, async () => {
      let arrived = false
      let left = 0
      const handler: Handler = (request, response) => {
        arrived = true
        response.on('close', () => (left = performance.now()))
        response.on('error', () => {})
        request.on('error', () => {})
        if (!silent) {
          response.writeHead(200)
          response.write('some')
        }
      }
      await withRig({ from, to, handler }, async (rig) => {
        const abandon = new AbortController()
        const reply = rig.client.send({ path: '/wait', signal: abandon.signal })
        if (silent) {
          reply.catch(() => {})
          await until(5_000, 'the request', () => arrived)
        } else {
          await reply
        }
        const began = performance.now()
        abandon.abort()
        await until(5_000, 'the upstream', () => left > 0)
        assert.ok(left - began < soonMs, `after ${left - began} ms`)
        const record = await rig.record()
        assert.is(record.code, 'client/cancelled')
      })
    })
  }
}

for (const from of protocols) {
  test(`a client that leaves while the policy decides aborts its signal, ${from}`, async () => {
    let aborted = 0
    let asked = false
    const decide = () => (head: { signal: AbortSignal }) => {
      asked = true
      head.signal.addEventListener('abort', () => (aborted = performance.now()))
      return new Promise<never>(() => {})
    }
    await withRig({ from, to: 'h1', handler: () => {}, decide }, async (rig) => {
      const abandon = new AbortController()
      rig.client.send({ signal: abandon.signal }).catch(() => {})
      await until(5_000, 'the request', () => asked)
      const began = performance.now()
      abandon.abort()
      await until(5_000, 'the signal', () => aborted > 0)
      assert.ok(aborted - began < soonMs, `after ${aborted - began} ms`)
    })
  })

  test(`a client that leaves ends the source of its streamed answer, ${from}`, async () => {
    let ended = false
    const decide = () => () => ({
      kind: 'respond' as const,
      status: 200,
      body: (async function* () {
        try {
          for (;;) {
            yield 'tick'
            await new Promise((resolve) => setTimeout(resolve, 10))
          }
        } finally {
          ended = true
        }
      })(),
    })
    await withRig({ from, to: 'h1', handler: () => {}, decide }, async (rig) => {
      const abandon = new AbortController()
      await rig.client.send({ signal: abandon.signal })
      abandon.abort()
      await until(5_000, 'the end of the source', () => ended)
    })
  })
}

test.run()
