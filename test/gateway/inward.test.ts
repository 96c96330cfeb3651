// A gateway that is asked to ask itself: what comes in over loopback because it passed here is not of this machine.
import * as assert from 'uvu/assert'
import { until } from '../support/deadline.ts'
import { startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { suite } from '../support/suite.ts'
import { connect, statuses } from '../support/wire.ts'

const test = suite('a backend that is the gateway itself')

let edge: Edge
test.before(async () => {
  edge = await startEdge({
    config: `
[management]
enabled = true
network = "plain"
`,
    files: (plain) => ({
      'pipelines/p.toml': `
[pipelines.inward]
networks = ["tls", "plain"]
endpoints = ["inward"]
backends = ["self"]
[endpoints.inward]
service = "http"
options.path_prefix = "/self"
[backends.self]
service = "http"
connection = { host = "127.0.0.1", port = ${plain} }
`,
    }),
  })
})
test.after(async () => edge.close())

const post = async (path: string, fields: readonly string[]): Promise<number> => {
  const wire = await connect(edge.plain)
  wire.write([`POST ${path} HTTP/1.1`, 'host: localhost', 'content-length: 0', ...fields, '', ''].join('\r\n'))
  const status = await until(5_000, 'an answer', () => statuses(wire.text())[0])
  wire.destroy()
  return status
}

test('management believes loopback, and not the gateway as its client', async () => {
  const loaded = (): number => edge.lines.filter((line) => line['event'] === 'reload').length
  const before = loaded()
  const tried: readonly string[][] = [
    [],
    ['connection: via, forwarded, x-forwarded-for, x-forwarded-host, x-forwarded-proto, x-real-ip'],
    ['via: ', 'forwarded: ', 'x-forwarded-for: ', 'x-forwarded-host: '],
    ['x-forwarded-for: 127.0.0.1', 'x-forwarded-host: localhost'],
    ['origin: http://localhost', 'sec-fetch-site: same-origin'],
    ['x-http-method-override: GET'],
  ]
  for (const fields of tried) assert.is(await post('/self/api/reload', fields), 403, fields.join())
  // around twice is no better
  assert.is(await post('/self/self/api/reload', []), 403)
  assert.is(loaded(), before, 'nothing was loaded')
  assert.is(await post('/api/reload', []), 200)
})

test('circles come to an end', async () => {
  assert.is(await post(`/self${'/self'.repeat(20)}/x`, []), 508)
})

test.run()
