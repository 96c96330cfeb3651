// Modes and tokens (spec 7.2, 7.3, decisions 1 to 3, 10 to 12): what each token comes to at an ingress of each mode,
// under HS256 and RS256, through a real gateway to a real origin.
import http from 'node:http'
import * as assert from 'uvu/assert'
import { claimsOf, confused, forgedSecret, sign, tampered, write } from '../support/forge.ts'
import type { Claims, Signing } from '../support/forge.ts'
import { startInside } from '../support/inside.ts'
import type { Inside } from '../support/inside.ts'
import { rsaPair } from '../support/keys.ts'
import { meshSecret, recordingOrigin } from '../support/organisations.ts'
import type { RecordingOrigin } from '../support/organisations.ts'
import { suite } from '../support/suite.ts'

const test = suite('modes and tokens')

const own = rsaPair('own')
const previous = rsaPair('previous')
const other = rsaPair('other')
const previousSecret = 'the secret before the present one, long enough as well'

let gateway: Inside
let origin: RecordingOrigin
test.before(async () => {
  origin = await recordingOrigin()
  gateway = await startInside(1, ([port]) => ({
    'own.pem': own.publicPem,
    'previous.pem': previous.publicPem,
    'config.toml': `
[proxy]
id = "gateway"
primary_provider = "local"
[network.edge.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${port}
`,
    'pipelines/p.toml': `
[pipelines.p]
networks = ["edge"]
middleware = ["log_dump"]
endpoints = ["hs-mesh", "hs-default", "rs-mesh", "rs-default", "lonely"]
backends = ["origin"]
mesh.ingress.hs-mesh = { type = "http", urls = ["https://hs-mesh.test/in"], endpoint = "hs-mesh", mode = "mesh" }
mesh.ingress.hs-default = { type = "http", urls = ["https://hs-default.test/in"], endpoint = "hs-default" }
mesh.ingress.rs-mesh = { type = "http", urls = ["https://rs-mesh.test/in"], endpoint = "rs-mesh", mode = "mesh" }
mesh.ingress.rs-default = { type = "http", urls = ["https://rs-default.test/in"], endpoint = "rs-default" }
mesh.ingress.lonely = { type = "http", urls = ["https://lonely.test/in"], endpoint = "lonely", mode = "mesh" }
[endpoints.hs-mesh]
service = "http"
[endpoints.hs-default]
service = "http"
[endpoints.rs-mesh]
service = "http"
options.path_prefix = "/own/path"
[endpoints.rs-default]
service = "http"
[endpoints.lonely]
service = "http"
[backends.origin]
service = "http"
connection = { host = "127.0.0.1", port = ${origin.port}, protocol = "http" }
`,
    'mesh/m.toml': `
[mesh.hs]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
previous_jwt_secret = "${previousSecret}"
ingress = ["hs-mesh", "hs-default"]
[mesh.rs]
type = "http"
provider = "local"
jwt_public_key_path = "own.pem"
previous_jwt_public_key_paths = ["previous.pem"]
ingress = ["rs-mesh", "rs-default"]
[mesh.off]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = ["lonely"]
enabled = false
`,
  }))
})
test.after(async () => {
  await gateway.close()
  await origin.close()
})

type Mesh = 'hs' | 'rs'
const key = { hs: { alg: 'HS256', secret: meshSecret }, rs: { alg: 'RS256', privateKey: own.privatePem } } as const
const old = {
  hs: { alg: 'HS256', secret: previousSecret },
  rs: { alg: 'RS256', privateKey: previous.privatePem },
} as const
const wrong = {
  hs: { alg: 'HS256', secret: forgedSecret },
  rs: { alg: 'RS256', privateKey: other.privatePem },
} as const
const longer = { hs: { alg: 'HS512', secret: meshSecret }, rs: { alg: 'RS512', privateKey: own.privatePem } } as const

const now = (): number => Math.floor(Date.now() / 1000)
const made = async (
  mesh: Mesh,
  more: Claims = {},
  signing: Signing = key[mesh],
  header: Claims = {},
): Promise<string> => sign(signing, claimsOf(mesh, now(), more), header)

type Row = {
  readonly what: string
  /** Values of `Authorization`. */
  readonly fields: (mesh: Mesh) => Promise<readonly string[]>
  readonly valid: boolean
  /** What the engine refuses before anybody reads the token. */
  readonly status?: number
}

const bearer =
  (token: (mesh: Mesh) => Promise<string>): Row['fields'] =>
  async (mesh) => [`Bearer ${await token(mesh)}`]

const rows: readonly Row[] = [
  { what: 'absent', fields: async () => [], valid: false },
  { what: 'valid', fields: bearer(async (mesh) => made(mesh)), valid: true },
  {
    what: 'valid, with the scheme in another case',
    fields: async (mesh) => [`bEaReR   ${await made(mesh)}`],
    valid: true,
  },
  {
    what: 'for one of our hosts',
    fields: bearer(async (mesh) => made(mesh, { aud: `https://${mesh}-mesh.test` })),
    valid: true,
  },
  { what: 'for the mesh', fields: bearer(async (mesh) => made(mesh, { aud: ['x', `mesh:${mesh}`] })), valid: true },
  {
    what: 'for another host',
    fields: bearer(async (mesh) => made(mesh, { aud: 'https://elsewhere.test' })),
    valid: false,
  },
  { what: 'of the key before a rotation', fields: bearer(async (mesh) => made(mesh, {}, old[mesh])), valid: true },
  { what: 'expired within the leeway', fields: bearer(async (mesh) => made(mesh, { exp: now() - 10 })), valid: true },
  { what: 'expired', fields: bearer(async (mesh) => made(mesh, { iat: now() - 400, exp: now() - 60 })), valid: false },
  { what: 'without an end', fields: bearer(async (mesh) => made(mesh, { exp: undefined })), valid: false },
  {
    what: 'of the future',
    fields: bearer(async (mesh) => made(mesh, { iat: now() + 90, exp: now() + 300 })),
    valid: false,
  },
  { what: 'not valid yet', fields: bearer(async (mesh) => made(mesh, { nbf: now() + 90 })), valid: false },
  { what: 'of another key', fields: bearer(async (mesh) => made(mesh, {}, wrong[mesh])), valid: false },
  {
    what: 'of another key under our kid',
    fields: bearer(async (mesh) => made(mesh, {}, wrong[mesh], { kid: 'x' })),
    valid: false,
  },
  {
    what: 'of another mesh',
    fields: bearer(async (mesh) => made(mesh, { iss: 'other', mesh_id: 'other' })),
    valid: false,
  },
  {
    what: 'with the id of another mesh',
    fields: bearer(async (mesh) => made(mesh, { mesh_id: 'other' })),
    valid: false,
  },
  { what: 'without a subject', fields: bearer(async (mesh) => made(mesh, { sub: undefined })), valid: false },
  { what: 'of another algorithm', fields: bearer(async (mesh) => made(mesh, {}, longer[mesh])), valid: false },
  {
    what: 'of the other kind of key',
    fields: bearer(async (mesh) => made(mesh, {}, key[mesh === 'hs' ? 'rs' : 'hs'])),
    valid: false,
  },
  { what: 'alg none', fields: bearer(async (mesh) => write({ alg: 'none' }, claimsOf(mesh, now()), '')), valid: false },
  {
    what: 'alg nOnE',
    fields: bearer(async (mesh) => write({ alg: 'nOnE', typ: 'JWT' }, claimsOf(mesh, now()), 'AA')),
    valid: false,
  },
  {
    what: 'the public key as a secret',
    fields: bearer(async (mesh) => confused(own.publicPem, claimsOf(mesh, now()))[0] ?? ''),
    valid: false,
  },
  {
    what: 'the other form of the public key as a secret',
    fields: bearer(async (mesh) => confused(own.publicPem, claimsOf(mesh, now()))[1] ?? ''),
    valid: false,
  },
  {
    what: 'tampered with',
    fields: bearer(async (mesh) => tampered(await made(mesh), claimsOf(mesh, now(), { sub: 'admin' }))),
    valid: false,
  },
  { what: 'truncated', fields: bearer(async (mesh) => (await made(mesh)).slice(0, -9)), valid: false },
  {
    what: 'without a signature',
    fields: bearer(async (mesh) => (await made(mesh)).replace(/[^.]+$/, '')),
    valid: false,
  },
  { what: 'twice', fields: async (mesh) => [`Bearer ${await made(mesh)}`, `Bearer ${await made(mesh)}`], valid: false },
  { what: 'of 40 KB', fields: bearer(async (mesh) => made(mesh, { pad: 'x'.repeat(30_000) })), valid: false },
  {
    what: 'of 100 KB',
    fields: bearer(async (mesh) => made(mesh, { pad: 'x'.repeat(75_000) })),
    valid: false,
    status: 431,
  },
  { what: 'not a token', fields: async () => ['Bearer ...', 'Basic eA=='].slice(0, 1), valid: false },
]

type Answer = { status: number; body: string; id: string }

async function ask(host: string, authorization: readonly string[], path = '/in/x?y=1'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = http.request(
      {
        port: gateway.ports[0],
        host: '127.0.0.1',
        path,
        agent: false,
        // a list of fields: repeats stay repeats
        headers: ['host', host, ...authorization.flatMap((value) => ['authorization', value])],
      },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, id: String(response.headers['x-request-id']) }),
        )
      },
    )
    asked.on('error', reject).end()
  })
}

for (const mesh of ['hs', 'rs'] as const)
  for (const { what, fields, valid, status } of rows) {
    test(`${mesh}, mode mesh, a token ${what}: ${valid ? 'in' : (status ?? 403)}`, async () => {
      const before = origin.arrived.length
      const authorization = await fields(mesh)
      const answer = await ask(`${mesh}-mesh.test`, authorization)
      assert.is(answer.status, valid ? 200 : (status ?? 403))
      assert.is(origin.arrived.length, before + (valid ? 1 : 0))
      if (valid) {
        const line = await gateway.access(answer.id)
        assert.equal([line['mesh'], line['sub']], [mesh, 'partner'])
        // middleware has seen it too
        const dump = gateway.lines.findLast((one) => one['target'] === 'harmony.dump' && one['side'] === 'left')
        assert.match(String(dump?.['dump']), `"mesh": "${mesh}"`)
        assert.match(String(dump?.['dump']), '"mesh_sub": "partner"')
        const seen = origin.arrived.at(-1)?.headers.filter(([name]) => name === 'authorization')
        assert.equal(seen, [], 'the token stays here')
      } else if (status === undefined) {
        const body = JSON.parse(answer.body) as Record<string, unknown>
        assert.equal(Object.keys(body), ['error', 'message', 'request_id'])
        assert.is(body['error'], 'mesh/required')
        assert.is(body['request_id'], answer.id)
      }
    })
    // an audience that names the other ingress's host is another matter: see the tests of the audience
    if (what !== 'for one of our hosts')
      test(`${mesh}, mode default, a token ${what}: goes on ${valid ? 'with' : 'without'} context`, async () => {
        const before = origin.arrived.length
        const authorization = await fields(mesh)
        const answer = await ask(`${mesh}-default.test`, authorization)
        assert.is(answer.status, status ?? 200)
        if (status !== undefined) return
        assert.is(origin.arrived.length, before + 1)
        const line = await gateway.access(answer.id)
        assert.is(line['mesh'], valid ? mesh : undefined)
        const seen = origin.arrived.at(-1)?.headers.filter(([name]) => name === 'authorization')
        assert.equal(seen, valid ? [] : authorization.map((value) => ['authorization', value]))
      })
  }

test('an ingress of mode mesh in no enabled mesh refuses everybody', async () => {
  for (const fields of [[], [`Bearer ${await sign(key.hs, claimsOf('off', now()))}`], [`Bearer ${await made('hs')}`]])
    assert.is((await ask('lonely.test', fields)).status, 403)
})

test('the own path of an endpoint that only a mesh ingress binds needs the token too', async () => {
  const before = origin.arrived.length
  assert.is((await ask('any.test', [], '/own/path/x')).status, 403)
  assert.is(origin.arrived.length, before)
  assert.is((await ask('any.test', [`Bearer ${await made('rs')}`], '/own/path/x')).status, 200)
  assert.is(origin.arrived.at(-1)?.target, '/x')
})

test.run()
