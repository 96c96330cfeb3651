// Keys, meshes and members that change while a gateway serves: what was accepted a moment ago, and is remembered, is
// refused from the reload on, also on connections that stay.
import { decodeProtectedHeader, jwtVerify } from 'jose'
import * as assert from 'uvu/assert'
import { startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { claimsOf, sign } from '../support/forge.ts'
import { recordingOrigin } from '../support/organisations.ts'
import type { RecordingOrigin } from '../support/organisations.ts'
import { protocols } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('rotation')

const [old, young] = [
  'the old secret of the mesh, with more than thirty-two characters',
  'the young secret of the mesh, with more than thirty-two characters',
]

const pipelines = (origin: number): string => `
[pipelines.p]
networks = ["plain", "tls"]
endpoints = ["p"]
backends = ["origin"]
mesh.ingress.door = { type = "http", urls = ["https://door.test/in"], mode = "mesh" }
mesh.egress.out = { type = "http" }
[endpoints.p]
service = "http"
options.path_prefix = "/p"

[pipelines.explicit]
networks = ["plain", "tls"]
endpoints = ["explicit"]
backends = ["origin"]
middleware = ["ask"]
[endpoints.explicit]
service = "http"
options.path_prefix = "/explicit"
[middleware.ask]
type = "mesh_auth"
options.mesh_name = "m"

[backends.origin]
service = "http"
connection = { host = "127.0.0.1", port = ${origin} }
`

const mesh = (lines: string, ingress = '"door"'): string => `
[mesh.m]
type = "http"
provider = "local"
ingress = [${ingress}]
egress = ["out"]
${lines}
`

let edge: Edge
let origin: RecordingOrigin
test.before(async () => {
  origin = await recordingOrigin()
  edge = await startEdge({
    config: '[management]\nenabled = true\nnetwork = "plain"',
    files: { 'pipelines/p.toml': pipelines(origin.port), 'mesh/m.toml': mesh(`jwt_secret = "${old}"`) },
  })
})
test.after(async () => {
  await edge.close()
  await origin.close()
})

const token = async (secret: string): Promise<string> =>
  sign({ alg: 'HS256', secret }, claimsOf('m', Math.floor(Date.now() / 1000)))

/** The statuses of a request with this token at each door, over each protocol; all of them the same. */
async function statusOf(bearer: string): Promise<number | string> {
  const seen = new Set<number>()
  for (const protocol of protocols)
    for (const [path, host] of [
      ['/in/x', 'door.test'],
      ['/p/x', 'any.test'],
      ['/explicit/x', 'any.test'],
    ] as const) {
      const headers = { host, authorization: `Bearer ${bearer}` }
      const reply = await edge.client(protocol).send({ path, headers })
      await reply.bytes()
      seen.add(reply.status)
    }
  const [first = 0] = seen
  return seen.size === 1 ? first : [...seen].join(' and ')
}

async function take(lines: string, ingress?: string): Promise<void> {
  edge.project.write('mesh/m.toml', mesh(lines, ingress))
  const reply = await edge.client('h1').send({ method: 'POST', path: '/api/reload' })
  assert.is(reply.status, 200, String(await reply.bytes()))
}

/** By which secret the gateway signs what leaves. */
async function signs(): Promise<string> {
  // a member enters, so that the request leaves
  for (const secret of [old, young]) {
    const headers = { authorization: `Bearer ${await token(secret)}` }
    const reply = await edge.client('h1').send({ path: '/p/x', headers })
    await reply.bytes()
    if (reply.status !== 200) continue
    const value = origin.arrived.at(-1)?.headers.find(([name]) => name === 'authorization')?.[1] ?? ''
    const sent = value.replace(/^Bearer /, '')
    assert.is(typeof decodeProtectedHeader(sent).kid, 'string')
    for (const one of [old, young])
      if (
        await jwtVerify(sent, Buffer.from(one)).then(
          () => true,
          () => false,
        )
      )
        return one
  }
  return 'by none'
}

test('a rotation: both keys are good while it is under way, the old one is not after it', async () => {
  const [before, after] = [await token(old), await token(young)]
  assert.equal([await statusOf(before), await statusOf(after)], [200, 403])
  assert.is(await signs(), old)
  await take(`jwt_secret = "${young}"\nprevious_jwt_secret = "${old}"`)
  assert.equal([await statusOf(before), await statusOf(after)], [200, 200])
  assert.is(await signs(), young)
  await take(`jwt_secret = "${young}"`)
  assert.equal([await statusOf(before), await statusOf(after)], [403, 200])
  assert.is(await signs(), young)
})

test('a mesh that is disabled lets nobody in, and lets them in again when it is back', async () => {
  const member = await token(young)
  assert.is(await statusOf(member), 200)
  await take(`jwt_secret = "${young}"\nenabled = false`)
  assert.is(await statusOf(member), 403)
  await take(`jwt_secret = "${young}"`)
  assert.is(await statusOf(member), 200)
})

test('a mesh with another id, or with no leeway, refuses what it took', async () => {
  const member = await token(young)
  const late = await sign(
    { alg: 'HS256', secret: young },
    claimsOf('m', Math.floor(Date.now() / 1000), { exp: Math.floor(Date.now() / 1000) - 10 }),
  )
  assert.equal([await statusOf(member), await statusOf(late)], [200, 200])
  await take(`jwt_secret = "${young}"\nleeway_secs = 0`)
  assert.equal([await statusOf(member), await statusOf(late)], [200, 403])
  await take(`jwt_secret = "${young}"\nid = "another"`)
  assert.is(await statusOf(member), 403)
})

test('an edit that is refused changes nothing of it', async () => {
  await take(`jwt_secret = "${young}"`)
  const member = await token(young)
  edge.project.write('mesh/m.toml', mesh(`jwt_secret = "${old}"`, '"door", "nobody"'))
  const reply = await edge.client('h1').send({ method: 'POST', path: '/api/reload' })
  assert.is(reply.status, 422)
  assert.not.match(String(await reply.bytes()), /secret of the mesh/)
  assert.equal([await statusOf(member), await statusOf(await token(old))], [200, 403])
})

test.run()
