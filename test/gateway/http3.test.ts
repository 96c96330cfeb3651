// HTTP/3 on the way out (decision 6): preferred, never silently given up, and never exchanged for plain text. The
// partner here speaks HTTP/2 over TLS alone: nothing answers at its UDP port.
import * as assert from 'uvu/assert'
import { within } from '../support/deadline.ts'
import { refusal, startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { meshSecret } from '../support/organisations.ts'
import { startOrigin } from '../support/rig.ts'
import type { TestOrigin } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('HTTP/3 on the way out')

const pipeline = (name: string, port: number, egress: string, more: string): string => `
[pipelines.${name}]
networks = ["plain"]
endpoints = ["${name}"]
backends = ["${name}"]
mesh.egress.${name}-out = { type = "${egress}" }
[endpoints.${name}]
service = "http"
options.path_prefix = "/${name}"
[backends.${name}]
service = "http"
max_retries = 0
[backends.${name}.connection]
host = "localhost"
port = ${port}
protocol = "https"
ca_cert_path = "\${CA}"
connect_timeout_secs = 1

${more}
`

const files = (port: number): Record<string, string> => ({
  'pipelines/p.toml': [
    pipeline('usual', port, 'http3', ''),
    pipeline('strict', port, 'http3', 'fallback = false'),
    pipeline('target', port, 'http', '').replace('protocol = "https"', 'protocol = "h3"\nfallback = false'),
    pipeline('tcp', port, 'http', ''),
  ].join('\n'),
  'mesh/m.toml': `
[mesh.m]
type = "http3"
provider = "local"
jwt_secret = "${meshSecret}"
egress = ["usual-out", "strict-out", "target-out", "tcp-out"]
`,
})

let edge: Edge
let partner: TestOrigin
let heard: string[] = []
test.before(async () => {
  partner = await startOrigin('h2', (request, response) => {
    heard.push(`${request.url} ${String(request.headers.authorization).slice(0, 7)}`)
    response.end('partner')
  })
  edge = await startEdge({
    config: '[management]\nenabled = true\nnetwork = "plain"',
    files: files(partner.port),
  })
})
test.after(async () => {
  await edge.close()
  await partner.close()
})
test.before.each(() => {
  heard = []
})

test('where UDP leads nowhere, TLS over TCP is used, with a warning and a count', async () => {
  const reply = await within(10_000, 'an answer', edge.client('h1').send({ path: '/usual/x' }))
  assert.is(reply.status, 200)
  assert.is(String(await reply.bytes()), 'partner')
  assert.equal(heard, ['/x Bearer '])
  assert.is((await edge.line(reply))['protocolOut'], 'HTTP/2')
  const warning = edge.lines.find((line) => line['event'] === 'fallback')
  assert.equal([warning?.level, warning?.['upstream']], ['warn', `https://localhost:${partner.port}`])
  const metrics = await edge.client('h1').send({ path: '/admin/metrics' })
  assert.match(
    String(await metrics.bytes()),
    new RegExp(`^harmony_http3_fallbacks_total\\{[^}]*origin="https://localhost:${partner.port}"[^}]*\\} 1`, 'm'),
  )
})

for (const name of ['strict', 'target'])
  test(`without the fallback it is HTTP/3 or 502, and nothing goes over TCP: ${name}`, async () => {
    const reply = await within(30_000, 'an answer', edge.client('h1').send({ method: 'POST', path: `/${name}/x` }))
    assert.is(reply.status, 502)
    assert.is((await refusal(reply)).error, 'backend/no-http3')
    assert.match(String((await edge.line(reply))['detail']), /^connect\//)
    assert.equal(heard, [])
  })

test('who does not ask for HTTP/3 does not get it', async () => {
  const reply = await edge.client('h1').send({ path: '/tcp/x' })
  assert.is(reply.status, 200)
  assert.is((await edge.line(reply))['protocolOut'], 'HTTP/2')
  await reply.bytes()
})

test('HTTP/3 to a partner in plain text is refused before anything is served', async () => {
  const plain = pipeline('usual', partner.port, 'http3', '').replace('protocol = "https"', 'protocol = "http"')
  const started = startEdge({ files: { 'pipelines/p.toml': plain.replace(/ca_cert_path.*/, '') } })
  const outcome = await started.then(
    async (running) => {
      await running.close()
      return 'served'
    },
    (error: unknown) => String(error),
  )
  assert.match(outcome, /http3|HTTP\/3/)
  assert.match(outcome, /https/)
})

test.run()
