// What was accepted before is not accepted any more once its key is gone from the configuration, however often it was
// accepted: nothing that remembers tokens outlives what they were checked by.
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { claimsOf, sign } from '../support/forge.ts'
import { startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'

const test = suite('keys that are taken away')

const secrets = {
  old: 'the secret from before the change, with more than thirty-two characters',
  new: 'the secret from after the change, with more than thirty-two characters',
}
type Keys = { readonly mesh: string; readonly jwt: string; readonly password: string; readonly listed?: boolean }

const files = ({ mesh, jwt, password, listed = true }: Keys): Record<string, string> => ({
  'pipelines/p.toml': `
[pipelines.in]
networks = ["plain"]
endpoints = ["in"]
backends = ["echo"]
mesh.ingress.door = { type = "http", urls = ["http://door.test/"], mode = "mesh" }
mesh.ingress.other = { type = "http", urls = ["http://other.test/"], mode = "mesh" }
${['asked', 'jwt', 'basic']
  .map(
    (name) => `
[pipelines.${name}]
networks = ["plain"]
endpoints = ["${name}"]
backends = ["echo"]
middleware = { left = ["${name}"] }
[endpoints.${name}]
service = "http"
options.path_prefix = "/${name}"`,
  )
  .join('\n')}
[endpoints.in]
service = "http"
options.path_prefix = "/in"
[backends.echo]
service = "echo"
[middleware.asked]
type = "mesh_auth"
options = { mesh_name = "m" }
[middleware.jwt]
type = "jwt_auth"
options = { use_hs256 = true, hs256_secret = "${jwt}" }
[middleware.basic]
type = "basic_auth"
options = { username = "u", password = "${password}" }
`,
  'mesh/m.toml': `
[mesh.m]
type = "http"
provider = "local"
jwt_secret = "${mesh}"
ingress = [${listed ? '"door", ' : ''}"other"]
`,
})

const before: Keys = { mesh: secrets.old, jwt: secrets.old, password: 'old password' }
let edge: Edge
test.before(async () => {
  edge = await startEdge({ files: files(before) })
})
test.after(async () => edge.close())

/** Returns what the log says of it. */
const take = async (keys: Keys): Promise<string> => {
  for (const [name, text] of Object.entries(files(keys))) edge.project.write(name, text)
  const { ok, message } = await edge.gateway.reload('test')
  assert.ok(ok, message)
  return message
}
const token = async (secret: string): Promise<string> =>
  `Bearer ${await sign({ alg: 'HS256', secret }, claimsOf('m', Math.floor(Date.now() / 1000)))}`

/** Over one connection, that no reload ends. */
const status = async (path: string, host: string, authorization: string): Promise<number> => {
  const reply = await edge.client('h1').send({ path, headers: { host, authorization } })
  await reply.bytes()
  return reply.status
}

for (const [what, path, host, credential, change, refused] of [
  ['of a mesh, at its ingress', '/x', 'door.test', 'token', { mesh: secrets.new }, 403],
  ['of a mesh, at a closed endpoint', '/in/x', 'any.test', 'token', { mesh: secrets.new }, 403],
  ['of a mesh, at a mesh_auth', '/asked/x', 'any.test', 'token', { mesh: secrets.new }, 403],
  ['of a mesh that no longer lists the ingress', '/x', 'door.test', 'token', { listed: false }, 403],
  ['of a jwt_auth', '/jwt/x', 'any.test', 'token', { jwt: secrets.new }, 401],
  ['of a basic_auth', '/basic/x', 'any.test', 'password', { password: 'new password' }, 401],
] as const)
  test(`a credential ${what} is refused from the reload on, and accepted again with its key`, async () => {
    const shown = credential === 'token' ? await token(secrets.old) : `Basic ${btoa('u:old password')}`
    await take(before)
    // the second time it is known
    assert.equal([await status(path, host, shown), await status(path, host, shown)], [200, 200])
    assert.not.match(await take({ ...before, ...change }), 'nothing')
    assert.is(await status(path, host, shown), refused)
    await take(before)
    assert.is(await status(path, host, shown), 200)
  })

test.run()
