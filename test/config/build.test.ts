// What the gateway is given: names resolved, layers of connections put together, chains in their order.
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { loadConfig } from '../../core/config/load.ts'
import type { Config, Middleware, UpstreamSpec } from '../../core/config/model.ts'
import { renderFindings } from '../../core/finding/render.ts'
import { suite } from '../support/suite.ts'
import { writeExample } from './frame.ts'
import { material, now } from './material.ts'

const test = suite('the configuration that is built')
const cwd = material()

async function config(example: string, env: Record<string, string> = {}): Promise<Config> {
  const { config, findings, files } = await loadConfig({ file: writeExample(example), env, cwd, now })
  assert.ok(config, renderFindings(findings, files))
  return config
}

const secret = 'jwt_secret = "a-secret-of-at-least-thirty-two-bytes"'

// --- where backends lead ---

async function upstream(backend: string, more = ''): Promise<UpstreamSpec> {
  const { pipelines } = await config(`[backends.app]\n${backend}\n${more}`)
  const spec = pipelines.get('web')?.backends[0]?.upstream
  assert.ok(spec)
  return spec
}

const short = ({ origin, authority, basePath, http3 }: UpstreamSpec): string =>
  `${origin}${basePath} as ${authority}${http3 ? ' over h3' : ''}`

const leads: readonly (readonly [what: string, backend: string, target: string, expected: string])[] = [
  ['base_url', 'options.base_url = "https://App.test/v1/"', '', 'https://app.test:443/v1 as app.test'],
  ['base_url with a port', 'options.base_url = "http://app.test:81"', '', 'http://app.test:81 as app.test:81'],
  [
    'base_url before host',
    'options = { base_url = "http://a.test", host = "b.test", port = 9 }',
    '',
    'http://a.test:80 as a.test',
  ],
  ['host before connection', 'options.host = "a.test"\nconnection.host = "b.test"', '', 'http://a.test:80 as a.test'],
  [
    'connection before target',
    'connection.host = "a.test"',
    'connection = { host = "b.test", port = 82 }',
    'http://a.test:82 as a.test:82',
  ],
  ['target', '', 'connection = { host = "b.test", base_path = "/x/" }', 'http://b.test:80/x as b.test'],
  [
    'path_prefix behind base_path',
    'options.path_prefix = "y"',
    'connection = { host = "b.test", base_path = "/x" }',
    'http://b.test:80/x/y as b.test',
  ],
  [
    'a host that is a URL',
    '',
    'connection = { host = "https://b.test:444/v1", base_path = "/x" }',
    'https://b.test:444/v1/x as b.test:444',
  ],
  [
    'a URL without port takes the port',
    '',
    'connection = { host = "https://b.test", port = 444 }',
    'https://b.test:444 as b.test:444',
  ],
  ['port 443 is https', '', 'connection = { host = "b.test", port = 443 }', 'https://b.test:443 as b.test'],
  [
    'http on port 443 stays http',
    '',
    'protocol = "http"\nconnection = { host = "b.test", port = 443 }',
    'http://b.test:443 as b.test:443',
  ],
  [
    'protocol of the target',
    '',
    'protocol = "https"\nconnection = { host = "b.test" }',
    'https://b.test:443 as b.test',
  ],
  [
    'protocol of the connection',
    '',
    'connection = { host = "b.test", protocol = "http3" }',
    'https://b.test:443 as b.test over h3',
  ],
  ['IPv6', '', 'connection = { host = "2001:DB8::1", port = 81 }', 'http://[2001:db8::1]:81 as [2001:db8::1]:81'],
  ['paths byte for byte', 'options.base_url = "http://a.test/%7eme//x"', '', 'http://a.test:80/%7eme//x as a.test'],
]

for (const [what, backend, target, expected] of leads)
  test(`a backend leads where its layers say: ${what}`, async () => {
    const named = target === '' ? '' : 'target_ref = "t"\n'
    const spec = await upstream(`service = "http"\n${named}${backend}`, target === '' ? '' : `[targets.t]\n${target}`)
    assert.is(short(spec), expected)
  })

test('service http3 is https over HTTP/3', async () => {
  assert.is(
    short(await upstream('service = "http3"\nconnection.host = "a.test"')),
    'https://a.test:443 as a.test over h3',
  )
})

test('time-outs and retries: the backend before its options before the target before the defaults', async () => {
  const times = ({ connectSecs, timeoutSecs, idleSecs, maxRetries, fallback }: UpstreamSpec): unknown[] => [
    connectSecs,
    timeoutSecs,
    idleSecs,
    maxRetries,
    fallback,
  ]
  const target =
    '[targets.t]\ntimeout_secs = 7\nmax_retries = 5\nconnection = { host = "a.test", idle_timeout_secs = 9, fallback = false }'
  assert.equal(times(await upstream('service = "http"\noptions.base_url = "http://a.test"')), [10, 30, 60, 3, true])
  assert.equal(times(await upstream('service = "http"\ntarget_ref = "t"', target)), [10, 7, 9, 5, false])
  assert.equal(times(await upstream('service = "http"\ntarget_ref = "t"\noptions.timeout_secs = 8', target))[1], 8)
  const own =
    'service = "http"\ntarget_ref = "t"\ntimeout_secs = 6\nmax_retries = 0\noptions.timeout_secs = 8\nconnection.connect_timeout_secs = 2'
  assert.equal(times(await upstream(own, target)), [2, 6, 9, 0, false])
})

test('credentials come from the backend, else from its target', async () => {
  const more = `[targets.t]
authentication = "theirs"
connection = { host = "https://a.test" }
[authentications.theirs]
method = "bearer"
options.token = "theirs"
[authentications.ours]
method = "basic"
options = { username = "me", password = "ours" }
[authentications.nobody]
method = "none"
[authentications.certificate]
method = "mutual_tls"
options.credentials_path = "certs/client.pem"`
  const shown = async (own: string) => {
    const { pipelines } = await config(`[backends.app]\nservice = "http"\ntarget_ref = "t"\n${own}\n${more}`)
    return pipelines.get('web')?.backends[0]
  }
  const theirs = (await shown(''))?.credentials
  assert.is(theirs?.kind === 'bearer' && theirs.token.reveal(), 'theirs')
  const ours = (await shown('authentication = "authentications.ours"'))?.credentials
  assert.is(ours?.kind === 'basic' && ours.password.reveal(), 'ours')
  assert.is((await shown('authentication = "nobody"'))?.credentials, undefined)
  const certificate = (await shown('authentication = "certificate"'))?.upstream?.clientCertificate
  assert.is(certificate?.keyPath, join(cwd, 'certs/client.pem'))
})

// --- pipelines ---

const names = (list: readonly Middleware[] | undefined): string[] => (list ?? []).map(({ name }) => name)

const chain = (middleware: string): string => `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]
middleware = ${middleware}
[middleware.a]
type = "passthru"
[middleware.left]
type = "log_dump"
options.apply = "left"
[middleware.right]
type = "log_dump"
options.apply = "right"`

test('one list works both ways, reversed on the way back, each on the side that it is for', async () => {
  const { pipelines } = await config(chain('["a", "left", "json", "right"]'))
  assert.equal(names(pipelines.get('web')?.left), ['a', 'left', 'json'])
  assert.equal(names(pipelines.get('web')?.right), ['right', 'json', 'a'])
})

test('two lists work as they are written, whatever apply says', async () => {
  const { pipelines } = await config(chain('{ left = ["right", "a"], right = ["a", "left"] }'))
  const web = pipelines.get('web')
  assert.equal(names(web?.left), ['right', 'a'])
  assert.equal(names(web?.right), ['a', 'left'])
  const dump = web?.left[0]
  assert.equal(dump?.type === 'log_dump' && dump.sides, { left: true, right: false })
})

test('a name means what its own file says, then the main file, then the others', async () => {
  const pipeline = (name: string): string => `[pipelines.${name}]
networks = ["public"]
endpoints = ["e"]
backends = ["shared", "far"]
[endpoints.e]
service = "http"
options.path_prefix = "/${name}"`
  const { pipelines } = await config(`[backends.shared]
service = "http"
options.base_url = "http://main.test"
# pipelines/a.toml
${pipeline('a')}
[backends.shared]
service = "http"
options.base_url = "http://a.test"
# pipelines/b.toml
${pipeline('b')}
[backends.far]
service = "http"
options.base_url = "http://far.test"`)
  const leads = (name: string) => pipelines.get(name)?.backends.map(({ upstream }) => upstream?.host)
  assert.equal(leads('a'), ['a.test', 'far.test'])
  assert.equal(leads('b'), ['main.test', 'far.test'])
  assert.equal(
    pipelines.get('b')?.endpoints.map(({ pathPrefix }) => pathPrefix),
    ['/b'],
  )
})

test('pipelines come in the order of files, then of their place', async () => {
  const pipeline = (name: string): string =>
    `[pipelines.${name}]\nnetworks = ["public"]\nendpoints = ["${name}"]\n[endpoints.${name}]\nservice = "echo"\noptions.path_prefix = "/${name}"\n`
  const { pipelines } = await config(
    `# pipelines/b.toml\n${pipeline('y')}${pipeline('x')}# pipelines/a.toml\n${pipeline('z')}`,
  )
  assert.equal([...pipelines.keys()], ['web', 'z', 'y', 'x'])
})

test('of two pipelines on one path the later is left out, with its ingresses', async () => {
  const { pipelines, ingresses } = await config(`[pipelines.web.mesh.ingress.first]
type = "http"
urls = ["https://gw.test/first"]
# pipelines/b.toml
[pipelines.b]
networks = ["public"]
endpoints = ["b"]
[pipelines.b.mesh.ingress.second]
type = "http"
urls = ["https://gw.test/second"]
[endpoints.b]
service = "echo"
options.path_prefix = "/web/"`)
  assert.equal([...pipelines.keys()], ['web'])
  assert.equal([...ingresses.keys()], ['first'])
})

test('a pipeline without backends, and an egress with its own', async () => {
  const { pipelines } = await config(`[pipelines.web]
networks = ["public"]
endpoints = ["web"]
mesh.egress.out = { type = "http3", backend = "far" }
[backends.far]
service = "http"
options.base_url = "https://far.test"`)
  const web = pipelines.get('web')
  assert.equal(web?.backends, [])
  assert.is(web?.egresses[0]?.backend.upstream?.host, 'far.test')
})

// --- meshes ---

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

// --- the rest ---

test('options of jwt_auth go before those of its authentication', async () => {
  const { pipelines } = await config(`[pipelines.web]
networks = ["public"]
endpoints = ["web"]
middleware = ["m"]
[middleware.m]
type = "jwt_auth"
authentication = "login"
options = { audience = "own", validate_expiry = false }
[authentications.login]
method = "jwt"
options = { jwks_uri = "https://login.test/keys", audience = "shared", issuer = "shared", leeway_secs = 5 }`)
  const [jwt] = pipelines.get('web')?.left ?? []
  assert.ok(jwt?.type === 'jwt_auth')
  assert.equal([jwt.audience, jwt.issuer, jwt.leewaySecs, jwt.validateExpiry], ['own', 'shared', 5, false])
  assert.equal(
    [jwt.algorithms, jwt.keys],
    [['RS256'], { kind: 'jwks', url: 'https://login.test/keys', cacheHours: 24 }],
  )
})

test('policies hold the rules that exist, in the order of the policy', async () => {
  const { pipelines } = await config(`[pipelines.web]
networks = ["public"]
endpoints = ["web"]
middleware = ["m"]
[middleware.m]
type = "policies"
options.policies = ["p", { id = "inline", rules = ["b", { type = "method", options = { methods = ["get"], mode = "deny" } }] }]
[policies.p]
rules = ["b", "nobody", "a"]
[rules.a]
type = "allow_all"
weight = 5
[rules.b]
type = "time_based"
options = { start_time = "22:30", end_time = "06:00", days_of_week = ["Mon", "sunday"] }`)
  const [found] = pipelines.get('web')?.left ?? []
  assert.ok(found?.type === 'policies')
  const [named, inline] = found.policies
  assert.equal(
    named?.rules.map(({ id, weight }) => [id, weight]),
    [
      ['b', 100],
      ['a', 5],
    ],
  )
  const [window] = named?.rules ?? []
  assert.ok(window?.type === 'time_based')
  assert.equal([window.startMinute, window.endMinute, window.days, window.timezone], [1350, 360, [1, 0], 'UTC'])
  assert.equal(
    inline?.rules.map(({ id, type }) => [id, type]),
    [
      ['b', 'time_based'],
      ['inline[1]', 'method'],
    ],
  )
  // One rule is one object: its rate is counted once, whoever lists it.
  assert.is(inline?.rules[0], window)
})

test('a network has the bounds of the gateway unless it has its own', async () => {
  const { networks, proxy } = await config(`[proxy]
name = "gw"
primary_provider = "local"
content_limits = { max_fields = 50, max_body_size = 2048 }
[network.public]
tcp_config.bind_port = 8080
limits = { max_target_bytes = 1000, max_streams = 7 }`)
  assert.equal([proxy.limits.maxBodySize, proxy.limits.maxCollected], [2048, 2048])
  assert.equal(networks.get('public')?.limits, {
    maxHeadBytes: 65_536,
    maxFields: 50,
    maxTargetBytes: 1000,
    maxConnections: undefined,
    maxConnectionsPerAddress: undefined,
    maxStreams: 7,
  })
})

test('bodies without a bound are still bounded in memory', async () => {
  const { proxy } = await config('')
  assert.equal([proxy.limits.maxBodySize, proxy.limits.maxCollected], [undefined, 10 * 1024 * 1024])
})

test('management adds its pipeline, and its token may come from the environment', async () => {
  const text = '[management]\nenabled = true\nnetwork = "public"\nbase_path = "/ops/"\n'
  const { pipelines, management } = await config(text, { HARMONY_MANAGEMENT_TOKEN: 'from-env' })
  assert.is(management?.basePath, 'ops')
  assert.is(management?.token?.reveal(), 'from-env')
  const added = pipelines.get('management')
  const paths = added?.endpoints.map(({ service, pathPrefix }) => `${service} ${pathPrefix}`)
  assert.equal(paths, ['management /ops', 'management /health', 'management /api/reload'])
  const own = await config(`${text}token = "own"`, { HARMONY_MANAGEMENT_TOKEN: 'from-env' })
  assert.is(own.management?.token?.reveal(), 'own')
  assert.is((await config(text, { HARMONY_MANAGEMENT_TOKEN: '' })).management?.token, undefined)
  assert.is((await config('')).pipelines.has('management'), false)
})

test('log files and directories are absolute', async () => {
  const { logging, directory } = await config('[logging]\nlog_to_file = true\nlog_file_path = "tmp/gw.log"')
  assert.is(logging.file, join(cwd, 'tmp/gw.log'))
  assert.is(directory, dirname(join(directory, 'config.toml')))
})

test('the name of the gateway is its id, else its name', async () => {
  assert.is((await config('[proxy]\nid = "a"\nname = "b"\nprimary_provider = "local"')).proxy.identity, 'a')
  assert.is((await config('[proxy]\nname = "b"\nprimary_provider = "local"')).proxy.identity, 'b')
})

test.run()
