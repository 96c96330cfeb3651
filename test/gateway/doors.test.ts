// What an attacker tries at the doors of a gateway, request by request and byte by byte: connections that carry several
// requests, framing that reads two ways, methods that show what was added, and the door beside the door.
import { decodeJwt } from 'jose'
import * as assert from 'uvu/assert'
import { until } from '../support/deadline.ts'
import { refusal, startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { claimsOf, sign } from '../support/forge.ts'
import { meshSecret, recordingOrigin } from '../support/organisations.ts'
import type { RecordingOrigin } from '../support/organisations.ts'
import { protocols } from '../support/rig.ts'
import { connect, statuses } from '../support/wire.ts'
import type { Wire } from '../support/wire.ts'
import { freePort } from '../peers/process.ts'
import { suite } from '../support/suite.ts'

const test = suite('doors')

const pipeline = (name: string, more: string): string => `
[pipelines.${name}]
networks = ["plain", "tls"]
endpoints = ["${name}"]
backends = ["${name}"]
${more}
[endpoints.${name}]
service = "http"
options.path_prefix = "/${name}"
[backends.${name}]
service = "http"
connection = { host = "127.0.0.1", port = PORT }
`

const door = (name: string, more: string): string =>
  `mesh.ingress.${name}-door = { type = "http", urls = ["https://${name}.test/in"], mode = "mesh"${more} }\n`

let edge: Edge
let origin: RecordingOrigin
let forced = 0
test.before(async () => {
  origin = await recordingOrigin()
  forced = await freePort()
  edge = await startEdge({
    config: `
[network.forced.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${forced}
force_https = true
`,
    files: (plain) => ({
      'pipelines/p.toml': [
        pipeline('members', door('members', '')),
        pipeline('urls', door('urls', ', enforce = "url"')),
        pipeline(
          'mixed',
          `${door('mixed', '')}mesh.ingress.mixed-open = { type = "http", urls = ["https://open.test/in"] }`,
        ),
        pipeline('open', ''),
        pipeline('signed', 'mesh.egress.signed-out = { type = "http" }'),
        pipeline('keyed', '').replace(
          '[backends.keyed]',
          '$&\noptions.headers = { x-key = "Bearer planted-key-of-the-backend" }',
        ),
        pipeline('circle', '').replace('port = PORT', `port = ${plain}, base_path = "/circle"`),
        pipeline('known', '').replace('[backends.known]', '$&\nauthentication = "service"'),
        `
[authentications.service]
id = "service"
method = "bearer"
options.token = "planted-token-of-the-backend"
[mesh.m]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = ["members-door", "urls-door", "mixed-door"]
egress = ["signed-out"]
`,
      ]
        .join('\n')
        .replaceAll('PORT', String(origin.port)),
    }),
  })
})
test.after(async () => {
  await edge.close()
  await origin.close()
})

const token = async (): Promise<string> =>
  sign({ alg: 'HS256', secret: meshSecret }, claimsOf('m', Math.floor(Date.now() / 1000)))

/** Writes bytes and waits for so many answers, or the end of the connection. */
async function write(port: number, bytes: string, answers = 1): Promise<Wire & { statuses: number[] }> {
  const wire = await connect(port)
  wire.write(bytes)
  await until(10_000, `${answers} answers`, () => statuses(wire.text()).length >= answers || wire.closed())
  wire.destroy()
  return { ...wire, statuses: statuses(wire.text()) }
}

const heard = (): string[] => origin.arrived.map(({ method, target }) => `${method} ${target}`)

test('a token opens the door for its own request, not for the next on the connection', async () => {
  const before = origin.arrived.length
  const authorization = `authorization: Bearer ${await token()}\r\n`
  const to = (path: string, more = ''): string => `GET /in/${path} HTTP/1.1\r\nhost: members.test\r\n${more}\r\n`
  const { statuses: got } = await write(
    edge.plain,
    to('1', authorization) + to('2') + to('3', authorization) + to('4'),
    4,
  )
  assert.equal(got, [200, 403, 200, 403])
  assert.equal(heard().slice(before), ['GET /1', 'GET /3'])
})

test('who may not enter is not asked for content', async () => {
  const before = origin.arrived.length
  const asked = 'POST /in/x HTTP/1.1\r\nhost: members.test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n'
  const wire = await write(edge.plain, `${asked}\r\n`)
  assert.match(wire.text(), /^HTTP\/1\.1 403 /)
  const member = await write(edge.plain, `${asked}authorization: Bearer ${await token()}\r\n\r\n`, 1)
  assert.match(member.text(), /^HTTP\/1\.1 100 /)
  assert.is(origin.arrived.length, before)
})

for (const [what, bytes] of [
  ['two lengths', 'content-length: 5\r\ncontent-length: 6\r\n\r\nabcde'],
  ['a length and chunks', 'content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['chunks in another word', 'transfer-encoding: xchunked\r\n\r\n0\r\n\r\n'],
  ['chunks twice', 'transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n'],
  ['a field that is folded', 'x-a: b\r\n transfer-encoding: chunked\r\n\r\n'],
  ['a space before the colon', 'content-length : 5\r\n\r\nabcde'],
  ['a length with a sign', 'content-length: +5\r\n\r\nabcde'],
  ['two hosts', 'host: members.test\r\n\r\n'],
] as const)
  test(`framing that reads two ways ends the connection, so that nothing hides behind it: ${what}`, async () => {
    const before = origin.arrived.length
    const hidden = `GET /members/hidden HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${await token()}\r\n\r\n`
    const { statuses: got } = await write(edge.plain, `POST /open/x HTTP/1.1\r\nhost: a\r\n${bytes}${hidden}`, 2)
    assert.equal(got, [400])
    assert.is(origin.arrived.length, before)
  })

test('mode mesh closes the path of its endpoint, unless told otherwise or the endpoint has an open door', async () => {
  const get = async (path: string, host = 'any.test'): Promise<number> => {
    const reply = await edge.client('h1').send({ path, headers: { host } })
    await reply.bytes()
    return reply.status
  }
  assert.equal([await get('/members/x'), await get('/in/x', 'members.test')], [403, 403])
  assert.equal([await get('/urls/x'), await get('/in/x', 'urls.test')], [200, 403])
  assert.equal(
    [await get('/mixed/x'), await get('/in/x', 'mixed.test'), await get('/in/x', 'open.test')],
    [200, 403, 200],
  )
})

for (const protocol of protocols)
  test(`TRACE shows nobody what the gateway adds, ${protocol}`, async () => {
    // an origin that answers TRACE as RFC 9110 9.3.8 has it
    const { answer } = origin
    origin.answer = (request, response) => {
      request.resume()
      response.end(request.rawHeaders.join('\n'))
    }
    try {
      for (const path of ['/signed/x', '/known/x', '/keyed/x']) {
        const before = origin.arrived.length
        const reply = await edge.client(protocol).send({ method: 'TRACE', path })
        assert.is(reply.status, 405)
        assert.is((await refusal(reply)).error, 'route/method')
        assert.is(origin.arrived.length, before)
        const get = await edge.client(protocol).send({ path })
        assert.match(String(await get.bytes()), /^Bearer /m, 'it does add something')
      }
      const plain = await edge.client(protocol).send({ method: 'TRACE', path: '/open/x' })
      assert.is(plain.status, 200)
      await plain.bytes()
    } finally {
      origin.answer = answer
    }
  })

test('a token that is signed is for the destination, whatever host the client names', async () => {
  for (const host of ['evil.test', 'signed.test:9', '']) {
    const reply = await edge.client('h1').send({ path: '/signed/x', headers: host === '' ? {} : { host } })
    await reply.bytes()
    const value = origin.arrived.at(-1)?.headers.find(([name]) => name === 'authorization')?.[1] ?? ''
    assert.is(decodeJwt(value.replace('Bearer ', '')).aud, `http://127.0.0.1:${origin.port}`)
    assert.equal(
      origin.arrived.at(-1)?.headers.filter(([name]) => name === 'host'),
      [['host', `127.0.0.1:${origin.port}`]],
    )
  }
})

test('a path goes upstream byte for byte, and always as a path', async () => {
  for (const rest of ['/x?', '//evil.test/x', '/%2f%5C', '/a%20b;c=d//', '', '/', '?', '?a=http://b/#'.slice(0, -1)]) {
    const { statuses: got } = await write(
      edge.plain,
      `GET /open${rest} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    )
    assert.equal(got, [200], rest)
    assert.is(origin.arrived.at(-1)?.target, rest.startsWith('/') ? rest : `/${rest}`)
  }
})

test('a gateway that leads to itself ends the circle', async () => {
  const before = edge.lines.length
  const reply = await edge.client('h2').send({ path: '/circle/x' })
  assert.is(reply.status, 508)
  const { error } = JSON.parse(String(await reply.bytes())) as { error: string }
  assert.is(error, 'request/forwarded-loop')
  await edge.line(reply)
  const passes = (): number => edge.lines.slice(before).filter((line) => line['prefix'] === '/circle').length
  await until(5_000, 'all their access lines', () => passes() >= 4)
  assert.is(passes(), 4)
})

test('force_https sends everybody to the same place over https, and lets nobody in', async () => {
  const before = origin.arrived.length
  const location = async (head: string): Promise<[number | undefined, string | undefined]> => {
    const wire = await write(forced, `${head}\r\n\r\n`)
    return [wire.statuses[0], /^location: (.*)\r$/im.exec(wire.text())?.[1]]
  }
  assert.equal(await location('GET /open/x?y=1 HTTP/1.1\r\nhost: a.test:8080'), [301, 'https://a.test/open/x?y=1'])
  assert.equal(await location('POST //evil.test/x HTTP/1.1\r\nhost: a.test'), [301, 'https://a.test//evil.test/x'])
  assert.equal(await location('GET http://b.test/x HTTP/1.1\r\nhost: b.test'), [301, 'https://b.test/x'])
  assert.equal(await location('GET /x HTTP/1.1\r\nhost: a.test\r\nx-forwarded-proto: https'), [301, 'https://a.test/x'])
  assert.equal(await location('GET /x HTTP/1.0'), [400, undefined])
  assert.equal(await location('GET /x HTTP/1.1\r\nhost: a.test@evil.test'), [400, undefined])
  assert.equal(await location('GET /../x HTTP/1.1\r\nhost: a.test'), [400, undefined])
  assert.is(origin.arrived.length, before)
})

test.run()
