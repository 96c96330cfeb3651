// Keys of a JWKS through a gateway that serves: fetched from a real server, rotated, gone and back. The gateway's clock
// is set forward in place of waiting.
import { createPublicKey } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import * as assert from 'uvu/assert'
import { refusal, startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { sign } from '../support/forge.ts'
import { rsaPair } from '../support/keys.ts'
import type { KeyPair } from '../support/keys.ts'
import { recordingOrigin } from '../support/organisations.ts'
import type { RecordingOrigin } from '../support/organisations.ts'
import type { Reply } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('keys of a JWKS')

const realNow = Date.now
let skewMs = 0
Date.now = () => realNow() + skewMs

const secondMs = 1_000
const hourMs = 3_600_000

type Keyed = { readonly kid: string; readonly pair: KeyPair }
const keyed = (kid: string): Keyed => ({ kid, pair: rsaPair(kid) })
const [first, second, stranger] = [keyed('first'), keyed('second'), keyed('stranger')]

type Provider = {
  readonly port: number
  keys: readonly Keyed[]
  status: number
  asked: number
  close(): Promise<void>
}

async function startProvider(): Promise<Provider> {
  const server = http.createServer((_request, response) => {
    provider.asked += 1
    response.statusCode = provider.status
    const keys = provider.keys.map(({ kid, pair }) => ({
      ...createPublicKey(pair.publicPem).export({ format: 'jwk' }),
      kid,
      alg: 'RS256',
      use: 'sig',
    }))
    response.end(JSON.stringify({ keys }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const provider: Provider = {
    // it listens on TCP
    port: (server.address() as AddressInfo).port,
    keys: [first],
    status: 200,
    asked: 0,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return provider
}

let edge: Edge
let origin: RecordingOrigin
let provider: Provider
test.before(async () => {
  origin = await recordingOrigin()
  provider = await startProvider()
  edge = await startEdge({
    proxy: 'jwks_cache_duration_hours = 2',
    config: '[management]\nenabled = true\nnetwork = "plain"',
    files: {
      'pipelines/p.toml': `
[pipelines.p]
networks = ["plain", "tls"]
endpoints = ["p"]
backends = ["origin"]
middleware = ["login"]
[endpoints.p]
service = "http"
options.path_prefix = "/p"
[backends.origin]
service = "http"
connection = { host = "127.0.0.1", port = ${origin.port} }
[middleware.login]
type = "jwt_auth"
options = { jwks_uri = "http://127.0.0.1:${provider.port}/keys?code=planted" }
`,
    },
  })
})
test.after(async () => {
  await edge.close()
  await origin.close()
  await provider.close()
})

/** Its `sub` makes a token another one, which no cache knows. */
const ask = async ({ kid, pair }: Keyed, sub = 's'): Promise<Reply> => {
  const claims = { sub, exp: Math.floor(Date.now() / 1_000) + 60 }
  const token = await sign({ alg: 'RS256', privateKey: pair.privatePem }, claims, { kid })
  return edge.client('h1').send({ path: '/p/x', headers: { authorization: `Bearer ${token}` } })
}

const passes = async (key: Keyed, sub?: string): Promise<void> => {
  const reply = await ask(key, sub)
  assert.is(reply.status, 200, String(await reply.bytes()))
}

const refused = async (key: Keyed, code: string): Promise<void> => {
  const before = origin.arrived.length
  const reply = await ask(key)
  assert.is(reply.status, 401)
  assert.is((await refusal(reply)).error, code)
  assert.is(origin.arrived.length, before)
}

test('they are fetched once, for however many requests at the same time', async () => {
  await Promise.all(Array.from({ length: 20 }, async (_none, at) => passes(first, `s${at}`)))
  assert.is(provider.asked, 1)
})

test('keys that nobody knows do not make it ask the provider again and again', async () => {
  skewMs += 31 * secondMs
  await Promise.all(
    Array.from({ length: 20 }, async (_none, at) => refused({ ...stranger, kid: `made-up-${at}` }, 'auth/invalid')),
  )
  for (let one = 0; one < 10; one++) await refused(stranger, 'auth/invalid')
  assert.is(provider.asked, 2)
  await refused({ ...stranger, kid: 'first' }, 'auth/invalid')
})

test('a new key is taken when a token names it, and the old one serves as long as it is there', async () => {
  provider.keys = [first, second]
  skewMs += 31 * secondMs
  await passes(second)
  await passes(first)
  assert.is(provider.asked, 3)
  // what was verified with a key that has gone is not remembered
  provider.keys = [second]
  skewMs += 31 * secondMs
  await refused({ ...stranger, kid: 'who' }, 'auth/invalid')
  await refused(first, 'auth/invalid')
  await passes(second)
})

test('a reload keeps them', async () => {
  const before = provider.asked
  const reply = await edge.client('h1').send({ method: 'POST', path: '/api/reload' })
  assert.is(reply.status, 200, String(await reply.bytes()))
  await passes(second)
  assert.is(provider.asked, before)
})

test('without the provider they serve to the end of their time, and then nobody passes', async () => {
  provider.status = 500
  skewMs += 1 * hourMs
  await passes(second)
  skewMs += 2 * hourMs
  const before = edge.lines.length
  await refused(second, 'auth/unavailable')
  const error = edge.lines.slice(before).find(({ level }) => level === 'error')
  assert.is(error?.['host'], `127.0.0.1:${provider.port}`)
  assert.not.match(JSON.stringify(edge.lines), 'planted')
})

test('it is asked again when it is back, and not by every request before', async () => {
  const before = provider.asked
  for (let one = 0; one < 10; one++) await refused(second, 'auth/unavailable')
  assert.is(provider.asked, before)
  provider.status = 200
  skewMs += 11 * secondMs
  await passes(second)
})

test.run()
