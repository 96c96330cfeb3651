// Ways out (spec 7.4, decisions 1, 6, 14, 15): who may leave, what is signed, and for whom; and an explicit `mesh_auth`
// on either side (spec 7.6). A real gateway before a real origin, which sees what the partner would.
import { decodeJwt } from 'jose'
import * as assert from 'uvu/assert'
import { refusal, startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { claimsOf, forgedSecret, sign } from '../support/forge.ts'
import { meshSecret, recordingOrigin } from '../support/organisations.ts'
import type { Arrived, RecordingOrigin } from '../support/organisations.ts'
import type { Reply } from '../support/rig.ts'
import { connect, statuses } from '../support/wire.ts'
import { until } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('ways out')

const secrets = {
  x: meshSecret,
  y: 'the secret of mesh y, with more than thirty-two characters',
  z: 'the secret of mesh z, with more than thirty-two characters',
  own: 'the secret of a mesh_auth, with more than thirty-two characters',
}
type Mesh = keyof typeof secrets

/** One pipeline: an endpoint of its own path, and whatever else. */
const pipeline = (name: string, origin: number, more: string, middleware = ''): string => `
[pipelines.${name}]
networks = ["plain", "tls"]
endpoints = ["${name}"]
backends = ["${name}"]
${middleware === '' ? '' : `middleware = { left = [${middleware}] }`}
${more}
[endpoints.${name}]
service = "http"
options.path_prefix = "/${name}"
[backends.${name}]
service = "http"
connection = { host = "127.0.0.1", port = ${origin}, base_path = "/${name}" }
`

const files = (origin: number): Record<string, string> => ({
  'pipelines/p.toml': [
    pipeline('closed', origin, 'mesh.egress.closed-out = { type = "http", mode = "mesh" }'),
    pipeline(
      'xx',
      origin,
      `mesh.ingress.xx-in = { type = "http", urls = ["https://xx.test/in"] }
mesh.egress.xx-out = { type = "http", mode = "mesh" }`,
    ),
    pipeline(
      'both',
      origin,
      `mesh.ingress.both-in = { type = "http", urls = ["https://both.test/in"], mode = "mesh" }
mesh.egress.both-out = { type = "http", mode = "mesh" }`,
    ),
    pipeline(
      'free',
      origin,
      `mesh.ingress.free-in = { type = "http", urls = ["https://free.test/in"], mode = "mesh" }
mesh.egress.free-out = { type = "http", mode = "mesh" }`,
    ),
    pipeline('signed', origin, 'mesh.egress.signed-out = { type = "http" }'),
    pipeline('listed', origin, 'mesh.egress.listed-out = { type = "http" }'),
    pipeline('elsewhere', origin, 'mesh.egress.elsewhere-out = { type = "http" }'),
    pipeline('off', origin, 'mesh.egress.off-out = { type = "http" }'),
    pipeline('gone', origin, 'mesh.egress.gone-out = { type = "http", mode = "mesh", enabled = false }'),
    pipeline('partly', origin, 'mesh.egress.partly-out = { type = "http", mode = "mesh", backend = "inner" }').concat(`
[backends.inner]
service = "http"
connection = { host = "127.0.0.1", port = ${origin}, base_path = "/partly/inner" }
`),
    pipeline(
      'shut',
      origin,
      'mesh.ingress.shut-in = { type = "http", urls = ["https://shut.test/in"], mode = "mesh", enabled = false }',
    ),
    pipeline('ask', origin, '', '"ask"'),
    pipeline('may', origin, '', '"may"'),
    pipeline('again', origin, 'mesh.ingress.again-in = { type = "http", urls = ["https://again.test/in"] }', '"ask-y"'),
    pipeline('put', origin, '', '"put"'),
    pipeline('fixed', origin, '', '"fixed"'),
    pipeline('ways', origin, 'mesh.egress.ways-out = { type = "http", mode = "mesh" }', '"ask"'),
    pipeline('credentials', origin, 'mesh.egress.credentials-out = { type = "http" }').replace(
      /\[backends.credentials\]/,
      '$&\nauthentication = "service"',
    ),
    `
[authentications.service]
id = "service"
method = "basic"
options = { username = "gateway", password = "a password of the backend" }
[middleware.ask]
type = "mesh_auth"
options = { mesh_name = "x" }
[middleware.ask-y]
type = "mesh_auth"
options = { mesh_name = "y" }
[middleware.may]
type = "mesh_auth"
options = { mesh_name = "x", required = false }
[middleware.put]
type = "mesh_auth"
options = { mesh_name = "x", direction = "egress" }
[middleware.fixed]
type = "mesh_auth"
options = { mesh_name = "x", direction = "egress", jwt_secret = "${secrets.own}", mesh_id = "other-id", destination_url = "https://partner.test:8443/fhir" }
`,
  ].join('\n'),
  'mesh/m.toml': `
[mesh.x]
type = "http"
provider = "local"
jwt_secret = "${secrets.x}"
ingress = ["xx-in", "both-in", "free-in", "again-in", "shut-in"]
egress = ["closed-out", "xx-out", "signed-out", "gone-out", "ways-out", "credentials-out"]
[mesh.y]
type = "http"
provider = "local"
jwt_secret = "${secrets.y}"
ingress = ["both-in", "near"]
egress = ["both-out", "listed-out"]
[mesh.z]
id = "the-id-of-z"
type = "http"
provider = "local"
jwt_secret = "${secrets.z}"
ingress = ["nearer", "far"]
egress = ["listed-out", "elsewhere-out"]
[mesh.disabled]
type = "http"
provider = "local"
jwt_secret = "${secrets.x}"
egress = ["off-out"]
enabled = false
[remote_ingress.near]
urls = ["http://127.0.0.1:${origin}/"]
[remote_ingress.nearer]
urls = ["http://127.0.0.1:${origin}/listed/deep"]
[remote_ingress.far]
urls = ["https://partner.test/fhir"]
`,
})

let edge: Edge
let origin: RecordingOrigin
test.before(async () => {
  origin = await recordingOrigin()
  edge = await startEdge({ files: files(origin.port) })
})
test.after(async () => {
  await edge.close()
  await origin.close()
})

const token = async (mesh: Mesh, secret = secrets[mesh]): Promise<string> =>
  sign({ alg: 'HS256', secret }, claimsOf(mesh, Math.floor(Date.now() / 1000)))

const ask = async (path: string, headers: Record<string, string | string[]> = {}): Promise<Reply> =>
  edge.client('h1').send({ path, headers: { host: 'any.test', ...headers } })

/** Asks in the name of an ingress's host. */
const into = async (name: string, mesh?: Mesh, more: Record<string, string> = {}): Promise<Reply> =>
  ask('/in/x?y=1', {
    host: `${name}.test`,
    ...(mesh === undefined ? {} : { authorization: `Bearer ${await token(mesh)}` }),
    ...more,
  })

const values = (arrived: Arrived | undefined, name: string): string[] =>
  (arrived?.headers ?? []).flatMap(([field, value]) => (field === name ? [value] : []))

/** What the origin got of a request that it must have got. */
const passed = async (asked: Promise<Reply>): Promise<{ arrived: Arrived; reply: Reply }> => {
  const before = origin.arrived.length
  const reply = await asked
  const text = String(await reply.bytes())
  assert.is(reply.status, 200, text)
  assert.is(origin.arrived.length, before + 1)
  const arrived = origin.arrived.at(-1)
  if (arrived === undefined) throw new Error('nothing arrived')
  return { arrived, reply }
}

const refused = async (asked: Promise<Reply>, status: number, code: string): Promise<string> => {
  const before = origin.arrived.length
  const reply = await asked
  assert.is(reply.status, status)
  assert.is((await refusal(reply)).error, code)
  assert.is(origin.arrived.length, before, 'the origin saw nothing')
  return String((await edge.line(reply))['detail'])
}

/** The claims of the token that went along, which must be the only Authorization. */
const claims = (arrived: Arrived): ReturnType<typeof decodeJwt> => {
  const [value = '', ...more] = values(arrived, 'authorization')
  assert.equal(more, [])
  assert.match(value, /^Bearer [^ ]+$/)
  return decodeJwt(value.slice('Bearer '.length))
}

// --- who may leave ---

test('a way out of mode mesh lets nobody out who did not come in through a mesh', async () => {
  assert.match(await refused(ask('/closed/x'), 403, 'mesh/egress-context'), /no mesh context/)
  // a token that no ingress has accepted is nothing
  const bearer = { authorization: `Bearer ${await token('x')}` }
  await refused(ask('/closed/x', bearer), 403, 'mesh/egress-context')
  await refused(ask('/xx/x', bearer), 403, 'mesh/egress-context')
  await refused(into('xx'), 403, 'mesh/egress-context')
  await refused(into('xx', 'y'), 403, 'mesh/egress-context')
  const forged = await token('x', forgedSecret)
  await refused(into('xx', undefined, { authorization: `Bearer ${forged}` }), 403, 'mesh/egress-context')
})

test('who came in through its mesh may leave, and is signed for again', async () => {
  const came = await token('x')
  const { arrived, reply } = await passed(into('xx', undefined, { authorization: `Bearer ${came}` }))
  assert.is(arrived.target, '/xx/x?y=1')
  const said = claims(arrived)
  assert.equal([said.iss, said.sub, said['mesh_id']], ['x', 'gateway', 'x'])
  assert.is(said.aud, `http://127.0.0.1:${origin.port}`)
  assert.not.match(values(arrived, 'authorization')[0] ?? '', came)
  const line = await edge.line(reply)
  assert.equal([line['mesh'], line['sub'], line['egress'], line['signedFor']], ['x', 'partner', 'xx-out', 'x'])
})

test('context of one mesh opens no way out of another', async () => {
  assert.match(await refused(into('both', 'x'), 403, 'mesh/egress-context'), /not in mesh x/)
  const { arrived } = await passed(into('both', 'y'))
  assert.is(claims(arrived).iss, 'y')
})

test('a way out of mode mesh that is in no mesh takes context of any, and signs nothing', async () => {
  const { arrived } = await passed(into('free', 'x'))
  assert.equal(values(arrived, 'authorization'), [])
  await refused(into('free'), 403, 'mesh/required')
})

test('what a mesh_auth has accepted is context too', async () => {
  await refused(ask('/ways/x'), 403, 'mesh/required')
  const { arrived } = await passed(ask('/ways/x', { authorization: `Bearer ${await token('x')}` }))
  assert.is(claims(arrived).iss, 'x')
})

test('what is disabled is not there', async () => {
  assert.equal(values((await passed(ask('/off/x'))).arrived, 'authorization'), [], 'a mesh signs nothing')
  assert.equal(values((await passed(ask('/gone/x'))).arrived, 'authorization'), [], 'a way out closes nothing')
  await passed(ask('/shut/x'))
  await refused(into('shut', 'x'), 404, 'route/none')
})

test('a way out that closes a part of where a backend leads closes it in every spelling', async () => {
  for (const path of ['/partly/other', '/partly/innermost', '/partly'])
    assert.equal(values((await passed(ask(path))).arrived, 'authorization'), [])
  for (const path of ['inner', 'inner/x', '/inner/x', '%69nner/x', 'inner%2fx', ';a/inner', 'inner;a/x', '%5cinner/x'])
    await refused(ask(`/partly/${path}`), 403, 'mesh/egress-context')
})

// --- what is signed ---

test('a request that came from nowhere is signed for all the same', async () => {
  const { arrived, reply } = await passed(ask('/signed/x'))
  assert.is(claims(arrived).iss, 'x')
  const line = await edge.line(reply)
  assert.equal([line['mesh'], line['signedFor']], [undefined, 'x'])
})

test('of several meshes the one with the longest matching destination signs', async () => {
  assert.is(claims((await passed(ask('/listed/x'))).arrived).iss, 'y')
  assert.is(claims((await passed(ask('/listed/deeper'))).arrived).iss, 'y')
  for (const path of ['/listed/deep', '/listed/deep/x?y', '/listed/%64eep/x']) {
    const said = claims((await passed(ask(path))).arrived)
    assert.equal([said.iss, said['mesh_id']], ['z', 'the-id-of-z'])
  }
})

test('a destination that no mesh lists gets no token, and the log warns', async () => {
  const { arrived, reply } = await passed(ask('/elsewhere/x'))
  assert.equal(values(arrived, 'authorization'), [])
  const id = String(reply.headers['x-request-id'])
  const warning = edge.lines.find((line) => line['event'] === 'mesh-unlisted' && line['requestId'] === id)
  assert.equal([warning?.level, warning?.['egress']], ['warn', 'elsewhere-out'])
  assert.equal(warning?.['meshes'], ['z'])
  assert.is((await edge.line(reply))['signedFor'], undefined)
})

test('a token that was minted serves again for the same destination', async () => {
  const [one, two] = [(await passed(ask('/signed/x'))).arrived, (await passed(ask('/signed/y'))).arrived]
  assert.equal(values(one, 'authorization'), values(two, 'authorization'))
})

// --- Authorization and its carrier ---

const carrier = 'harmony-forwarded-authorization'

test('what the application, or else the backend, says in Authorization is carried beside the token', async () => {
  const client = (await passed(ask('/signed/x', { authorization: 'Basic eDp5' }))).arrived
  assert.is(claims(client).iss, 'x')
  assert.equal(values(client, carrier), ['Basic eDp5'])
  const backend = (await passed(ask('/credentials/x', { authorization: 'Basic eDp5' }))).arrived
  assert.is(claims(backend).iss, 'x')
  assert.equal(values(backend, carrier), [
    `Basic ${Buffer.from('gateway:a password of the backend').toString('base64')}`,
  ])
})

test('nobody from outside has a say in the carrier', async () => {
  for (const path of ['/signed/x', '/off/x', '/elsewhere/x', '/may/x'])
    for (const spelling of [
      carrier,
      'Harmony-Forwarded-Authorization',
      'harmony_forwarded_authorization',
      'Harmony-Forwarded_Authorization',
    ]) {
      const { arrived } = await passed(ask(path, { [spelling]: ['Bearer forged', 'Bearer twice'] }))
      assert.equal(values(arrived, carrier), [], path)
      assert.not.ok(arrived.headers.some(([, value]) => value.includes('forged')))
    }
  const both = await passed(ask('/signed/x', { [carrier]: 'Bearer forged', authorization: 'Basic eDp5' }))
  assert.equal(values(both.arrived, carrier), ['Basic eDp5'])
})

test('with an accepted token the carrier stands in Authorization again, every value of it', async () => {
  const { arrived } = await passed(into('free', 'x', { [carrier]: 'Basic eDp5' }))
  assert.equal(values(arrived, 'authorization'), ['Basic eDp5'])
  assert.equal(values(arrived, carrier), [])
})

test('Connection takes away neither the token nor what is carried', async () => {
  const raw = async (path: string, lines: readonly string[]): Promise<number> => {
    const wire = await connect(edge.plain)
    wire.write(`GET ${path} HTTP/1.1\r\nhost: any.test\r\n${lines.join('\r\n')}\r\n\r\n`)
    await until(5_000, 'an answer', () => statuses(wire.text()).length > 0)
    wire.destroy()
    return statuses(wire.text())[0] ?? 0
  }
  const before = origin.arrived.length
  // RFC 9110 7.6.1 lets a sender name its own fields: these are not
  assert.is(await raw('/signed/x', ['connection: authorization', 'authorization: Basic eDp5']), 400)
  assert.is(await raw('/ask/x', ['connection: close, Authorization', `authorization: Bearer ${await token('x')}`]), 400)
  assert.is(origin.arrived.length, before)
  for (const named of [carrier, 'via', 'forwarded', 'x-forwarded-for', 'x-request-id']) {
    assert.is(
      await raw('/signed/x', [`connection: ${named}`, `${carrier}: Bearer forged`, 'authorization: Own o']),
      200,
    )
    const arrived = origin.arrived.at(-1)
    assert.equal(arrived && values(arrived, carrier), ['Own o'])
    assert.is(arrived && claims(arrived).iss, 'x')
    for (const name of ['via', 'forwarded', 'x-forwarded-for', 'x-request-id'])
      assert.is(arrived && values(arrived, name).length, 1, `${name} with connection: ${named}`)
  }
})

// --- explicit mesh_auth ---

test('a mesh_auth asks for the token on a plain path, and takes it away', async () => {
  await refused(ask('/ask/x'), 403, 'mesh/required')
  await refused(ask('/ask/x', { authorization: `Bearer ${await token('y')}` }), 403, 'mesh/required')
  await refused(ask('/ask/x', { authorization: `Bearer ${await token('x', forgedSecret)}` }), 403, 'mesh/required')
  const { arrived, reply } = await passed(
    ask('/ask/x', { authorization: `Bearer ${await token('x')}`, [carrier]: 'Basic eDp5' }),
  )
  assert.equal(values(arrived, 'authorization'), ['Basic eDp5'])
  assert.equal(values(arrived, carrier), [])
  assert.equal([(await edge.line(reply))['mesh'], (await edge.line(reply))['sub']], ['x', 'partner'])
})

test('one that does not require it lets others go on with what they brought', async () => {
  const without = await passed(ask('/may/x', { authorization: 'Basic eDp5', [carrier]: 'Basic forged' }))
  assert.equal(values(without.arrived, 'authorization'), ['Basic eDp5'])
  assert.equal(values(without.arrived, carrier), [])
  assert.is((await edge.line(without.reply))['mesh'], undefined)
  const bad = `Bearer ${await token('y')}`
  const other = await passed(ask('/may/x', { authorization: bad }))
  assert.equal(values(other.arrived, 'authorization'), [bad])
  const member = await passed(ask('/may/x', { authorization: `Bearer ${await token('x')}` }))
  assert.equal(values(member.arrived, 'authorization'), [])
  assert.is((await edge.line(member.reply))['mesh'], 'x')
})

test('a second mesh, asked behind an ingress, takes its own token away too', async () => {
  const second = `Bearer ${await token('y')}`
  const { arrived, reply } = await passed(into('again', 'x', { [carrier]: second }))
  assert.equal(values(arrived, 'authorization'), [], 'no token of a mesh leaves')
  assert.equal(values(arrived, carrier), [])
  assert.is((await edge.line(reply))['mesh'], 'y')
})

test('a mesh_auth of direction egress signs for where the request goes, or for what it names', async () => {
  const put = claims((await passed(ask('/put/x'))).arrived)
  assert.equal([put.iss, put.aud, put['mesh_id']], ['x', `http://127.0.0.1:${origin.port}`, 'x'])
  const fixed = claims((await passed(ask('/fixed/x'))).arrived)
  assert.equal([fixed.iss, fixed.aud, fixed['mesh_id']], ['x', 'https://partner.test:8443', 'other-id'])
})

test.run()
