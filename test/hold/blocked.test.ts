// A JavaScript thread that is blocked: what was decided goes on, what was not is answered in time, nothing is lost.
// alone: it measures time
import * as assert from 'uvu/assert'
import { listenOptions, protocols, startClient, startOrigin, toOrigin } from '../support/rig.ts'
import type { Client, Handler } from '../support/rig.ts'
import { startApart } from '../support/apart.ts'
import { until, within } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('a javascript thread that is blocked')

const blockedMs = 2_000
const pieces = 400

/** `/slow` answers with a piece every 8 ms, longer than the block lasts; everything else at once. */
const handler: Handler = (request, response) => {
  response.on('error', () => {})
  if (request.url !== '/slow') {
    response.end('ok')
    return
  }
  response.writeHead(200)
  let sent = 0
  const timer = setInterval(() => {
    sent += 1
    response.write('piece')
    if (sent === pieces) response.end()
    if (sent === pieces || response.destroyed) clearInterval(timer)
  }, 8)
}

type Outcome = { status: number; ms: number }

async function timed(client: Client, path: string): Promise<Outcome> {
  const began = performance.now()
  const reply = await client.send({ path })
  await reply.bytes()
  return { status: reply.status, ms: performance.now() - began }
}

for (const protocol of protocols) {
  for (const decisionMs of [500, 10_000]) {
    const patient = decisionMs > blockedMs
    const outcome = patient ? 'answered once it is free' : 'refused within their deadline'
    test(`bodies flow on, new requests are ${outcome}, and nothing is lost, ${protocol}`, async () => {
      const origin = await startOrigin(protocol, handler)
      const apart = await startApart({
        listen: listenOptions(protocol, { maxStreams: 512 }),
        upstream: toOrigin(origin, protocol),
        limits: { decisionMs },
      })
      const client = await startClient(protocol, apart.port)
      try {
        let requests = 0
        const send = (path: string): Promise<Outcome> => {
          requests += 1
          return timed(client, path)
        }
        assert.is((await send('/warm')).status, 200)

        // Under way before the thread blocks.
        let moved = 0
        const flowing = Array.from({ length: 10 }, async () => {
          requests += 1
          const reply = await client.send({ path: '/slow' })
          let length = 0
          for await (const chunk of reply.body) {
            length += (chunk as Buffer).length
            moved += 1
          }
          return length
        })
        await until(5_000, 'the bodies', () => moved >= 50)

        const begun = apart.blocking()
        const block = send(`/block?${blockedMs}`)
        await begun
        let blocked = true
        const free = apart.status().then(() => (blocked = false))
        const before = moved
        const fresh = Array.from({ length: 100 }, () => send('/fresh'))
        await until(blockedMs, 'bodies that move while the thread is blocked', () => moved > before + 200)
        assert.ok(blocked, 'the bodies moved only after the block')

        const answers = await within(15_000, 'the answers', Promise.all(fresh))
        for (const { status, ms } of answers) {
          assert.is(status, patient ? 200 : 503)
          assert.ok(ms < (patient ? blockedMs : decisionMs) + 1_000, `${Math.round(ms)} ms`)
        }
        if (!patient) assert.ok(blocked, 'refused only once the thread was free')
        await within(10_000, 'the end of the block', free)
        assert.is((await within(10_000, 'the answer', block)).status, patient ? 200 : 503)
        assert.equal([...new Set(await within(10_000, 'the bodies', Promise.all(flowing)))], [pieces * 5])
        assert.is((await send('/after')).status, 200)

        const { records } = await until(10_000, 'all records', async () => {
          const status = await apart.status()
          return status.records.length >= requests && status
        })
        assert.is(records.length, requests)
        assert.is(new Set(records.map(({ id }) => id)).size, requests)
        const refused = records.filter(({ status }) => status === 503)
        assert.equal([...new Set(refused.map(({ code }) => code))], patient ? [] : ['timeout/decision'])
      } finally {
        await client.close()
        await apart.close()
        await origin.close()
      }
    })
  }
}

test.run()
