// Behind a proxy that ends TLS: whose words count for what. Routes are found by `Host`, which every proxy sets;
// `X-Forwarded-Host` is what many let a client write.
import * as assert from 'uvu/assert'
import { startInside } from '../support/inside.ts'
import type { Inside } from '../support/inside.ts'
import { startClient } from '../support/rig.ts'
import type { Client } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('behind a proxy')

let gateway: Inside
let client: Client
test.before(async () => {
  gateway = await startInside(1, ([port]) => ({
    'config.toml': `
[proxy]
id = "gateway"
primary_provider = "local"
trusted_proxies = ["127.0.0.1"]
[network.behind.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${port}
force_https = true
`,
    'pipelines/p.toml': `
[pipelines.public]
networks = ["behind"]
endpoints = ["public"]
backends = ["echo"]
[pipelines.public.mesh.ingress.public]
type = "http"
urls = ["https://public.test/v1"]
[pipelines.inside]
networks = ["behind"]
endpoints = ["inside"]
backends = ["echo"]
[pipelines.inside.mesh.ingress.inside]
type = "http"
urls = ["https://inside.test/v1"]
[endpoints.public]
service = "http"
[endpoints.inside]
service = "http"
[backends.echo]
service = "echo"
`,
  }))
  client = await startClient('h1', gateway.ports[0] ?? 0)
})
test.after(async () => {
  await client.close()
  await gateway.close()
})

/** What comes of a request that the proxy hands on with these fields: the status, and the access line. */
async function proxied(headers: Readonly<Record<string, string>>) {
  const reply = await client.send({ path: '/v1/x', headers: { 'x-forwarded-proto': 'https', ...headers } })
  await reply.bytes()
  const line = await gateway.access(String(reply.headers['x-request-id']))
  return { status: reply.status, ingress: line['ingress'], host: line['host'], client: line['client'] }
}

test('an ingress URL is found by the Host that the proxy hands on, without a port and whatever port it listens at', async () => {
  assert.equal(await proxied({ host: 'public.test', 'x-forwarded-for': '203.0.113.7' }), {
    status: 200,
    ingress: 'public',
    host: 'public.test',
    client: '203.0.113.7',
  })
})

test('X-Forwarded-Host and the host of Forwarded choose no route, though the proxy is trusted', async () => {
  const found = await proxied({ host: 'public.test', 'x-forwarded-host': 'inside.test' })
  assert.is(found.ingress, 'public')
  const standard = await proxied({ host: 'public.test', forwarded: 'for=203.0.113.7;host=inside.test;proto=https' })
  assert.is(standard.ingress, 'public')
  assert.is((await proxied({ host: 'proxy.test', 'x-forwarded-host': 'public.test' })).status, 404)
})

test('force_https lets pass what the client sent to the proxy over https', async () => {
  assert.is((await proxied({ host: 'public.test' })).status, 200)
  assert.is((await proxied({ host: 'public.test', 'x-forwarded-proto': 'http' })).status, 301)
})

test.run()
