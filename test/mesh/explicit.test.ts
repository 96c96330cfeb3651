// An explicit mesh_auth: the check that a pipeline asks for by itself, and the signature.
import { decodeJwt } from 'jose'
import * as assert from 'uvu/assert'
import type { MeshAuth } from '../../core/config/middleware.ts'
import { viewOf } from '../../core/gateway/view.ts'
import { carrier, inbound } from '../../core/mesh/authorization.ts'
import { createMeshCheck } from '../../core/mesh/explicit.ts'
import type { Exchange } from '../../core/pipeline/exchange.ts'
import { edited } from '../../core/pipeline/fields.ts'
import { configWith, urlPattern } from '../support/config.ts'
import type { MeshParts } from '../support/config.ts'
import { fakeExchange } from '../support/exchange.ts'
import { secretKey } from '../support/keys.ts'
import { suite } from '../support/suite.ts'
import { forge } from '../support/tokens.ts'
import type { Claims } from '../support/tokens.ts'

const test = suite('mesh/explicit')

const nowMs = Date.UTC(2027, 0, 15)
const secret = 'the secret of this mesh, with more than thirty-two characters'
const build = createMeshCheck({ now: () => nowMs, identity: () => 'gateway-a', view: viewOf })

test('a valid token gives the request its context, and does not travel on', async () => {
  const exchange = arriving([
    ['authorization', `Bearer ${token()}`],
    ['x', '1'],
  ])
  assert.is(await build(authOf({}))(exchange), undefined)
  assert.equal([exchange.mesh?.mesh, exchange.mesh?.sub, exchange.mesh?.ingress], ['prod', 'gateway-forged', undefined])
  assert.equal(exchange.head.headers, [['x', '1']])
  assert.equal(sent(exchange), [['x', '1']])
})

test('with a valid token the application’s own Authorization is there again, for middleware and upstream', async () => {
  const exchange = arriving([
    ['authorization', `Bearer ${token()}`],
    [carrier, 'Basic mine'],
  ])
  assert.is(await build(authOf({}))(exchange), undefined)
  assert.equal(exchange.head.headers, [['authorization', 'Basic mine']])
  assert.equal(sent(exchange), [['authorization', 'Basic mine']])
})

test('without a valid token a forged carrier stays away', async () => {
  const exchange = arriving([
    ['authorization', 'Basic mine'],
    [carrier, 'Basic admin'],
  ])
  assert.is(await build(authOf({ required: false }))(exchange), undefined)
  assert.is(exchange.mesh, undefined)
  assert.equal(sent(exchange), [['authorization', 'Basic mine']])
  assert.equal(exchange.head.headerAll('authorization'), ['Basic mine'])
})

const refused: readonly (readonly [name: string, values: readonly string[], detail: RegExp])[] = [
  ['no token', [], /^token\/absent: /],
  ['another key', [`Bearer ${token({}, 'x'.repeat(40))}`], /^token\/signature: /],
  ['another mesh', [`Bearer ${token({ iss: 'test' })}`], /^token\/issuer: /],
  ['another mesh_id', [`Bearer ${token({ mesh_id: 'x' })}`], /^token\/mesh-id: /],
  ['an audience that is no ingress of ours', [`Bearer ${token({ aud: 'https://c.example' })}`], /^token\/audience: /],
  ['two fields', [`Bearer ${token()}`, `Bearer ${token()}`], /^token\/several: /],
]

for (const [name, values, detail] of refused)
  test(`${name}: 403 when required, no context when not`, async () => {
    const fields = values.map((value): [string, string] => ['authorization', value])
    const verdict = await build(authOf({}))(arriving(fields))
    assert.is(verdict?.code, 'mesh/required')
    assert.match(verdict?.detail ?? '', detail)
    assert.ok(values.every((value) => !verdict?.detail.includes(value.slice(7))))
    const optional = arriving(fields)
    assert.is(await build(authOf({ required: false }))(optional), undefined)
    assert.is(optional.mesh, undefined)
    assert.equal(sent(optional), fields)
  })

test('the audience may be any enabled ingress of this gateway in the mesh', async () => {
  const exchange = arriving([['authorization', `Bearer ${token({ aud: 'https://a.example' })}`]])
  assert.is(await build(authOf({}))(exchange), undefined)
  const off = arriving([['authorization', `Bearer ${token({ aud: 'https://off.example' })}`]])
  assert.is((await build(authOf({}))(off))?.code, 'mesh/required')
})

test('an instance’s own id and keys count in place of the mesh’s', async () => {
  const own = 'the secret of this instance, with more than thirty-two characters'
  const check = build(authOf({ meshId: 'own', verification: [secretKey(own)] }))
  const good = arriving([['authorization', `Bearer ${token({ mesh_id: 'own' }, own)}`]])
  assert.is(await check(good), undefined)
  assert.is(good.mesh?.meshId, 'own')
  assert.is((await check(arriving([['authorization', `Bearer ${token()}`]])))?.code, 'mesh/required')
})

test('a request that the ingress has let in is not asked again', async () => {
  const exchange = arriving([])
  exchange.mesh = { mesh: 'prod', meshId: '01j', sub: 'x', claims: {}, ingress: 'in' }
  assert.is(await build(authOf({}))(exchange), undefined)
  assert.is(exchange.mesh.ingress, 'in')
})

test('context of another mesh does not count', async () => {
  const exchange = arriving([])
  exchange.mesh = { mesh: 'test', meshId: '01j', sub: 'x', claims: {}, ingress: 'in' }
  assert.is((await build(authOf({}))(exchange))?.code, 'mesh/required')
})

test('a disabled mesh, and one of a provider, let nobody in', async () => {
  for (const mesh of [{ enabled: false }, { provider: 'runbeam' }]) {
    const fields: [string, string][] = [['authorization', `Bearer ${token()}`]]
    assert.is((await build(authOf({}, mesh))(arriving(fields)))?.code, 'mesh/required')
    const optional = arriving(fields)
    assert.is(await build(authOf({ required: false }, mesh))(optional), undefined)
    assert.is(optional.mesh, undefined)
  }
})

test('direction egress says who signs, and leaves the fields alone', async () => {
  const exchange = arriving([['authorization', 'Basic mine']])
  assert.is(await build(authOf({ direction: 'egress' }))(exchange), undefined)
  assert.is(exchange.signer?.mesh, 'prod')
  assert.equal(sent(exchange), [['authorization', 'Basic mine']])
  const claims = decodeJwt((await exchange.signer?.mint('https://b.example:8443', nowMs)) ?? '')
  assert.equal(
    [claims.iss, claims['mesh_id'], claims.sub, claims.aud],
    ['prod', '01j', 'gateway-a', 'https://b.example:8443'],
  )
})

test('a destination of the instance is what its tokens are for', async () => {
  const exchange = arriving([])
  const destination = urlPattern('https://partner.example/fhir')
  await build(authOf({ direction: 'egress', destination }))(exchange)
  const claims = decodeJwt((await exchange.signer?.mint('http://proxy.internal:8080', nowMs)) ?? '')
  assert.is(claims.aud, 'https://partner.example')
})

test('direction egress without a key refuses, unless it is not required', async () => {
  for (const [auth, mesh] of [
    [{ signing: undefined }, {}],
    [{}, { enabled: false }],
    [{}, { provider: 'runbeam' }],
  ] as const) {
    assert.is((await build(authOf({ direction: 'egress', ...auth }, mesh))(arriving([])))?.code, 'mesh/unsigned')
    const exchange = arriving([])
    assert.is(await build(authOf({ direction: 'egress', required: false, ...auth }, mesh))(exchange), undefined)
    assert.is(exchange.signer, undefined)
  }
})

test.run()

/** As the gateway makes it when no ingress has accepted a token. */
function arriving(headers: readonly (readonly [string, string])[]): Exchange {
  const arrived = fakeExchange({ headers }).head
  const edits = [...inbound(arrived, false)]
  return { ...fakeExchange(), head: viewOf(arrived, edits), arrived, edits }
}

/** The fields as an upstream gets them. */
function sent({ head, arrived, edits }: Exchange) {
  return edited((arrived ?? head).headers, edits)
}

function token(claims: Claims = {}, key = secret): string {
  return forge({ mesh: 'prod', meshId: '01j', key: { secret: key } }, nowMs, { claims })
}

function authOf(parts: Partial<MeshAuth>, mesh: MeshParts = {}): MeshAuth {
  const config = configWith({
    endpoints: { api: {} },
    pipelines: {
      main: {
        endpoints: ['api'],
        ingresses: {
          in: { urls: ['https://a.example/fhir'] },
          off: { urls: ['https://off.example/fhir'], enabled: false },
        },
      },
    },
    meshes: { prod: { id: '01j', secret, ingress: ['in', 'off'], ...mesh } },
  })
  const found = config.meshes.get('prod')
  if (found === undefined) throw new Error('there is no mesh prod')
  return {
    mesh: found,
    direction: 'ingress',
    required: true,
    meshId: found.id,
    algorithm: 'HS256',
    signing: secretKey(secret),
    verification: [secretKey(secret)],
    destination: undefined,
    ...parts,
  }
}
