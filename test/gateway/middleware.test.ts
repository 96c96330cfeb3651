// Each middleware in a pipeline of a gateway that serves: what a client gets, what the origin sees, what is logged.
import * as assert from 'uvu/assert'
import { refusal, startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { claimsOf, sign } from '../support/forge.ts'
import type { Signing } from '../support/forge.ts'
import { rsaPair } from '../support/keys.ts'
import { meshSecret, recordingOrigin } from '../support/organisations.ts'
import type { Arrived, RecordingOrigin } from '../support/organisations.ts'
import type { Ask, Reply } from '../support/rig.ts'
import { until } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('middleware')

const pair = rsaPair('own')
const other = rsaPair('other')
const hsSecret = 'the secret of a jwt_auth, with more than thirty-two characters'

const names = ['basic', 'rsa', 'shared', 'filter', 'rules', 'limits', 'dump', 'nothing', 'order', 'members'] as const
const chains: Readonly<Partial<Record<(typeof names)[number], string>>> = {
  nothing: '"passthru", "json_extractor"',
  order: '"basic", "dump", "limits"',
  members: '"basic"',
}

const pipelines = (origin: number): string =>
  names
    .map(
      (name) => `
[pipelines.${name}]
networks = ["plain", "tls"]
endpoints = ["${name}"]
backends = ["origin"]
middleware = [${chains[name] ?? `"${name}"`}]
${name === 'members' ? 'mesh.ingress.door = { type = "http", urls = ["https://door.test/in"], mode = "mesh" }' : ''}
[endpoints.${name}]
service = "http"
options.path_prefix = "/${name}"
`,
    )
    .join('') +
  `
[backends.origin]
service = "http"
connection = { host = "127.0.0.1", port = ${origin} }

[middleware.basic]
type = "basic_auth"
options = { username = "u", password = "planted-password" }
[middleware.rsa]
type = "jwt_auth"
options = { public_key_path = "public.pem", issuer = "partner", audience = "us" }
[middleware.shared]
type = "jwt_auth"
options = { use_hs256 = true, hs256_secret = "${hsSecret}" }
[middleware.filter]
type = "path_filter"
options.rules = [{ deny = "/open/secret" }, "/open/{one}", "/deep/{*rest}"]
[middleware.rules]
type = "policies"
options.policies = ["mixed"]
[middleware.limits]
type = "policies"
options.policies = ["limited"]
[middleware.dump]
type = "log_dump"
options = { max_bytes = 2000, redact_headers = ["x-private"], redact_data_fields = ["patient.name"], label = "seen" }

[policies.mixed]
id = "mixed"
rules = ["readers", "no-drop", "no-robots", "not-there"]
[policies.limited]
id = "limited"
rules = ["any", "thrice"]
[rules.readers]
id = "readers"
type = "method"
options = { methods = ["GET", "POST"], mode = "allow" }
[rules.no-drop]
id = "no-drop"
type = "query_parameter"
options = { mode = "deny", parameters = [{ name = "drop", match_type = "exists" }] }
[rules.no-robots]
id = "no-robots"
type = "user_agent"
options = { mode = "deny", patterns = [{ pattern = "/robot/i" }] }
[rules.not-there]
id = "not-there"
type = "path"
options = { mode = "deny", paths = ["/admin/{*rest}"] }
[rules.any]
id = "any"
type = "allow_all"
[rules.thrice]
id = "thrice"
type = "rate_limit"
options = { max_requests = 3, window_seconds = 300 }

[mesh.m]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = ["door"]
`

let edge: Edge
let origin: RecordingOrigin
test.before(async () => {
  origin = await recordingOrigin()
  edge = await startEdge({
    proxy: 'trusted_proxies = ["127.0.0.1"]',
    config: '[management]\nenabled = true\nnetwork = "plain"',
    files: { 'pipelines/p.toml': pipelines(origin.port), 'public.pem': pair.publicPem },
  })
})
test.after(async () => {
  await edge.close()
  await origin.close()
})

const ask = async (path: string, headers: Record<string, string | string[]> = {}, more: Ask = {}): Promise<Reply> =>
  edge.client('h1').send({ path, headers, ...more })

const passed = async (asked: Promise<Reply>): Promise<Arrived> => {
  const before = origin.arrived.length
  const reply = await asked
  assert.is(reply.status, 200, String(await reply.bytes()))
  await until(5_000, 'the request at the origin', () => origin.arrived.length > before)
  const arrived = origin.arrived.at(-1)
  if (arrived === undefined) throw new Error('nothing arrived')
  return arrived
}

const refused = async (asked: Promise<Reply>, status: number, code: string): Promise<Reply> => {
  const before = origin.arrived.length
  const reply = await asked
  assert.equal([reply.status, (await refusal(reply)).error], [status, code])
  assert.is(origin.arrived.length, before)
  return reply
}

const values = ({ headers }: Arrived, name: string): string[] =>
  headers.flatMap(([field, value]) => (field === name ? [value] : []))

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
const now = (): number => Math.floor(Date.now() / 1000)

test('basic_auth: the right name and password pass, and stay in the request; everything else is 401', async () => {
  const good = basic('u:planted-password')
  assert.equal(values(await passed(ask('/basic/x', { authorization: good })), 'authorization'), [good])
  const missing = await refused(ask('/basic/x'), 401, 'auth/missing')
  assert.match(String(missing.headers['www-authenticate']), /^Basic realm=/)
  for (const wrong of ['u:planted-passwor', 'u:', ':planted-password', 'u:planted-password '])
    await refused(ask('/basic/x', { authorization: basic(wrong) }), 401, 'auth/invalid')
  await refused(ask('/basic/x', { authorization: [good, good] }), 401, 'auth/invalid')
})

test('jwt_auth: a signed token of the right issuer for us passes', async () => {
  const good = { iss: 'partner', aud: 'us', sub: 's', iat: now(), exp: now() + 60 }
  const key: Signing = { alg: 'RS256', privateKey: pair.privatePem }
  const bearer = async (signing: Signing, claims: object): Promise<Record<string, string>> => ({
    authorization: `Bearer ${await sign(signing, { ...claims })}`,
  })
  await passed(ask('/rsa/x', await bearer(key, good)))
  await passed(ask('/shared/x', await bearer({ alg: 'HS256', secret: hsSecret }, { sub: 's', exp: now() + 60 })))
  const missing = await refused(ask('/rsa/x'), 401, 'auth/missing')
  assert.is(missing.headers['www-authenticate'], 'Bearer')
  const bad: readonly (readonly [Signing, object])[] = [
    [key, { ...good, iss: 'other' }],
    [key, { ...good, aud: 'them' }],
    [key, { ...good, exp: now() - 60 }],
    [key, { iss: 'partner', aud: 'us' }],
    [{ alg: 'RS256', privateKey: other.privatePem }, good],
    [{ alg: 'HS256', secret: pair.publicPem }, good],
  ]
  for (const [signing, claims] of bad) await refused(ask('/rsa/x', await bearer(signing, claims)), 401, 'auth/invalid')
  // a mesh's token is none of its own
  await refused(
    ask('/rsa/x', await bearer({ alg: 'HS256', secret: meshSecret }, claimsOf('m', now()))),
    401,
    'auth/invalid',
  )
})

test('behind a mesh, authentication reads what the application sent', async () => {
  const token = `Bearer ${await sign({ alg: 'HS256', secret: meshSecret }, claimsOf('m', now()))}`
  const carried = { 'harmony-forwarded-authorization': basic('u:planted-password') }
  const host = { host: 'door.test' }
  await passed(ask('/in/x', { ...host, authorization: token, ...carried }))
  await refused(ask('/in/x', { ...host, authorization: token }), 401, 'auth/missing')
  await refused(ask('/in/x', { ...host, authorization: basic('u:planted-password') }), 403, 'mesh/required')
})

test('path_filter: the first rule that fits decides; what fits none is not there', async () => {
  await passed(ask('/filter/open/a'))
  await passed(ask('/filter/deep/a/b'))
  for (const path of ['/filter', '/filter/', '/filter/open', '/filter/open/secret', '/filter/open/a/b', '/filter/deep'])
    await refused(ask(path), 404, 'path-filter/denied')
  // another spelling of what is denied
  for (const path of ['/filter/open/%73ecret', '/filter/open/secret/', '/filter/open/secret;x', '/filter/open//secret'])
    await refused(ask(path), 404, 'path-filter/denied')
})

test('policies: one that allows and none that denies', async () => {
  await passed(ask('/rules/x?y'))
  const long = { authorization: 'Basic eDp5' }
  await passed(ask('/rules/x', long, { method: 'POST', body: 'x' }))
  await refused(ask('/rules/x', {}, { method: 'DELETE' }), 403, 'policy/denied')
  for (const path of [
    '/rules/x?drop',
    '/rules/x?a=1&dr%6fp=2',
    '/rules/admin/x',
    '/rules/%61dmin/x',
    '/rules//admin/x',
  ])
    await refused(ask(path), 403, 'policy/denied')
  await refused(ask('/rules/x', { 'user-agent': 'a Robot' }), 403, 'policy/denied')
})

const reload = async (): Promise<void> => {
  const reply = await ask('/api/reload', {}, { method: 'POST' })
  assert.is(reply.status, 200, String(await reply.bytes()))
}

test('a rate limit counts a client, an IPv6 one by its /64, through reloads and in all pipelines that have it', async () => {
  const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address })
  const rows: readonly (readonly [same: readonly string[], another: string])[] = [
    [['192.0.2.1', '192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1'], '192.0.2.2'],
    [['2001:db8:0:1::1', '2001:db8:0:1::2', '2001:DB8:0:1:ffff::', '2001:db8:0:1:a:b:c:d'], '2001:db8:0:2::1'],
  ]
  for (const [same, another] of rows) {
    for (const address of same.slice(0, 2)) await passed(ask('/limits/x', from(address)))
    edge.project.write('pipelines/p.toml', `${pipelines(origin.port)}\n# ${another}\n`)
    await reload()
    const login = { authorization: basic('u:planted-password') }
    await passed(ask('/order/x', { ...from(same[2] ?? ''), ...login }))
    await refused(ask('/limits/x', from(same[3] ?? '')), 403, 'policy/denied')
    await refused(ask('/order/x', { ...from(same[0] ?? ''), ...login }), 403, 'policy/denied')
    await passed(ask('/limits/x', from(another)))
  }
})

test('what a client says of its own address changes nothing where no proxy is trusted', async () => {
  // the peer of the HTTP/3 client's bridge is 127.0.0.1 too, so a network is asked that trusts nobody
  const closed = await startEdge({
    files: { 'pipelines/p.toml': pipelines(origin.port), 'public.pem': pair.publicPem },
  })
  try {
    const statuses: number[] = []
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']) {
      const headers = { 'x-forwarded-for': address, forwarded: `for=${address}`, 'x-real-ip': address }
      const reply = await closed.client('h2').send({ path: '/limits/x', headers })
      await reply.bytes()
      statuses.push(reply.status)
    }
    assert.equal(statuses, [200, 200, 200, 403])
  } finally {
    await closed.close()
  }
})

test('who is refused is not counted, dumped or asked for content by what comes after', async () => {
  const dumps = (): number => edge.lines.filter((line) => line['target'] === 'harmony.dump').length
  const before = dumps()
  for (let one = 0; one < 5; one++)
    await refused(ask('/order/x', { 'x-forwarded-for': '192.0.2.9' }), 401, 'auth/missing')
  assert.is(dumps(), before)
  const login = { authorization: basic('u:planted-password'), 'x-forwarded-for': '192.0.2.9' }
  for (let one = 0; one < 3; one++) await passed(ask('/order/x', login))
  await refused(ask('/order/x', login), 403, 'policy/denied')
})

test('log_dump writes what passes, without what is private, and changes nothing', async () => {
  const content = JSON.stringify({ patient: { name: 'planted-name', id: 7 }, password: 'planted-secret', note: 'seen' })
  const headers = {
    authorization: basic('u:planted-authorization'),
    cookie: 'session=planted-cookie',
    'x-private': 'planted-private',
    'content-type': 'application/fhir+json',
    'content-length': String(content.length),
  }
  const before = edge.lines.length
  const arrived = await passed(ask('/dump/x?token=planted-query&page=2', headers, { method: 'PUT', body: content }))
  assert.is(arrived.bytes, content.length)
  assert.is(arrived.target, '/x?token=planted-query&page=2')
  assert.equal(values(arrived, 'cookie'), ['session=planted-cookie'])
  const lines = edge.lines.slice(before)
  const dumps = lines.filter((line) => line['target'] === 'harmony.dump')
  assert.equal(
    dumps.map((line) => [line['side'], line['label'], line['middleware'], line.level]),
    [
      ['left', 'seen', 'dump', 'info'],
      ['right', 'seen', 'dump', 'info'],
    ],
  )
  const left = String(dumps[0]?.['dump'])
  for (const word of ['PUT', 'page=2', '"id": 7', '"note": "seen"', 'application/fhir+json']) assert.match(left, word)
  assert.match(String(dumps[1]?.['dump']), '"status": 200')
  assert.not.match(JSON.stringify(lines), 'planted')
})

test('a dump holds no more than its bound, and content that may be longer flows by', async () => {
  const before = edge.lines.length
  const content = JSON.stringify({ text: 'y'.repeat(100_000) })
  const headers = { 'content-type': 'application/json', 'x-long': 'z'.repeat(4_000) }
  const arrived = await passed(ask('/dump/x', headers, { method: 'POST', body: content }))
  assert.is(arrived.bytes, content.length)
  const dumps = edge.lines.slice(before).filter((line) => line['target'] === 'harmony.dump')
  assert.is(dumps.length, 2)
  for (const line of dumps) assert.ok(String(line['dump']).length <= 2_000)
  assert.not.match(JSON.stringify(dumps), 'yyyy')
})

test('content that was gathered can be sent again', async () => {
  const content = '{"a":1}'
  const answer = origin.answer
  let heard = 0
  origin.answer = (request, response) => {
    heard += 1
    if (heard === 1) request.on('data', () => undefined).on('end', () => request.socket.destroy())
    else answer(request, response)
  }
  try {
    const headers = { 'content-type': 'application/json', 'content-length': String(content.length) }
    const reply = await ask('/dump/x', headers, { method: 'PUT', body: content })
    assert.is(reply.status, 200)
    await reply.bytes()
    assert.is(heard, 2)
    assert.is(origin.arrived.at(-1)?.bytes, content.length)
  } finally {
    origin.answer = answer
  }
})

test('passthru and json_extractor change nothing', async () => {
  for (const content of ['{"a":1.10,"a":2}', '{ no json', '']) {
    const arrived = await passed(
      ask('/nothing/x', { 'content-type': 'application/json' }, { method: 'POST', body: content }),
    )
    assert.is(arrived.bytes, content.length)
  }
})

test.run()
