// Where backends lead: the layers of connections put together, and the credentials that go along.
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { UpstreamSpec } from '../../core/config/model.ts'
import { suite } from '../support/suite.ts'
import { config, cwd } from './built.ts'

const test = suite('where backends lead')

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

test.run()
