// What the gateway is given: names resolved, chains in their order, bounds and defaults.
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Middleware } from '../../core/config/middleware.ts'
import { suite } from '../support/suite.ts'
import { config, cwd } from './built.ts'

const test = suite('the configuration that is built')

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
