// WebSocket upgrades through pipelines: a mesh's door is closed to them as it is to every request, and what reads
// bodies leaves them alone.
import { once } from 'node:events'
import * as assert from 'uvu/assert'
import { within } from '../support/deadline.ts'
import { startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { claimsOf, forgedSecret, sign } from '../support/forge.ts'
import { meshSecret } from '../support/organisations.ts'
import { protocols, startOrigin } from '../support/rig.ts'
import type { TestOrigin } from '../support/rig.ts'
import { startTunnelClient } from '../support/tunnel.ts'
import type { TunnelAsk, TunnelClient } from '../support/tunnel.ts'
import type { Upgrade } from '../support/upgrade.ts'
import { suite } from '../support/suite.ts'
import type { Protocol } from '../../quic/index.ts'

const test = suite('upgrades')

const pipeline = (name: string, origin: number, more: string): string => `
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
connection = { host = "127.0.0.1", port = ${origin} }
`

let edge: Edge
let origin: TestOrigin
const clients = new Map<Protocol, TunnelClient>()
let upgrades: Upgrade[] = []
test.before(async () => {
  origin = await startOrigin(
    'h1',
    (_request, response) => response.end('no upgrade'),
    (upgrade) => {
      upgrades.push(upgrade)
      if (upgrade.target === '/no') return upgrade.refuse(418, 'no')
      const tunnel = upgrade.accept()
      tunnel.on('data', (chunk: Buffer) => tunnel.write(`<${String(chunk)}>`))
      tunnel.on('end', () => tunnel.end())
    },
  )
  edge = await startEdge({
    files: {
      'pipelines/p.toml': [
        pipeline(
          'members',
          origin.port,
          'mesh.ingress.door = { type = "http", urls = ["https://localhost/door"], mode = "mesh" }',
        ),
        pipeline('dumped', origin.port, 'middleware = ["dump", "json_extractor"]'),
        pipeline('signed', origin.port, 'mesh.egress.out = { type = "http" }'),
        pipeline('reading', origin.port, '').replace(
          'options.path_prefix = "/reading"',
          '$&\noptions.methods = ["GET"]',
        ),
        pipeline('writing', origin.port, '').replace(
          'options.path_prefix = "/writing"',
          '$&\noptions.methods = ["POST", "CONNECT"]',
        ),
        pipeline('unread', origin.port, 'middleware = ["unread"]'),
        pipeline('limited', origin.port, 'middleware = ["limited"]'),
        `
[middleware.dump]
type = "log_dump"
[middleware.limited]
type = "policies"
options.policies = ["readers"]
[policies.readers]
id = "readers"
rules = ["reads"]
[rules.reads]
id = "reads"
type = "method"
options = { methods = ["GET"], mode = "allow" }
[middleware.unread]
type = "policies"
options.policies = ["writers"]
[policies.writers]
id = "writers"
rules = ["reads-not", "any"]
[rules.reads-not]
id = "reads-not"
type = "method"
options = { methods = ["GET"], mode = "deny" }
[rules.any]
id = "any"
type = "allow_all"
`,
      ].join('\n'),
      'mesh/m.toml': `
[mesh.m]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = ["door"]
egress = ["out"]
`,
    },
  })
  for (const protocol of protocols)
    clients.set(protocol, await startTunnelClient(protocol, protocol === 'h1' ? edge.plain : edge.tls))
})
test.after(async () => {
  for (const client of clients.values()) await client.close()
  await edge.close()
  await origin.close()
})
test.before.each(() => {
  upgrades = []
})

const token = async (secret = meshSecret): Promise<string> =>
  sign({ alg: 'HS256', secret }, claimsOf('m', Math.floor(Date.now() / 1000)))

for (const protocol of protocols) {
  const client = (): TunnelClient => {
    const found = clients.get(protocol)
    if (found === undefined) throw new Error(`no client of ${protocol}`)
    return found
  }

  /** Opens, and sends a word to and fro. */
  const works = async (ask: TunnelAsk): Promise<Upgrade> => {
    const opened = await within(10_000, 'an upgrade', client().open(ask))
    opened.wire.write('word')
    const [chunk] = (await within(10_000, 'an echo', once(opened.wire, 'data'))) as [Buffer]
    assert.is(String(chunk), '<word>')
    opened.abort()
    const upgrade = upgrades.at(-1)
    if (upgrade === undefined) throw new Error('no upgrade at the origin')
    return upgrade
  }

  test(`a door of mode mesh is closed to an upgrade without a valid token, ${protocol}`, async () => {
    const rows: readonly Record<string, string>[] = [{}, { authorization: `Bearer ${await token(forgedSecret)}` }]
    for (const path of ['/door/chat', '/members/chat'])
      for (const headers of rows) {
        const { status, body } = await within(10_000, 'an answer', client().refused({ path, headers }))
        assert.is(status, 403)
        assert.is((JSON.parse(body) as { error: string }).error, 'mesh/required')
      }
    assert.equal(upgrades, [])
  })

  test(`with a token it opens, and the token stays here, ${protocol}`, async () => {
    const sent = await token()
    for (const path of ['/door/chat', '/members/chat']) {
      const upgrade = await works({ path, headers: { authorization: `Bearer ${sent}` } })
      assert.equal([upgrade.token, upgrade.target], ['websocket', '/chat'])
      assert.is(upgrade.headers['authorization'], undefined)
    }
  })

  test(`a refusal of the origin passes, ${protocol}`, async () => {
    const headers = { authorization: `Bearer ${await token()}` }
    const { status, body } = await within(10_000, 'an answer', client().refused({ path: '/door/no', headers }))
    assert.equal([status, body], [418, 'no'])
  })

  test(`what dumps bodies waits for none, ${protocol}`, async () => {
    await works({ path: '/dumped/chat' })
  })

  test(`a way out signs it, ${protocol}`, async () => {
    const upgrade = await works({ path: '/signed/chat', headers: { authorization: 'Basic eDp5' } })
    assert.match(String(upgrade.headers['authorization']), /^Bearer /)
    assert.is(upgrade.headers['harmony-forwarded-authorization'], 'Basic eDp5')
  })

  test(`it counts as GET wherever methods matter, ${protocol}`, async () => {
    await works({ path: '/reading/chat' })
    await works({ path: '/limited/chat' })
    const before = upgrades.length
    const denied = await within(10_000, 'an answer', client().refused({ path: '/unread/chat' }))
    assert.is(denied.status, 403)
    const unlisted = await within(10_000, 'an answer', client().refused({ path: '/writing/chat' }))
    assert.is(unlisted.status, 405)
    assert.is(upgrades.length, before)
  })
}

test.run()
