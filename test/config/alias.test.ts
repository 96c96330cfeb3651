// What may be written otherwise: other names of keys and values, old places; and where findings then point.
import * as assert from 'uvu/assert'
import type { Raw, Section } from '../../core/config/raw.ts'
import { suite } from '../support/suite.ts'
import { read, readWell } from './project.ts'

const test = suite('other spellings')

const first = <S extends Section>(raw: Raw | undefined, section: S) => raw?.all(section)[0]

test('network.X.http is network.X.tcp_config, and places lead to where it is written', async () => {
  const raw = await readWell('[network.a.http]\nbind_port = 9000\n')
  const entry = first(raw, 'network')
  assert.is(entry?.value.tcp_config?.bind_port, 9000)
  assert.equal(entry?.at('tcp_config', 'bind_port').path, ['network', 'a', 'http', 'bind_port'])
  assert.equal(entry?.at('http3').path, ['network', 'a', 'http3'])
})

test('both of them are an error that points at the second', async () => {
  const { findings } = await read('[network.a.tcp_config]\nbind_port = 1\n[network.a.http]\nbind_port = 1\n')
  assert.equal(
    findings.map(({ code, severity, line, message }) => [code, severity, line, message]),
    [['key/alias-conflict', 'error', 3, 'network.a.tcp_config and network.a.http are both set and mean the same']],
  )
})

test('the protocol of a target may stand in three places, if they agree', async () => {
  for (const text of ['protocol = "h3"', 'type = "http3"', 'connection.protocol = "http3"']) {
    const raw = await readWell(`[targets.a]\nconnection.host = "h"\n${text}\n`)
    assert.is(first(raw, 'targets')?.value.protocol, 'h3', text)
  }
  await readWell('[peers.a]\nprotocol = "https"\nconnection = { host = "h", protocol = "https" }\n')
  const { lines } = await read('[peers.a]\nprotocol = "https"\nconnection = { host = "h", protocol = "http" }\n')
  assert.equal(lines, [
    'key/alias-conflict: peers.a.protocol and peers.a.connection.protocol are both set and mean the same',
  ])
})

test('leeway_seconds is leeway_secs, in authentications and in jwt_auth', async () => {
  const raw = await readWell(
    '[authentications.a]\nmethod = "jwt"\noptions.leeway_seconds = 5\n[middleware.m]\ntype = "jwtauth"\noptions.leeway_seconds = 6\n',
  )
  const authentication = first(raw, 'authentications')?.value
  assert.is(authentication?.method === 'jwt' && authentication.options.leeway_secs, 5)
  const middleware = first(raw, 'middleware')?.value
  assert.is(middleware?.type === 'jwt_auth' && middleware.options.leeway_secs, 6)
})

test('aet is the own title of an endpoint, and the other side of a backend', async () => {
  const raw = await readWell(
    '[endpoints.a]\nservice = "dimse"\noptions.aet = "ME"\n[backends.b]\nservice = "dicom"\noptions.aet = "YOU"\n',
  )
  assert.is(first(raw, 'endpoints')?.value.options.local_aet, 'ME')
  assert.is(first(raw, 'endpoints')?.value.service, 'dicom_scp')
  assert.is(first(raw, 'backends')?.value.options.aet, 'YOU')
  assert.is(first(raw, 'backends')?.value.service, 'dicom_scu')
  assert.is(first(await readWell('[endpoints.a]\nservice = "dicom"\n'), 'endpoints')?.value.service, 'dicom_scp')
})

test('url of a backend is base_url; url of a target is its host', async () => {
  const raw = await readWell(
    '[backends.b]\nservice = "http"\noptions.url = "http://h/x"\n[targets.t]\nurl = "https://h:1/y"\n',
  )
  assert.is(first(raw, 'backends')?.value.options.base_url, 'http://h/x')
  const target = first(raw, 'targets')
  assert.is(target?.value.connection.host, 'https://h:1/y')
  assert.equal(target?.at('connection', 'host').path, ['targets', 't', 'url'])
})

test('a target with both url and host keeps the host', async () => {
  const { raw, findings } = await read('[targets.t]\nurl = "https://u/"\nconnection.host = "h"\n')
  assert.is(first(raw, 'targets')?.value.connection.host, 'h')
  assert.equal(
    findings.map(({ code, severity, line }) => [code, severity, line]),
    [['key/alias-conflict', 'warning', 2]],
  )
})

test('references to authentications may have the section in front', async () => {
  const raw = await readWell(
    '[backends.a]\nservice = "http"\nauthentication = "authentications.up"\n' +
      '[backends.b]\nservice = "http"\noptions.authentication_ref = "up"\n[targets.t]\nauthentication = "up"\nconnection.host = "h"\n',
  )
  assert.equal(
    raw.all('backends').map(({ value }) => value.authentication),
    ['up', 'up'],
  )
  assert.equal(raw.all('backends')[1]?.at('authentication').path, ['backends', 'b', 'options', 'authentication_ref'])
  assert.is(first(raw, 'targets')?.value.authentication, 'up')
})

test('names of middleware may have the section in front', async () => {
  const raw = await readWell(
    '[pipelines.p]\nnetworks = ["n"]\nendpoints = ["e"]\nmiddleware = ["middleware.gate", "passthru"]\n',
  )
  assert.equal(first(raw, 'pipelines')?.value.middleware, ['gate', 'passthru'])
})

test('types of middleware have other spellings', async () => {
  const raw = await readWell('[middleware.a]\ntype = "json"\n[middleware.b]\ntype = "dicomweb"\n')
  assert.equal(
    raw.all('middleware').map(({ value }) => value.type),
    ['json_extractor', 'dicomweb_bridge'],
  )
})

test('options of middleware may stand in its own table, and places lead there', async () => {
  const { raw, findings } = await read(
    '[middleware.a]\ntype = "basic_auth"\nusername = "u"\npassword = "p"\nusernme = "v"\n',
  )
  const value = first(raw, 'middleware')?.value
  assert.equal(value?.type === 'basic_auth' && [value.options.username, value.options.password], ['u', 'p'])
  assert.equal(first(raw, 'middleware')?.at('options', 'username').path, ['middleware', 'a', 'username'])
  assert.equal(
    findings.map(({ code, line, help }) => [code, line, help]),
    [['key/unknown', 5, 'did you mean "username"?']],
  )
})

test('where options are written twice, those in the table of options hold', async () => {
  const { raw, findings } = await read('[middleware.a]\ntype = "log_dump"\nlabel = "x"\noptions.label = "y"\n')
  const value = first(raw, 'middleware')?.value
  assert.is(value?.type === 'log_dump' && value.options.label, 'y')
  assert.equal(
    findings.map(({ code, severity, line }) => [code, severity, line]),
    [['key/alias-conflict', 'warning', 3]],
  )
})

test('what is wrong in an option beside the table is found where it stands', async () => {
  const { findings } = await read('[middleware.a]\ntype = "log_dump"\nmax_bytes = -1\n')
  assert.equal(
    findings.map(({ code, path, line }) => [code, path, line]),
    [['value/range', 'middleware.a.max_bytes', 3]],
  )
})

test('slashes around the path of management are dropped', async () => {
  const raw = await readWell('[management]\nbase_path = "/ops/"\n')
  assert.is(raw.management?.value.base_path, 'ops')
})

test('proxy.log_level is the old place of logging.log_level, and says so', async () => {
  const { raw, findings } = await read('[proxy]\nid = "a"\nlog_level = "debug"\n')
  assert.is(raw?.logging?.value.log_level, 'debug')
  assert.equal(raw?.logging?.at('log_level').path, ['proxy', 'log_level'])
  assert.equal(
    findings.map(({ code, severity, line, help }) => [code, severity, line, help]),
    [['key/deprecated', 'warning', 3, 'write logging.log_level']],
  )
  const both = await read('[proxy]\nid = "a"\nlog_level = "debug"\n[logging]\nlog_level = "warn"\n')
  assert.is(both.raw?.logging?.value.log_level, 'warn')
  assert.equal(
    both.findings.map(({ code }) => code),
    ['key/deprecated'],
  )
})

test('a wrong value in an old place is found there', async () => {
  const { findings } = await read('[proxy]\nid = "a"\nlog_level = "loud"\n')
  assert.equal(
    findings.map(({ code, path, line }) => [code, path, line]),
    [
      ['key/deprecated', 'proxy.log_level', 3],
      ['value/enum', 'proxy.log_level', 3],
    ],
  )
})

test('[runbeam] is read into the provider, each key with a warning', async () => {
  const { raw, findings } = await read(
    '[proxy]\nid = "a"\n[runbeam]\nenabled = true\ncloud_api_base_url = "https://api.test"\npoll_interval_secs = 7\n',
  )
  assert.is(raw?.proxy?.value.primary_provider, 'runbeam')
  const provider = first(raw, 'provider')
  assert.equal(
    [provider?.name, provider?.value.api, provider?.value.poll_interval_secs],
    ['runbeam', 'https://api.test', 7],
  )
  assert.equal(provider?.at('api').path, ['runbeam', 'cloud_api_base_url'])
  assert.equal(
    findings.map(({ code, line }) => [code, line]),
    [
      ['key/deprecated', 4],
      ['key/deprecated', 5],
      ['key/deprecated', 6],
    ],
  )
})

test('[runbeam] that is not enabled means local, and new keys go before old ones', async () => {
  const old = await read('[proxy]\nid = "a"\n[runbeam]\nenabled = false\n')
  assert.is(old.raw?.proxy?.value.primary_provider, 'local')
  assert.is((await read('[proxy]\nid = "a"\n[runbeam]\n')).raw?.proxy?.value.primary_provider, 'local')
  const both = await read(
    '[proxy]\nid = "a"\nprimary_provider = "runbeam"\n[runbeam]\nenabled = false\npoll_interval_secs = 1\n[provider.runbeam]\npoll_interval_secs = 2\n',
  )
  assert.is(both.raw?.proxy?.value.primary_provider, 'runbeam')
  assert.is(first(both.raw, 'provider')?.value.poll_interval_secs, 2)
})

test('an old place with something of the wrong kind around it is found, and takes nothing away', async () => {
  for (const text of ['logging = 5', 'provider = 5\nrunbeam = { cloud_api_base_url = "x" }', 'runbeam = "x"']) {
    const { findings } = await read(`${text}\n[proxy]\nid = "a"\nlog_level = "info"\n`)
    assert.ok(
      findings.some(({ code }) => code === 'value/type'),
      text,
    )
  }
  const { lines } = await read('[targets.a]\nurl = "http://h"\nconnection = 5\n')
  assert.match(lines.join('\n'), /value\/type: targets.a.connection is 5: must be a table/)
})

test.run()
