// Meshes as they are built: members and keys, and those of mesh_auth.
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { config } from './built.ts'

const test = suite('meshes that are built')

const secret = 'jwt_secret = "a-secret-of-at-least-thirty-two-bytes"'

test('a mesh has the members that its names mean', async () => {
  const { meshes, ingresses, egresses } = await config(`[provider.acme]
api = "https://api.acme.test"
[remote_ingress.partner]
urls = ["https://partner.test/api"]
[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api", "http://gw.test:81/api"]
mode = "mesh"
[pipelines.web.mesh.egress.out]
type = "http"
[mesh.prod]
id = "m-1"
type = "http"
provider = "local"
${secret}
ingress = ["local.name.api", "partner", "acme.sales.ingress.name.x"]
egress = ["out", "acme.id.1"]`)
  const mesh = meshes.get('prod')
  assert.is(mesh?.id, 'm-1')
  assert.equal(
    mesh?.ingress.map(({ kind }) => kind),
    ['ingress', 'catalogue', 'reference'],
  )
  assert.equal(
    mesh?.egress.map(({ kind }) => kind),
    ['egress', 'reference'],
  )
  const [first] = mesh?.ingress ?? []
  // The very object that requests are routed to: what the mesh says of it is what happens to them.
  assert.ok(first?.kind === 'ingress' && first.ingress === ingresses.get('api'))
  assert.is(ingresses.get('api')?.pipeline, 'web')
  assert.equal(
    ingresses.get('api')?.urls.map(({ host, port, path }) => [host, port, path]),
    [
      ['gw.test', undefined, '/api'],
      ['gw.test', 81, '/api'],
    ],
  )
  assert.is(egresses.get('out')?.backend.name, 'app')
})

test('an RSA key makes a mesh RS256, whatever secret stands beside it', async () => {
  const { meshes } = await config(`[mesh.prod]
type = "http"
provider = "local"
${secret}
jwt_private_key_path = "keys/mesh.key"
jwt_public_key_path = "keys/mesh.pub"
previous_jwt_public_key_paths = ["keys/mesh.pub"]`)
  const { algorithm, signing, verification = [] } = meshes.get('prod') ?? {}
  assert.is(algorithm, 'RS256')
  assert.is(signing?.key.type, 'private')
  assert.equal(
    verification.map(({ key, kid }) => [key.type, kid === signing?.kid]),
    [['public', true]],
  )
})

test('a private key alone verifies nothing', async () => {
  const { meshes } = await config(
    `[mesh.prod]\ntype = "http"\nprovider = "local"\njwt_private_key_path = "keys/mesh.key"`,
  )
  assert.equal(meshes.get('prod')?.verification, [])
})

test('during a rotation the current secret comes first', async () => {
  const { meshes } = await config(`[mesh.prod]
type = "http"
provider = "local"
${secret}
previous_jwt_secret = "the-secret-of-before-that-is-long-enough"`)
  const { algorithm, signing, verification = [] } = meshes.get('prod') ?? {}
  assert.is(algorithm, 'HS256')
  assert.is(verification.length, 2)
  assert.is(verification[0]?.kid, signing?.kid)
})

test('a disabled mesh has no keys: not even its files are read', async () => {
  const { meshes, watch } = await config(`[mesh.prod]
type = "http"
provider = "local"
enabled = false
jwt_private_key_path = "keys/none.key"`)
  const mesh = meshes.get('prod')
  assert.equal([mesh?.enabled, mesh?.signing, mesh?.verification], [false, undefined, []])
  assert.not.ok(watch.some((path) => path.includes('none.key')))
})

test('mesh_auth has the keys of its mesh, or its own for its direction', async () => {
  const auth = async (options: string) => {
    const { pipelines } = await config(`[pipelines.web]
networks = ["public"]
endpoints = ["web"]
middleware = ["m"]
[middleware.m]
type = "mesh_auth"
options = { ${options} }
[mesh.prod]
id = "m-1"
type = "http"
provider = "local"
${secret}`)
    const [found] = pipelines.get('web')?.left ?? []
    assert.ok(found?.type === 'mesh_auth')
    return found
  }
  const shared = await auth('')
  assert.equal([shared.meshId, shared.direction, shared.required, shared.algorithm], ['m-1', 'ingress', true, 'HS256'])
  assert.equal(shared.verification, shared.mesh.verification)
  const ingress = await auth('mesh_id = "other", jwt_key_path = "keys/mesh.pub", required = false')
  assert.equal([ingress.meshId, ingress.required, ingress.algorithm], ['other', false, 'RS256'])
  assert.equal([ingress.signing, ingress.verification.length], [undefined, 1])
  const egress = await auth(
    'direction = "egress", jwt_key_path = "keys/mesh.key", destination_url = "https://partner.test/x"',
  )
  assert.equal(
    [egress.signing?.key.type, egress.verification, egress.destination?.host],
    ['private', [], 'partner.test'],
  )
})

test.run()
