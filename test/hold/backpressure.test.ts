// Backpressure end to end: a side that stalls makes the gateway hold a bounded amount, on every pair.
import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import { pairs, withRig } from '../support/rig.ts'
import type { Handler } from '../support/rig.ts'
import { until } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('backpressure end to end')

const chunk = Buffer.alloc(64 * 1024, 'x')
// What windows, socket buffers (of three engines on HTTP/3) and Node's own streams may hold between two ends.
const boundBytes = 24 * 1024 * 1024
const offered = 96 * 1024 * 1024

/** Waits until a number has stopped growing. */
async function settled(read: () => number): Promise<number> {
  let last = -1
  let since = performance.now()
  return until(20_000, 'an end of the growth', () => {
    if (read() !== last) {
      last = read()
      since = performance.now()
    }
    return performance.now() - since > 400 ? last : 0
  })
}

for (const { from, to, name } of pairs) {
  test(`a client that does not read stops its upstream, ${name}`, async () => {
    let sent = 0
    const handler: Handler = (_request, response) => {
      response.writeHead(200)
      const more = (): void => {
        while (sent < offered) {
          sent += chunk.length
          if (!response.write(chunk)) {
            response.once('drain', more)
            return
          }
        }
        response.end()
      }
      response.on('error', () => {})
      more()
    }
    await withRig({ from, to, handler }, async ({ client }) => {
      const reply = await client.send({})
      reply.body.pause()
      const stalled = await settled(() => sent)
      assert.ok(stalled < boundBytes, `${stalled} bytes left the upstream`)
      let received = 0
      for await (const piece of reply.body) received += (piece as Buffer).length
      assert.is(received, offered)
    })
  })

  test(`an upstream that does not read stops its client, ${name}`, async () => {
    let go = (): void => {}
    const gate = new Promise<void>((resolve) => (go = resolve))
    const handler: Handler = (request, response) => {
      void gate.then(async () => {
        let received = 0
        for await (const piece of request) received += (piece as Buffer).length
        response.end(String(received))
      })
    }
    await withRig({ from, to, handler }, async ({ client }) => {
      let sent = 0
      const body = new Readable({
        read() {
          if (sent >= offered) {
            this.push(null)
            return
          }
          sent += chunk.length
          this.push(chunk)
        },
      })
      const reply = client.send({ method: 'POST', body })
      const stalled = await settled(() => sent)
      assert.ok(stalled < boundBytes, `${stalled} bytes left the client`)
      go()
      assert.is(String(await (await reply).bytes()), String(offered))
    })
  })
}

test.run()
