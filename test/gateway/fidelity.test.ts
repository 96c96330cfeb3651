// What a pipeline does to a message, and what it leaves alone, in every pair of protocols.
import * as assert from 'uvu/assert'
import { startInside } from '../support/inside.ts'
import type { Inside } from '../support/inside.ts'
import { identity, pairs, protocols, startClient, startOrigin } from '../support/rig.ts'
import type { Client, Handler, Request, TestOrigin } from '../support/rig.ts'
import { suite } from '../support/suite.ts'
import type { Protocol } from '../../quic/index.ts'

const test = suite('fidelity of a pipeline')

type Seen = { readonly method: string; readonly url: string; readonly raw: readonly string[]; readonly body: string }

async function read(request: Request): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Fields of a response that an origin has no say in. */
const ours = ['x-request-id', 'proxy-authenticate', 'proxy-authentication-info']

/** Answers as the path asks. */
const handler: Handler = (request, response) => {
  const url = request.url ?? ''
  void read(request).then((body) => {
    if (url.includes('/trailers')) {
      if (request.httpVersionMajor < 2) response.setHeader('trailer', 'x-sum')
      response.write('content')
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    } else if (url.includes('/hints')) {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.end('hinted')
    } else if (url.includes('/status/')) {
      response.statusCode = Number(url.split('/status/')[1])
      response.setHeader('etag', '"x"')
      response.end()
    } else {
      for (const name of ours) response.setHeader(name, 'of-the-origin')
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.setHeader('x-bytes', 'caf\u00e9')
      const seen: Seen = {
        method: request.method ?? '',
        url,
        raw: request.rawHeaders,
        body: body.toString('latin1'),
      }
      response.end(Buffer.from(JSON.stringify(seen)))
    }
  })
}

let gateway: Inside
const origins = new Map<Protocol, TestOrigin>()
const clients = new Map<Protocol, Client>()

test.before(async () => {
  for (const protocol of protocols) origins.set(protocol, await startOrigin(protocol, handler))
  const { authority } = identity()
  const issued = authority.issue('localhost')
  gateway = await startInside(
    2,
    ([plain, tls]) => ({
      'config.toml': `
[proxy]
id = "gateway"
primary_provider = "local"
trusted_proxies = ["192.0.2.0/24"]
[network.plain.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${plain}
[network.tls.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${tls}
cert_path = "\${CERT}"
key_path = "\${KEY}"
[network.tls.http3]
bind_address = "127.0.0.1"
bind_port = ${tls}
cert_path = "\${CERT}"
key_path = "\${KEY}"
`,
      'pipelines/looks.toml': `
[pipelines.fhir]
networks = ["plain", "tls"]
endpoints = ["fhir"]
backends = ["h1"]
[endpoints.fhir]
service = "fhir"
options.path_prefix = "/fhir"
[pipelines.dump]
networks = ["plain", "tls"]
endpoints = ["dump"]
backends = ["h1"]
middleware = { left = [], right = ["dump"] }
[endpoints.dump]
service = "http"
options.path_prefix = "/dump"
[middleware.dump]
type = "log_dump"
`,
      'pipelines/p.toml': protocols
        .map(
          (protocol) => `
[pipelines.${protocol}]
networks = ["plain", "tls"]
endpoints = ["${protocol}"]
backends = ["${protocol}"]
[endpoints.${protocol}]
service = "http"
options.path_prefix = "/${protocol}"
[backends.${protocol}]
service = "${protocol === 'h3' ? 'http3' : 'http'}"
[backends.${protocol}.connection]
host = "${protocol === 'h1' ? '127.0.0.1' : 'localhost'}"
port = ${origins.get(protocol)?.port}
protocol = "${protocol === 'h1' ? 'http' : protocol === 'h2' ? 'https' : 'h3'}"
${protocol === 'h1' ? '' : `ca_cert_path = "\${CA}"`}
`,
        )
        .join('\n'),
    }),
    { env: { CERT: issued.chain, KEY: issued.key, CA: authority.ca } },
  )
  const [plain = 0, tls = 0] = gateway.ports
  for (const protocol of protocols) clients.set(protocol, await startClient(protocol, protocol === 'h1' ? plain : tls))
})
test.after(async () => {
  for (const client of clients.values()) await client.close()
  await gateway.close()
  for (const origin of origins.values()) await origin.close()
})

const client = (protocol: Protocol): Client => {
  const found = clients.get(protocol)
  if (found === undefined) throw new Error(`no client of ${protocol}`)
  return found
}

/** The values of a field, in order. */
const values = (raw: readonly string[], name: string): string[] =>
  raw.flatMap((field, at) => (at % 2 === 0 && field.toLowerCase() === name ? [raw[at + 1] ?? ''] : []))

for (const { from, to, name } of pairs) {
  test(`path, query, repeated fields and bytes arrive as they were sent, ${name}`, async () => {
    const reply = await client(from).send({
      path: `/${to}/a%20b//c%2fd?x=1&x=%ff&y=?`,
      headers: { 'x-many': ['one', 'two'], 'x-bytes': 'caf\u00e9 \u00ff', authorization: 'Basic eDp5' },
    })
    const seen = JSON.parse(String(await reply.bytes())) as Seen
    assert.is(seen.url, '/a%20b//c%2fd?x=1&x=%ff&y=?')
    assert.is(values(seen.raw, 'x-many').join(', '), 'one, two')
    assert.equal(values(seen.raw, 'x-bytes'), ['caf\u00e9 \u00ff'])
    assert.equal(values(seen.raw, 'authorization'), ['Basic eDp5'])
    assert.equal(reply.headers['set-cookie'], ['a=1', 'b=2'])
    assert.is(reply.headers['x-bytes'], 'caf\u00e9')
    const raw = reply.rawHeaders.filter(([field]) => ours.includes(field.toLowerCase()))
    assert.equal(
      raw.map(([field]) => field.toLowerCase()),
      ['x-request-id'],
    )
    assert.equal(values(seen.raw, 'x-request-id'), [raw[0]?.[1]])
  })

  test(`the upstream is told its own host, and who asked, ${name}`, async () => {
    const reply = await client(from).send({
      path: `/${to}/x`,
      headers: {
        host: 'api.test',
        'x-forwarded-for': '203.0.113.9',
        forwarded: 'for=203.0.113.9;host=evil.test',
        'x-forwarded-host': 'evil.test',
        'x-forwarded-proto': 'gopher',
        'x-real-ip': '203.0.113.9',
        'x-request-id': 'from-outside',
        'proxy-authorization': 'Basic eDp5',
      },
    })
    const seen = JSON.parse(String(await reply.bytes())) as Seen
    const id = String(reply.headers['x-request-id'])
    const host = [...values(seen.raw, 'host'), ...values(seen.raw, ':authority')]
    assert.match(host[0] ?? '', to === 'h1' ? /^127\.0\.0\.1:\d+$/ : /^localhost:\d+$/)
    assert.equal(values(seen.raw, 'x-forwarded-for'), ['127.0.0.1'])
    assert.equal(values(seen.raw, 'x-forwarded-proto'), [from === 'h1' ? 'http' : 'https'])
    assert.equal(values(seen.raw, 'x-forwarded-host'), ['api.test'])
    assert.equal(values(seen.raw, 'forwarded'), [
      `for=127.0.0.1;host=api.test;proto=${from === 'h1' ? 'http' : 'https'}`,
    ])
    assert.match(values(seen.raw, 'via')[0] ?? '', from === 'h1' ? /^1\.1 / : from === 'h2' ? /^2\.0 / : /^[13]\.[01] /)
    assert.equal(values(seen.raw, 'x-request-id'), [id])
    assert.is.not(id, 'from-outside')
    assert.equal(values(seen.raw, 'x-real-ip'), [])
    assert.equal(values(seen.raw, 'proxy-authorization'), [])
    assert.is((await gateway.access(id))['client'], '127.0.0.1')
  })

  test(`a body arrives whole, with Expect too, ${name}`, async () => {
    const body = 'x'.repeat(100_000)
    const headers = { 'content-length': '100000', ...(from === 'h2' ? {} : { expect: '100-continue' }) }
    const reply = await client(from).send({ method: 'POST', path: `/${to}/x`, headers, body })
    const seen = JSON.parse(String(await reply.bytes())) as Seen
    assert.is(seen.method, 'POST')
    assert.is(seen.body, body)
  })

  test(`trailers, interim responses, HEAD, 204 and 304 pass, ${name}`, async () => {
    const trailers = await client(from).send({ path: `/${to}/trailers`, headers: { te: 'trailers' } })
    assert.is(String(await trailers.bytes()), 'content')
    assert.is(trailers.trailers()['x-sum'], '42')
    const hints = await client(from).send({ path: `/${to}/hints` })
    assert.is(String(await hints.bytes()), 'hinted')
    assert.ok(
      hints.interim.some(({ status }) => status === 103),
      'the early hints came',
    )
    const head = await client(from).send({ method: 'HEAD', path: `/${to}/x` })
    assert.is(head.status, 200)
    assert.is((await head.bytes()).length, 0)
    for (const status of [204, 304, 404, 503]) {
      const reply = await client(from).send({ path: `/${to}/status/${status}` })
      assert.is(reply.status, status)
      assert.is((await reply.bytes()).length, 0)
      assert.is(reply.headers['etag'], '"x"')
    }
  })
}

test('who looks at a response sees it as the origin sent it, and the client gets what is fixed all the same', async () => {
  for (const protocol of protocols) {
    for (const path of ['/fhir/x', '/dump/x']) {
      const reply = await client(protocol).send({ path })
      const seen = JSON.parse(String(await reply.bytes())) as Seen
      assert.is(reply.headers['content-type'], path === '/fhir/x' ? 'application/fhir+json' : undefined)
      const raw = reply.rawHeaders.filter(([field]) => ours.includes(field.toLowerCase()))
      assert.equal(
        raw.map(([, value]) => value),
        values(seen.raw, 'x-request-id'),
      )
    }
    const dumps = gateway.lines.splice(0).filter((line) => line['target'] === 'harmony.dump')
    assert.match(JSON.stringify(dumps), /"x-request-id[^}]*of-the-origin/)
  }
})

test('an answer of the gateway to HEAD has no body', async () => {
  for (const protocol of protocols) {
    const reply = await client(protocol).send({ method: 'HEAD', path: '/nowhere' })
    assert.is(reply.status, 404)
    assert.is((await reply.bytes()).length, 0)
  }
})

test('a request in HTTP/3 leaves over HTTP/3 where the backend asks for it', async () => {
  const reply = await client('h3').send({ path: '/h3/x' })
  await reply.bytes()
  const line = await gateway.access(String(reply.headers['x-request-id']))
  assert.equal([line['protocol'], line['protocolOut']], ['HTTP/3', 'HTTP/3'])
})

test.run()
