// How a backend is reached: credentials, authorities of its own, client certificates, and what becomes of a backend
// that cannot be reached (spec 6.1, 6.2).
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import * as assert from 'uvu/assert'
import { authority } from '../peers/certificate.ts'
import { startInside } from '../support/inside.ts'
import type { Inside } from '../support/inside.ts'
import { identity } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('reaching a backend')

const strangers = authority('an authority that nobody here trusts')

let gateway: Inside
let origin: https.Server
/** What the last request came with. */
let seen: { authorization: string | undefined; peer: string } | undefined

test.before(async () => {
  const known = identity()
  const client = known.authority.issue('gateway-client')
  origin = https.createServer(
    { cert: known.certificate, key: known.key, ca: known.ca, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      // an https server's sockets are TLS sockets
      const socket = request.socket as TLSSocket
      const name = socket.getPeerCertificate().subject?.CN
      seen = {
        authorization: request.headers.authorization,
        peer: socket.authorized ? String(name) : 'nobody',
      }
      response.end('fine')
    },
  )
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  // it listens on TCP
  const port = (origin.address() as AddressInfo).port
  const backend = (name: string, authentication: string, more = ''): string => `
[pipelines.${name}]
networks = ["edge"]
endpoints = ["${name}"]
backends = ["${name}"]
[endpoints.${name}]
service = "http"
options.path_prefix = "/${name}"
[backends.${name}]
service = "http"
max_retries = 0
${authentication === '' ? '' : `authentication = "authentications.${authentication}"`}
${more}
[backends.${name}.connection]
host = "localhost"
port = ${port}
protocol = "https"
ca_cert_path = "${name === 'untrusted' ? strangers.ca : known.authority.ca}"
`
  gateway = await startInside(1, ([edge]) => ({
    'config.toml': `
[proxy]
id = "gateway"
primary_provider = "local"
[network.edge.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${edge}
[authentications.bearer]
method = "bearer"
options.token = "upstream-token"
[authentications.basic]
method = "basic"
options = { username = "user", password = "p\u00e4ss:word" }
[authentications.certificate]
method = "mutual_tls"
options = { cert_path = "${client.chain}", key_path = "${client.key}" }
[targets.off]
enabled = false
connection = { host = "localhost", port = ${port}, protocol = "https" }
`,
    'pipelines/p.toml': [
      backend('plain', ''),
      backend('bearer', 'bearer'),
      backend('basic', 'basic'),
      backend('certificate', 'certificate'),
      backend('untrusted', ''),
      backend('disabled', '', 'target_ref = "off"'),
    ].join('\n'),
  }))
})
test.after(async () => {
  await gateway.close()
  origin.closeAllConnections()
  await new Promise((resolve) => origin.close(resolve))
})

const ask = async (name: string): Promise<Response> => {
  seen = undefined
  return fetch(`http://127.0.0.1:${gateway.ports[0]}/${name}/x`, { headers: { authorization: 'Basic b3duOm93bg==' } })
}

test('without credentials of its own the client’s Authorization passes', async () => {
  assert.is((await ask('plain')).status, 200)
  assert.equal(seen, { authorization: 'Basic b3duOm93bg==', peer: 'nobody' })
})

test('a bearer token replaces the client’s Authorization', async () => {
  assert.is((await ask('bearer')).status, 200)
  assert.is(seen?.authorization, 'Bearer upstream-token')
})

test('basic credentials replace the client’s Authorization, in UTF-8', async () => {
  assert.is((await ask('basic')).status, 200)
  assert.is(seen?.authorization, `Basic ${Buffer.from('user:p\u00e4ss:word').toString('base64')}`)
})

test('a client certificate is shown to the upstream that asks for one', async () => {
  assert.is((await ask('certificate')).status, 200)
  assert.is(seen?.peer, 'gateway-client')
})

test('an upstream whose authority is not the configured one is not spoken to: 502, and the reason is in the log', async () => {
  const answer = await ask('untrusted')
  assert.is(answer.status, 502)
  const body = (await answer.json()) as { error: string; request_id: string }
  assert.is(body.error, 'upstream/failed')
  assert.is(seen, undefined)
  const line = await gateway.access(body.request_id)
  assert.match(String(line['detail']), /tls\/untrusted/)
})

test('a disabled target answers 503', async () => {
  const answer = await ask('disabled')
  assert.is(answer.status, 503)
  assert.is(((await answer.json()) as { error: string }).error, 'backend/disabled')
  assert.is(seen, undefined)
})

test.run()
