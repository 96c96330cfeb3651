// What a table may hold: unknown keys with a guess, kinds, ranges and words, what must be there, names.
import * as assert from 'uvu/assert'
import { closest, distance } from '../../core/finding/typo.ts'
import { suite } from '../support/suite.ts'
import { read, readWell } from './project.ts'

const test = suite('the schema')

/** `severity code line:column message | help`, one for each finding. */
async function found(text: string): Promise<string[]> {
  const { findings } = await read(text)
  return findings.map(
    ({ severity, code, line, column, message, help }) =>
      `${severity} ${code} ${line}:${column} ${message}${help === undefined ? '' : ` | ${help}`}`,
  )
}

test('a table or key that nobody knows is a warning with a guess', async () => {
  assert.equal(await found('[netwrok.a.tcp_config]\n'), [
    'warning table/unknown 1:2 "netwrok" is not a table of the configuration | did you mean "network"?',
  ])
  assert.equal(await found('[network.a.tcp_config]\nbind_prt = 1\n'), [
    'warning key/unknown 2:1 "bind_prt" is not a key of network.a.tcp_config | did you mean "bind_port"?',
  ])
  assert.equal(await found('[network.a]\nwhatever_this_is = 1\n'), [
    'warning key/unknown 2:1 "whatever_this_is" is not a key of network.a',
  ])
})

test('a key that belongs one table below is guessed', async () => {
  assert.equal(await found('[network.a]\ncert_path = "x"\n'), [
    'warning key/unknown 2:1 "cert_path" is not a key of network.a | did you mean "tcp_config.cert_path"?',
  ])
})

test('options are known by the type of the table', async () => {
  assert.equal(await found('[middleware.a]\ntype = "log_dump"\noptions = { lable = "x" }\n'), [
    'warning key/unknown 3:13 "lable" is not a key of middleware.a.options | did you mean "label"?',
  ])
  assert.equal(await found('[authentications.a]\nmethod = "bearer"\noptions.username = "x"\n'), [
    'warning key/unknown 3:9 "username" is not a key of authentications.a.options',
  ])
  assert.equal(await found('[rules.a]\ntype = "rate_limit"\n[rules.a.options]\nmax_requests = 1\nwindow_secs = 1\n'), [
    'error value/missing 3:10 rules.a.options.window_seconds is missing: must be 1 to 604800 | window_seconds: Seconds of the window.',
    'warning key/unknown 5:1 "window_secs" is not a key of rules.a.options | did you mean "window_seconds"?',
  ])
})

test('a value of the wrong kind names key, value and rule', async () => {
  assert.equal(await found('[network.a.tcp_config]\nbind_port = "x"\nbind_address = 1\nforce_https = "true"\n'), [
    'error value/type 2:13 network.a.tcp_config.bind_port is "x": must be an integer',
    'error value/type 3:16 network.a.tcp_config.bind_address is 1: must be a string | text stands between quotes: "1"',
    'error value/type 4:15 network.a.tcp_config.force_https is "true": must be true or false | true and false stand without quotes: true',
  ])
  assert.equal(await found('[network.a]\ntcp_config = 5\nhttp3 = [1]\nlimits = 2020-01-01\n'), [
    'error value/type 2:14 network.a.tcp_config is 5: must be a table',
    'error value/type 3:9 network.a.http3 is a list: must be a table',
    'error value/type 4:10 network.a.limits is the date 2020-01-01: must be a table',
  ])
  assert.equal((await read({ 'config.toml': 'network = 5\nproxy = "x"\nmesh.m = 1\n' })).lines, [
    'value/type: network is a number: must be tables with a name each',
    'value/type: proxy is "x": must be a table',
    'value/type: mesh.m is 1: must be a table',
  ])
})

test('a list in place of a text, and a text in place of a list', async () => {
  assert.equal(await found('[pipelines.p]\nnetworks = "n"\nendpoints = [1, "e"]\nbackends = []\n'), [
    'error value/type 2:12 pipelines.p.networks is "n": must be a list | a list stands in brackets: ["n"]',
    'error value/type 3:14 pipelines.p.endpoints[0] is 1: must be a string | text stands between quotes: "1"',
  ])
})

test('numbers have ranges, and whole ones are whole', async () => {
  const text = (port: string): string => `[network.a.tcp_config]\nbind_port = ${port}\n`
  for (const port of ['1', '65535', '0x1F', '8_080']) assert.equal(await found(text(port)), [], port)
  for (const [port, shown] of [
    ['0', '0'],
    ['65536', '65536'],
    ['70000', '70000'],
    ['-1', '-1'],
  ] as const)
    assert.equal(await found(text(port)), [
      `error value/range 2:13 network.a.tcp_config.bind_port is ${shown}: must be 1 to 65535`,
    ])
  for (const [port, shown] of [
    ['1.5', '1.5'],
    ['inf', 'inf'],
    ['nan', 'nan'],
  ] as const)
    assert.equal(await found(text(port)), [
      `error value/type 2:13 network.a.tcp_config.bind_port is ${shown}: must be an integer`,
    ])
})

test('words are among those that are allowed, as they are written', async () => {
  assert.equal(await found('[logging]\nlog_level = "debgu"\n'), [
    'error value/enum 2:13 logging.log_level is "debgu": must be "trace", "debug", "info", "warn" or "error" | did you mean "debug"?',
  ])
  assert.equal(await found('[logging]\nlog_level = "INFO"\n'), [
    'error value/enum 2:13 logging.log_level is "INFO": must be "trace", "debug", "info", "warn" or "error" | did you mean "info"?',
  ])
})

test('what must be there is missed where it should be', async () => {
  assert.equal(await found('[mesh.m]\ntype = "http"\n'), [
    'error value/missing 1:7 mesh.m.provider is missing: must be a string | provider: Who issues tokens: `local`, or the name of a provider.',
  ])
  assert.equal(await found('[rules.r]\n'), [
    'error value/missing 1:8 rules.r.type is missing: must be one of allow_all, deny_all, ip_allow, ip_deny, rate_limit, path, geo, header, time_based, method, user_agent, content_type, query_parameter',
  ])
  assert.equal(await found('[logging]\nlog_to_file = true\n'), [
    'error value/missing 1:2 logging.log_file_path is missing: is required when `log_to_file` is true | log_file_path: That file, relative to the working directory.',
  ])
  assert.match(
    (await found('[storage]\nbackend = "s3"\n')).join(),
    /1:2 storage\.options\.bucket is missing: is required/,
  )
})

test('what may not be empty is not', async () => {
  assert.equal(await found('[remote_ingress.a]\nurls = []\n[remote_ingress.b]\nurls = [""]\n'), [
    'error value/empty 2:8 remote_ingress.a.urls is a list: must have at least one item',
    'error value/empty 4:9 remote_ingress.b.urls[0] is "": must not be empty',
  ])
})

test('rules in policies in middleware are checked where they stand', async () => {
  const text = `
[middleware.m]
type = "policies"
[[middleware.m.options.policies]]
id = "a"
[[middleware.m.options.policies.rules]]
type = "ip_alow"
[[middleware.m.options.policies.rules]]
type = "path"
options = { paths = ["/x"], mode = "alow" }
`
  assert.equal(await found(text), [
    'error value/enum 7:8 middleware.m.options.policies[0].rules[0].type is "ip_alow": must be one of allow_all, deny_all, ip_allow, ip_deny, rate_limit, path, geo, header, time_based, method, user_agent, content_type, query_parameter | did you mean "ip_allow"?',
    'error value/enum 10:36 middleware.m.options.policies[0].rules[1].options.mode is "alow": must be "allow" or "deny" | did you mean "allow"?',
  ])
})

test('what is right in a table is kept when something else in it is wrong', async () => {
  const { raw } = await read(
    '[pipelines.p]\nnetworks = ["n", 5, "m"]\nendpoints = ["e"]\nbackends = 5\ndescription = 6\n' +
      'mesh.ingress.a = { type = "http", urls = ["http://a"], mode = "x" }\nmesh.ingress.b = 5\n',
  )
  const value = raw?.all('pipelines')[0]?.value
  assert.equal(value?.networks, ['n', 'm'])
  assert.equal(value?.backends, [])
  assert.is(value?.description, undefined)
  assert.equal(Object.keys(value?.mesh.ingress ?? {}), ['a'])
  assert.is(value?.mesh.ingress['a']?.mode, 'default')
})

test('defaults are those of the specification and of the decisions', async () => {
  const raw = await readWell(
    '[logging]\n[management]\n[network.n]\ntcp_config = {}\n[targets.t]\nconnection.host = "h"\n[mesh.m]\ntype = "http"\nprovider = "local"\n' +
      '[pipelines.p]\nnetworks = ["n"]\nendpoints = ["e"]\nmesh.ingress.i = { type = "http", urls = ["u"] }\n[rules.r]\ntype = "allow_all"\n',
  )
  assert.equal(raw.proxy?.value, {
    id: 'gateway',
    pipelines_path: 'pipelines',
    transforms_path: 'transforms',
    mesh_path: 'mesh',
    jwks_cache_duration_hours: 24,
    content_limits: {
      max_csv_rows: 10_000,
      max_xml_depth: 100,
      max_multipart_files: 10,
      max_form_fields: 1000,
      max_head_bytes: 65_536,
      max_fields: 200,
      max_target_bytes: 16_384,
    },
    required_env_vars: [],
    sensitive_field_patterns: [],
    primary_provider: 'runbeam',
    trusted_proxies: [],
  })
  assert.equal(raw.logging?.value, { log_level: 'info', log_to_file: false, log_paths: false })
  assert.equal(raw.management?.value, { enabled: false, base_path: 'admin' })
  assert.equal(raw.all('network')[0]?.value, {
    enable_wireguard: false,
    interface: 'wg0',
    tcp_config: { bind_address: '0.0.0.0', bind_port: 8080, force_https: false },
    limits: {},
  })
  const target = raw.all('targets')[0]?.value
  assert.equal([target?.timeout_secs, target?.max_retries, target?.enabled], [30, 3, true])
  const mesh = raw.all('mesh')[0]?.value
  assert.equal([mesh?.leeway_secs, mesh?.verify_audience, mesh?.enabled, mesh?.ingress], [30, true, true, []])
  const ingress = raw.all('pipelines')[0]?.value.mesh.ingress['i']
  assert.equal([ingress?.mode, ingress?.enforce, ingress?.enabled], ['default', 'endpoint', true])
  assert.equal(raw.all('rules')[0]?.value, { id: 'r', type: 'allow_all', weight: 100, enabled: true, options: {} })
})

test('a middleware of an unknown type is kept as it is for whoever asks', async () => {
  const raw = await readWell('[middleware.m]\ntype = "naughty_nice"\nlist = ["a"]\noptions.twice = true\n')
  assert.equal(raw.all('middleware')[0]?.value, {
    type: 'other',
    named: 'naughty_nice',
    options: { twice: true, list: ['a'] },
  })
})

test('fields of services and middleware that this version does not have are known', async () => {
  await readWell(`
    [endpoints.a]
    service = "dicom_scp"
    options = { local_aet = "ME", port = 104, bind_addr = "0.0.0.0", enable_store = true, max_pdu = 32768, storage_dir = "x", aet_table.YOU = { ae_title = "YOU", host = "h", port = 104 } }
    [backends.b]
    service = "dicom_scu"
    options = { aet = "YOU", local_aet = "ME", use_tls = false, dimse_retrieve_mode = "move", incoming_store_port = 11123, persistent_store_scp = true, use_dcmtk_store = true }
    [backends.c]
    service = "storage"
    options = { root = "s3://b/x", write_pattern = "{uuid}", read_pattern = "{id}", region = "r", bucket = "b", access_key_id = "k", secret_access_key = "s", endpoint = "e" }
    [middleware.t]
    type = "transform"
    options = { spec_path = "x.json", apply = "both", fail_on_error = false, debug = true, inject_context = true }
    [middleware.w]
    type = "webhook"
    options = { endpoint = "http://h", apply = "right", timeout_secs = 1, redact_headers = ["a"], authentication_def = { type = "bearer", token = "t" } }
    [middleware.j]
    type = "jmix_builder"
    options = { skip_hashing = true, skip_listing = true, store_dir = "x" }
    [middleware.p]
    type = "passthru"
    anything = 1
    [storage]
    options.path = "./tmp"
  `)
})

test('times are checked, and may be written as TOML writes them', async () => {
  const raw = await readWell(
    '[rules.r]\ntype = "time_based"\n[rules.r.options]\nstart_time = 09:00:00\nend_time = "24:00"\nstart_date = 2026-01-31\nend_date = "2026-02-01"\ndays_of_week = ["Mon", "sunday"]\n',
  )
  const rule = raw.all('rules')[0]?.value
  assert.equal(rule?.type === 'time_based' && rule.options, {
    allow_during_window: true,
    timezone: 'UTC',
    start_time: '09:00',
    end_time: '24:00',
    days_of_week: ['Mon', 'sunday'],
    start_date: '2026-01-31',
    end_date: '2026-02-01',
  })
  assert.equal(await found('[rules.r]\ntype = "time_based"\noptions.start_time = "9:00"\n'), [
    'error value/form 3:22 rules.r.options.start_time is "9:00": must be HH:MM',
  ])
})

test('names are of the characters that are allowed', async () => {
  assert.equal(await found('[network.a-b_9.tcp_config]\n'), [])
  assert.equal(await found('[network.Public.tcp_config]\n'), [
    'error name/form 1:10 network.Public has a name that is not allowed: must be of a to z, 0 to 9, _ and -',
  ])
  assert.equal(await found('[network."a.b".tcp_config]\n'), [
    'error name/form 1:10 network."a.b" has a name that is not allowed: must be of a to z, 0 to 9, _ and -',
  ])
  const pipeline = '[pipelines.p]\nnetworks = ["n"]\nendpoints = ["e"]\n'
  assert.equal(await found(`${pipeline}mesh.egress."a.b" = { type = "http" }\nmesh.egress.A = { type = "http" }\n`), [
    'warning name/dotted 4:13 pipelines.p.mesh.egress."a.b" has a dot in its name: no mesh can list it | in a reference, dots stand between its parts: use - or _',
    'error name/form 5:13 pipelines.p.mesh.egress.A has a name that is not allowed: must be of a to z, 0 to 9, _, - and .',
  ])
})

test('the id of authentications, policies and rules is the name of the table', async () => {
  const raw = await readWell('[rules.a]\nid = "a"\ntype = "allow_all"\n[policies.b]\n')
  assert.is(raw.all('policies')[0]?.value.id, 'b')
  assert.equal(await found('[rules.a]\nid = "b"\ntype = "allow_all"\n'), [
    'error name/id 2:6 rules.a.id is "b": must be "a", as the table is called | leave it out, or rename the table',
  ])
  await readWell('[network.a]\nid = "b"\n')
})

test('the shapes of old documents are refused by name', async () => {
  const lines = await found('[server]\nport = 1\n[backend]\n[[middleware]]\ntype = "x"\n')
  assert.equal(lines, [
    'warning table/unknown 1:2 "server" is not a table of the configuration',
    'warning table/unknown 3:2 "backend" is not a table of the configuration | did you mean "backends"?',
    'error value/type 4:3 middleware is a list: must be tables with a name each | write [middleware.NAME]',
  ])
})

test('there is a bound to what is reported, and the bound says so', async () => {
  const keys = Array.from({ length: 700 }, (_, index) => `unknown${index} = 1`).join('\n')
  const { findings } = await read(`[network.a]\n${keys}\n`)
  assert.is(findings.length, 501)
  assert.ok(findings.some(({ message }) => message === '200 more findings are not shown'))
})

test('lists, tables and mistakes beyond measure end the work, not the program', async () => {
  const list = await read(`[remote_ingress.a]\nurls = [${'"x",'.repeat(100_001)}]\n`)
  assert.equal(list.lines, ['value/range: remote_ingress.a.urls has 100001 items: must have 100000 or less'])
  assert.ok(list.raw?.broken('remote_ingress', 'a'))
  const wrong = await read(`[remote_ingress.a]\nurls = [${'1,'.repeat(100_000)}]\n`)
  assert.is(wrong.findings.length, 500)
  assert.ok(wrong.raw?.broken('remote_ingress', 'a'))
  const tables = await read(Array.from({ length: 100_001 }, (_, index) => `[network.n${index}]`).join('\n'))
  assert.match(tables.lines.join(), /^file\/too-many: there are more than 100000 tables/)
  assert.is(tables.raw?.all('network').length, 100_000)
  assert.ok(tables.raw?.broken('network', 'n100000'))
})

test('the distance counts what is added, dropped, replaced and swapped', () => {
  assert.is(distance('', ''), 0)
  assert.is(distance('abc', ''), 3)
  assert.is(distance('abc', 'abc'), 0)
  assert.is(distance('abc', 'acb'), 1)
  assert.is(distance('abc', 'axc'), 1)
  assert.is(distance('abcd', 'bcd'), 1)
  assert.is(distance('kitten', 'sitting'), 3)
  assert.is(distance('kitten', 'sitting', 2), 2)
})

test('only what looks like a slip is guessed', () => {
  assert.is(closest('bind_adress', ['bind_port', 'bind_address']), 'bind_address')
  assert.is(closest('id', ['ip', 'to']), undefined)
  assert.is(closest('foo', ['bar', 'baz']), undefined)
  assert.is(closest('x'.repeat(100), ['x'.repeat(99)]), undefined)
})

test.run()
