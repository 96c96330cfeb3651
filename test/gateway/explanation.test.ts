// What an explanation says: why other routes, networks and egresses were not taken, what each middleware does, what
// the token would say, where all of it is defined; and what it must never say.
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { explainRequest, loadConfig } from '../../core/index.ts'
import type { ExplainRequest, Explanation } from '../../core/index.ts'
import { authority } from '../peers/certificate.ts'
import { everyWay, planted } from '../support/everyway.ts'
import { claimsOf, sign } from '../support/forge.ts'
import { meshSecret } from '../support/organisations.ts'
import { project } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('explanations')

const ports = [18_080, 18_081, 18_082]
const nowMs = Date.UTC(2030, 0, 1)

type Told = { readonly json: Explanation; readonly lines: readonly string[] }
type Ask = (url: string, more?: Partial<ExplainRequest>) => Promise<Told>

/** Explains by the configuration in these files. */
async function asker(files: Readonly<Record<string, string>>): Promise<Ask> {
  const folder = project(files)
  const loaded = await loadConfig({ file: folder.config, env: {}, cwd: folder.folder, now: Date.now() })
  const { config, where } = loaded
  if (config === undefined) throw new Error(loaded.findings.map(({ message }) => message).join('\n'))
  return async (url, more = {}) => {
    const answer = await explainRequest(config, { method: 'GET', url, headers: [], now: nowMs, ...more }, where)
    if (!answer.ok) throw new Error(`${answer.code}: ${answer.message}`)
    return answer
  }
}

const every = await asker(everyWay(ports, 19_000))
const edge = 'http://127.0.0.1:18080'

const token = async (more: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  `Bearer ${await sign({ alg: 'HS256', secret: meshSecret }, claimsOf('prod', nowMs / 1000, more))}`

/** Why a route was not taken. */
function why({ json }: Told, name: string): string | undefined {
  return json.rejected.find((one) => one.name === name)?.why
}

test('each route that is not taken has its reason', async () => {
  const open = await every(`${edge}/open/deep/x`)
  assert.is(why(open, 'open'), 'a longer path fits: /open/deep')
  assert.is(why(open, 'guarded'), 'the path is not below it')
  assert.is(why(open, 'lonely'), 'another host: lonely.test, not 127.0.0.1')
  assert.is(why(open, 'inner'), 'another network: pipeline inner is on inner, not on edge')
  assert.is(why(open, 'deep'), undefined)
  const off = await every(`${edge}/in`, { headers: [['host', 'off.test']] })
  assert.is(why(off, 'off'), 'it is disabled')
  const ported = await every(`${edge}/in`, { headers: [['host', 'ported.test']] })
  assert.is(why(ported, 'ported'), 'another port: 4321, not 18080')
  const deeper = await every(`${edge}/in/deeper/x`, { headers: [['host', 'mixed.test']] })
  assert.is(why(deeper, 'mixed'), 'a longer path fits: /in/deeper')
  assert.is(deeper.json.route?.ingress?.url, 'https://mixed.test/in/deeper')
  const own = await every(`${edge}/own`, { headers: [['host', 'out.test']] })
  assert.is(why(own, 'guarded'), 'an ingress has the URL, and ingresses come first')
  const study = await every(`${edge}/dicom/patients`)
  assert.is(why(study, 'studies'), 'its service, dicomweb, has no such resource')
  const doubtful = await every(`${edge}//own`)
  assert.is(why(doubtful, 'guarded'), 'read otherwise, the path is below it')
  assert.equal(doubtful.json.path.readings, ['/own'])
})

test('the routes most like the request come first', async () => {
  const { json } = await every(`${edge}/own`, { headers: [['host', 'out.test']] })
  assert.is(json.rejected[0]?.name, 'guarded')
})

test('of many routes the rest is counted', async () => {
  const many = Array.from(
    { length: 200 },
    (_, at) => `[endpoints.e${at}]\nservice = "http"\noptions.path_prefix = "/e${at}"`,
  )
  const names = many.map((_, at) => `"e${at}"`).join(', ')
  const ask = await asker({
    'config.toml': `
[proxy]
id = "x"
primary_provider = "local"
[network.edge.tcp_config]
bind_address = "127.0.0.1"
bind_port = 18080
[pipelines.many]
networks = ["edge"]
endpoints = [${names}]
backends = []
${many.join('\n')}
`,
  })
  const { json, lines } = await ask(`${edge}/e7/x`)
  assert.is(json.route?.endpoint.name, 'e7')
  assert.equal([json.rejected.length, json.rejected_more], [50, 149])
  assert.ok(lines.some((line) => line.includes('149 others')))
})

test('every route is either taken or rejected, never both, whatever is asked', async () => {
  const total = (await every(`${edge}/nowhere`)).json.rejected.length
  const segment = fc.constantFrom('in', 'open', 'deep', 'deeper', 'own', 'dicom', 'studies', 'x', '', 'own;v', '%6fwn')
  const host = fc.constantFrom('any.test', 'members.test', 'mixed.test', 'out.test', 'off.test', 'ported.test:4321')
  await fc.assert(
    fc.asyncProperty(host, fc.array(segment, { maxLength: 4 }), async (named, segments) => {
      const { json } = await every(`${edge}/${segments.join('/')}`, { headers: [['host', named]] })
      assert.is(json.rejected.length + (json.route === null ? 0 : 1), total)
    }),
  )
})

test('a network is found by its socket, else by what it serves; all were considered', async () => {
  assert.is((await every('http://127.0.0.1:18081/open')).json.network.name, 'forced')
  assert.is((await every('http://localhost:18082/open')).json.network.name, 'inner')
  const { json } = await every('https://members.test/in')
  assert.is(json.network.name, 'edge', 'behind a proxy that ends TLS')
  assert.equal(json.networks.map(({ name }) => name).toSorted(), ['forced', 'inner'])
  assert.ok(json.notes.some((note) => note.includes('as if a proxy')))
  assert.ok(json.notes.some((note) => note.startsWith('network forced fits as well')))
  assert.is((await every(`${edge}/open`, { network: 'inner' })).json.network.name, 'inner')
})

test('what a network serves tells more than whether it speaks TLS; but plain text comes in on no TLS', async () => {
  const { chain, key } = authority().issue('localhost')
  const ask = await asker({
    'config.toml': `
[proxy]
id = "x"
primary_provider = "local"
[network.tls.tcp_config]
bind_address = "0.0.0.0"
bind_port = 18443
cert_path = "${chain}"
key_path = "${key}"
[network.plain.tcp_config]
bind_address = "0.0.0.0"
bind_port = 18080
[pipelines.a]
networks = ["tls"]
endpoints = ["a"]
backends = []
[pipelines.b]
networks = ["plain"]
endpoints = ["b"]
backends = []
[endpoints.a]
service = "http"
options.path_prefix = "/a"
[endpoints.b]
service = "http"
options.path_prefix = "/b"
`,
  })
  const chosen = async (url: string): Promise<string> => (await ask(url)).json.network.name
  assert.is(await chosen('https://any.test/a'), 'tls')
  assert.is(await chosen('https://any.test/b'), 'plain')
  assert.is(await chosen('https://any.test:18443/b'), 'tls', 'its very socket')
  assert.is(await chosen('http://any.test/b'), 'plain')
  assert.is(await chosen('http://any.test/a'), 'plain')
})

test('who names a network that is not there is told which there are', async () => {
  const folder = project(everyWay(ports, 19_000))
  const { config } = await loadConfig({ file: folder.config, env: {}, cwd: folder.folder, now: nowMs })
  assert.ok(config)
  const answer = await explainRequest(config, { method: 'GET', url: edge, headers: [], network: 'egde', now: nowMs })
  assert.equal(answer, {
    ok: false,
    code: 'network/unknown',
    message: 'the configuration has no network "egde"',
    help: 'did you mean "edge"?',
  })
})

test('what no client could send is no question', async () => {
  const bad = async (more: Partial<ExplainRequest>): Promise<string> =>
    every(edge, more).then(
      () => 'explained',
      (error: Error) => error.message.split(':')[0] ?? '',
    )
  assert.is(await bad({ url: 'ftp://a.test/' }), 'explain/url')
  assert.is(await bad({ url: 'http://a.test:99999/' }), 'explain/url')
  assert.is(await bad({ url: 'http://:80/' }), 'explain/url')
  assert.is(await bad({ headers: [['content-length', 'many']] }), 'explain/header')
  assert.is(
    await bad({
      headers: [
        ['host', 'a'],
        ['host', 'b'],
      ],
    }),
    'explain/header',
  )
})

test('each mesh says which of its tests a token fails', async () => {
  const expired = await token({ exp: nowMs / 1000 - 60 })
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
      ['authorization', await token()],
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
  const ask = await asker({
    'config.toml': `
[proxy]
id = "x"
primary_provider = "local"
[network.edge.tcp_config]
bind_address = "127.0.0.1"
bind_port = 18080
[pipelines.p]
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
`,
  })
  const headers = [['authorization', await token()]] as const
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

const ways = (egress: string, connection: string): Record<string, string> => ({
  'config.toml': `
[proxy]
id = "x"
primary_provider = "local"
[network.edge.tcp_config]
bind_address = "127.0.0.1"
bind_port = 18080
[pipelines.p]
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
`,
})
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

test('the address of the client is the one of a trusted proxy alone', async () => {
  const headers = [['x-forwarded-for', '203.0.113.9']] as const
  const { json } = await every(`${edge}/open`, { headers })
  assert.is(json.request.client, '127.0.0.1')
  assert.ok(json.notes.some((note) => note.includes('not believed')))
  assert.is((await every(`${edge}/open`, { client: '192.0.2.1' })).json.request.client, '192.0.2.1')
})

test('everything stands at its line', async () => {
  const headers = [
    ['host', 'out.test'],
    ['authorization', await token()],
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
  const mesh = await token({ jti: 'planted-claim' })
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
