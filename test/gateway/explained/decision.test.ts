// What becomes of a request on its way: meshes, middleware, egress, transport and signature; where all of it is defined;
// and what an explanation never says.
import * as assert from 'uvu/assert'
import { planted } from '../../support/everyway.ts'
import { meshSecret } from '../../support/organisations.ts'
import { suite } from '../../support/suite.ts'
import { asker, bearer, edge, everything, nowMs, oneNetwork } from './asker.ts'

const test = suite('explained decisions')

const every = await asker(everything)

test('each mesh says which of its tests a token fails', async () => {
  const expired = await bearer({ exp: nowMs / 1000 - 60 })
  const { json } = await every(`${edge}/in`, {
    headers: [
      ['host', 'members.test'],
      ['authorization', expired],
    ],
  })
  assert.equal([json.mesh?.outcome, json.mesh?.code], ['refused', 'token/expired'])
  const [door] = json.mesh?.doors ?? []
  assert.is(door?.mesh, 'prod')
  assert.equal(
    door?.checks.filter(({ ok }) => !ok).map(({ name }) => name),
    ['expiry'],
  )
  const { json: mixed } = await every(`${edge}/in`, {
    headers: [
      ['host', 'mixed.test'],
      ['authorization', expired],
    ],
  })
  assert.equal(
    [mixed.mesh?.outcome, mixed.mesh?.code, mixed.outcome.result],
    ['without context', 'token/expired', 'forwarded'],
  )
})

test('a mesh that is disabled is named', async () => {
  const { json } = await every(`${edge}/in`, { headers: [['host', 'lonely.test']] })
  assert.match(json.mesh?.why ?? '', 'listed by off, which is disabled')
})

test('the context is the one that the token gives', async () => {
  const { json } = await every(`${edge}/in`, {
    headers: [
      ['host', 'members.test'],
      ['authorization', await bearer()],
    ],
  })
  assert.equal(json.mesh?.context, { mesh: 'prod', mesh_id: 'prod', sub: 'partner', ingress: 'members' })
})

test('of policies each rule that speaks is told, the denying one first, and no limit is counted', async () => {
  const { json } = await every(`${edge}/rules?drop=1`)
  const [step] = json.middleware
  assert.equal([step?.result, step?.status, step?.code], ['refuses', 403, 'policy/denied'])
  assert.equal(
    step?.rules.map(({ rule, says }) => [rule, says]),
    [
      ['secret', 'denies'],
      ['reads', 'allows'],
      ['often', 'is not counted'],
    ],
  )
  assert.is(step?.silent, 1)
  assert.is(json.outcome.at, step?.rules[0]?.at)
  assert.ok(json.notes.some((note) => note.startsWith('rate limits are not counted')))
})

test('middleware stands in its order; behind a refusal nothing is reached', async () => {
  const { json } = await every(`${edge}/locked/a/x`)
  assert.equal(
    json.middleware.map(({ side, name, result }) => [side, name, result]),
    [
      ['left', 'pair', 'refuses'],
      ['left', 'inside', 'not reached'],
      ['right', 'inside', 'nothing to do'],
      ['right', 'pair', 'nothing to do'],
    ],
  )
})

test('keys behind a URL are not asked for, and the outcome is as far as can be told', async () => {
  const ask = await asker(
    oneNetwork(`[pipelines.p]
networks = ["edge"]
endpoints = ["in"]
backends = ["echo"]
middleware = ["jwt", "gate"]
[endpoints.in]
service = "http"
options.path_prefix = "/in"
[backends.echo]
service = "echo"
[middleware.jwt]
type = "jwt_auth"
options = { jwks_uri = "https://keys.test/jwks.json" }
[middleware.gate]
type = "path_filter"
options.rules = ["/a"]
`),
  )
  const headers = [['authorization', await bearer()]] as const
  const { json, lines } = await ask(`${edge}/in/a`, { headers })
  assert.equal(
    json.middleware.filter(({ side }) => side === 'left').map(({ name, result }) => [name, result]),
    [
      ['jwt', 'unknown'],
      ['gate', 'passes'],
    ],
  )
  assert.equal([json.outcome.result, json.outcome.certain], ['answered', false])
  assert.match(lines.at(-1) ?? '', 'as far as can be told here')
  const { json: without } = await ask(`${edge}/in/a`)
  assert.equal([without.outcome.code, without.outcome.certain], ['auth/missing', true])
})

test('an explicit mesh_auth says whose context the request has, and who signs', async () => {
  const ask = await asker(
    oneNetwork(`[pipelines.p]
networks = ["edge"]
endpoints = ["in"]
backends = ["up"]
middleware = { left = ["check", "sign"], right = [] }
[endpoints.in]
service = "http"
options.path_prefix = "/in"
[backends.up]
service = "http"
connection = { host = "up.test", protocol = "https" }
[middleware.check]
type = "mesh_auth"
options = { mesh_name = "prod" }
[middleware.sign]
type = "mesh_auth"
options = { mesh_name = "prod", direction = "egress" }
[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
`),
  )
  const { json } = await ask(`${edge}/in`, { headers: [['authorization', await bearer()]] })
  assert.equal(
    json.middleware.map(({ name, result, detail }) => [name, result, detail]),
    [
      ['check', 'passes', 'the request has context of mesh prod'],
      ['sign', 'passes', 'it signs for mesh prod'],
    ],
  )
  assert.equal([json.mesh?.asks, json.signed?.claims['aud']], ['open', 'https://up.test'])
  const { json: refused } = await ask(`${edge}/in`)
  assert.equal([refused.outcome.code, refused.outcome.at], ['mesh/required', refused.middleware[0]?.at])
})

test('an egress that is not taken has its reason', async () => {
  const { json: refused } = await every(`${edge}/out`)
  assert.match(refused.egress?.why ?? '', 'the request has no mesh context')
  assert.equal(
    refused.egresses.map(({ name, why: reason }) => [name, reason]),
    [['closed', 'it is disabled']],
  )
  assert.is(refused.outcome.at, refused.egress?.at)
  const { json: signed } = await every(`${edge}/signed`)
  assert.equal(
    signed.egresses.map(({ name, why: reason }) => [name, reason]),
    [['elsewhere', 'it leads to another backend: echo']],
  )
})

test('a signature says whose it is and for whom, and never itself', async () => {
  const { json } = await every(`${edge}/signed/x`)
  assert.is(json.signed?.mesh, 'prod')
  assert.equal(json.signed?.claims, {
    iss: 'prod',
    sub: 'gateway',
    aud: 'http://127.0.0.1:19000',
    iat: nowMs / 1000,
    exp: nowMs / 1000 + 300,
    mesh_id: 'prod',
  })
})

const ways = (egress: string, connection: string): Readonly<Record<string, string>> =>
  oneNetwork(`[pipelines.p]
networks = ["edge"]
endpoints = ["in"]
backends = ["up"]
${egress}
[endpoints.in]
service = "http"
options.path_prefix = "/in"
[backends.up]
service = "http"
connection = { host = "up.test", ${connection} }
`)
const viaHttp3 = 'mesh.egress.out = { type = "http3", backend = "up" }'

test('the transport is the one that the upstream would be opened with', async () => {
  const transport = async (files: Readonly<Record<string, string>>) => {
    const { upstream } = (await (await asker(files))(`${edge}/in/x`)).json
    return [upstream?.protocols.join(' '), upstream?.fallback]
  }
  assert.equal(await transport(ways('', 'protocol = "http", port = 80')), ['h1', null])
  assert.equal(await transport(ways('', 'protocol = "https"')), ['h2 h1', null])
  assert.equal(await transport(ways('', 'protocol = "h3"')), ['h3 h2 h1', true])
  assert.equal(await transport(ways(viaHttp3, 'protocol = "https"')), ['h3 h2 h1', true])
  assert.equal(await transport(ways(viaHttp3, 'protocol = "https", fallback = false')), ['h3', false])
})

test('everything stands at its line', async () => {
  const headers = [
    ['host', 'out.test'],
    ['authorization', await bearer()],
  ] as const
  const { json, lines } = await every(`${edge}/x?y`, { headers })
  const places = [
    json.network.at,
    json.route?.pipeline.at,
    json.route?.ingress?.at,
    json.route?.endpoint.at,
    json.mesh?.at,
  ]
  for (const at of [...places, json.backend?.at, json.egress?.at, json.upstream?.at, json.outcome.at])
    assert.match(at ?? '', /^[a-z/]+\.toml:\d+:\d+$/)
  for (const { at } of [...json.rejected, ...json.networks, ...json.egresses])
    assert.ok(
      lines.some((line) => line.endsWith(`(${at})`)),
      at,
    )
})

test('no value of a header, no query, no token and no key is in it', async () => {
  const mesh = await bearer({ jti: 'planted-claim' })
  const secrets = ['planted', meshSecret, 'planted-claim', ...mesh.split('.')]
  const fields = [
    ['x-api-key', 'planted-key'],
    ['cookie', 'planted-cookie'],
    ['x-bad', 'planted'],
  ] as const
  const paths = [
    '/open',
    '/rules',
    '/locked/a',
    '/bearer',
    '/out',
    '/signed',
    '/echo',
    '/away',
    '/own',
    '/in',
    '/nowhere',
  ]
  for (const host of ['any.test', 'members.test', 'mixed.test', 'out.test', 'lonely.test'])
    for (const path of paths)
      for (const authorization of [
        mesh,
        `Bearer ${planted.jwt}`,
        'Basic planted',
        `Basic ${btoa(`user:${planted.password}`)}`,
      ]) {
        const headers = [['host', host], ['authorization', authorization], ...fields] as const
        const { json, lines } = await every(`http://u:planted@127.0.0.1:18080${path}?name=planted#planted`, { headers })
        const text = JSON.stringify(json) + lines.join('\n')
        for (const secret of [...secrets, btoa(`user:${planted.password}`)]) {
          assert.not.ok(text.includes(secret), `${host}${path}: ${secret}`)
        }
      }
})

test.run()
