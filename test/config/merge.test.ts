// All files together: where tables may stand, what names mean, in which order they come.
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { read, readWell } from './project.ts'

const test = suite('merged files')

const proxy = '[proxy]\nid = "a"\n'

test('settings of the whole gateway have no effect outside the main file, and that is said', async () => {
  const { raw, findings } = await read({
    'config.toml': proxy,
    'pipelines/a.toml': '[proxy]\nid = "b"\n[management]\n[logging]\n[storage]\n[runbeam]\n[provider.x]\n',
  })
  assert.is(raw?.proxy?.value.id, 'a')
  assert.is(raw?.management, undefined)
  assert.equal(
    findings.map(({ code, severity, line, message }) => `${severity} ${code} ${line} ${message}`),
    ['proxy', 'management', 'logging', 'storage', 'runbeam', 'provider'].map(
      (name, index) => `warning table/misplaced ${index === 0 ? 1 : index + 2} [${name}] has no effect in this file`,
    ),
  )
})

test('pipeline files may hold everything that pipelines use', async () => {
  const raw = await readWell({
    'config.toml': proxy,
    'pipelines/a.toml': `
      [network.n.tcp_config]
      [targets.t]
      connection.host = "h"
      [peers.p]
      connection.host = "h"
      [services.s]
      module = ""
      [middleware_types.m]
      module = ""
      [authentications.a]
      method = "none"
      [policies.p]
      [rules.r]
      type = "allow_all"
      [pipelines.p]
      networks = ["n"]
      endpoints = ["e"]
      [endpoints.e]
      service = "echo"
      [backends.b]
      service = "echo"
      [middleware.m]
      type = "passthru"
      [mesh.m]
      type = "http"
      provider = "local"
      [remote_ingress.i]
      urls = ["http://x"]
    `,
  })
  const sections = [
    'network',
    'targets',
    'peers',
    'services',
    'middleware_types',
    'authentications',
    'policies',
    'rules',
    'pipelines',
    'endpoints',
    'backends',
    'middleware',
    'mesh',
    'remote_ingress',
  ] as const
  for (const section of sections) assert.is(raw.all(section).length, 1, section)
})

test('mesh files hold meshes, remote ingresses and pipelines', async () => {
  const { raw, lines } = await read({
    'config.toml': proxy,
    'mesh/a.toml':
      '[mesh.m]\ntype = "http"\nprovider = "local"\n[remote_ingress.i]\nurls = ["http://x"]\n' +
      '[pipelines.p]\nnetworks = ["n"]\nendpoints = ["e"]\n[endpoints.e]\nservice = "echo"\n[network.n]\n',
  })
  assert.is(raw?.all('mesh').length, 1)
  assert.is(raw?.all('pipelines').length, 1)
  assert.is(raw?.all('endpoints').length, 0)
  assert.equal(lines, [
    'table/misplaced: [endpoints] has no effect in this file',
    'table/misplaced: [network] has no effect in this file',
  ])
})

test('entries come from the main file first, then by file, then as they are written', async () => {
  const echo = (...names: string[]): string => names.map((name) => `[endpoints.${name}]\nservice = "echo"\n`).join('')
  const raw = await readWell({
    'config.toml': `${proxy}${echo('z', 'b')}`,
    'pipelines/b.toml': echo('d', 'a'),
    'pipelines/a.toml': echo('y', 'c'),
  })
  assert.equal(
    raw.all('endpoints').map(({ name }) => name),
    ['z', 'b', 'y', 'c', 'd', 'a'],
  )
})

test('a name means what its own file says, else the main file, else the first other one', async () => {
  const raw = await readWell({
    'config.toml': `${proxy}[backends.shared]\nservice = "http"\n`,
    'pipelines/a.toml': '[backends.shared]\nservice = "fhir"\n[backends.lone]\nservice = "echo"\n',
    'pipelines/b.toml': '[backends.lone]\nservice = "echo"\n',
    'pipelines/c.toml': '',
  })
  const meant = (name: string, file: string) => {
    const entry = raw.find('backends', name, file)
    return entry && `${entry.place.file} ${entry.value.service}`
  }
  assert.is(meant('shared', 'pipelines/a.toml'), 'pipelines/a.toml fhir')
  assert.is(meant('shared', 'pipelines/b.toml'), 'config.toml http')
  assert.is(meant('lone', 'pipelines/b.toml'), 'pipelines/b.toml echo')
  assert.is(meant('lone', 'config.toml'), 'pipelines/a.toml echo')
  assert.is(meant('none', 'config.toml'), undefined)
  assert.is(meant('toString', 'config.toml'), undefined)
})

const different = {
  'pipelines/a.toml': '[middleware.gate]\ntype = "log_dump"\nlabel = "a"\n',
  'pipelines/b.toml': '[middleware.gate]\ntype = "log_dump"\nlabel = "b"\n',
}
const user = '[pipelines.p]\nnetworks = ["n"]\nendpoints = ["e"]\nmiddleware = { left = ["passthru", "gate"] }\n'

test('a name that two other files define differently is a warning where it is used', async () => {
  const { findings } = await read({ 'config.toml': `${proxy}${user}`, ...different })
  assert.equal(
    findings.map(({ code, severity, file, path, line }) => [code, severity, file, path, line]),
    [['name/ambiguous', 'warning', 'config.toml', 'pipelines.p.middleware.left[1]', 6]],
  )
  assert.is(
    findings[0]?.message,
    'middleware.gate is defined differently in pipelines/a.toml, pipelines/b.toml: the first is used here',
  )
})

test('it is none where the file or the main file defines it, where both mean the same, where nobody uses it', async () => {
  await readWell({ 'config.toml': proxy, ...different })
  await readWell({ 'config.toml': proxy, ...different, 'pipelines/b.toml': `${different['pipelines/b.toml']}${user}` })
  await readWell({ 'config.toml': `${proxy}[middleware.gate]\ntype = "passthru"\n${user}`, ...different })
  const same = different['pipelines/a.toml']
  await readWell({ 'config.toml': `${proxy}${user}`, 'pipelines/a.toml': same, 'pipelines/b.toml': same })
})

test('every kind of reference is seen when its name is ambiguous', async () => {
  const twice = (table: string): { 'pipelines/a.toml': string; 'pipelines/b.toml': string } => ({
    'pipelines/a.toml': table.replace('$', 'a'),
    'pipelines/b.toml': table.replace('$', 'b'),
  })
  const pipeline = '[pipelines.p]\nnetworks = ["x"]\nendpoints = ["x"]\nbackends = ["x"]\n'
  const cases: [string, string][] = [
    ['[network.x]\nid = "$"', pipeline],
    ['[endpoints.x]\nservice = "$"', pipeline],
    ['[backends.x]\nservice = "$"', pipeline],
    [
      '[backends.x]\nservice = "$"',
      `[pipelines.p]\nnetworks = ["n"]\nendpoints = ["e"]\nmesh.egress.o = { type = "http", backend = "x" }`,
    ],
    [
      '[endpoints.x]\nservice = "$"',
      `[pipelines.p]\nnetworks = ["n"]\nendpoints = ["e"]\nmesh.ingress.i = { type = "http", urls = ["u"], endpoint = "x" }`,
    ],
    [
      '[middleware.x]\ntype = "log_dump"\nlabel = "$"',
      '[pipelines.p]\nnetworks = ["n"]\nendpoints = ["e"]\nmiddleware = ["x"]',
    ],
    ['[targets.x]\nconnection.host = "$"', '[backends.b]\nservice = "http"\ntarget_ref = "x"'],
    ['[peers.x]\nconnection.host = "$"', '[endpoints.e]\nservice = "http"\npeer_ref = "x"'],
    [
      '[authentications.x]\nmethod = "basic"\noptions.username = "$"',
      '[backends.b]\nservice = "http"\nauthentication = "authentications.x"',
    ],
    ['[policies.x]\nname = "$"', '[middleware.m]\ntype = "policies"\noptions.policies = ["x"]'],
    ['[rules.x]\ntype = "allow_all"\nname = "$"', '[policies.p]\nrules = ["x"]'],
    [
      '[rules.x]\ntype = "allow_all"\nname = "$"',
      '[middleware.m]\ntype = "policies"\noptions.policies = [{ rules = ["x"] }]',
    ],
  ]
  for (const [table, use] of cases) {
    const { lines } = await read({ 'config.toml': `${proxy}${use}\n`, ...twice(table) })
    assert.is(lines.length, 1, `${table}\n${use}\n${lines.join('\n')}`)
    assert.match(lines.join(), /^name\/ambiguous/)
  }
})

test('a table that is left out is known to be there', async () => {
  const { raw } = await read(
    '[endpoints.e]\n[pipelines.p]\nnetworks = 5\n[pipelines.p.mesh.ingress.i]\ntype = "http"\nurls = ["u"]\n' +
      '[pipelines.q]\nnetworks = ["n"]\nendpoints = ["e"]\nmesh.ingress.j = { urls = ["u"] }\nmesh.egress.k = { type = "http" }\n',
  )
  assert.is(raw?.all('endpoints').length, 0)
  assert.ok(raw?.broken('endpoints', 'e'))
  assert.ok(raw?.broken('pipelines', 'p') && raw.broken('ingress', 'i'))
  assert.not(raw?.broken('pipelines', 'q'))
  assert.ok(raw?.broken('ingress', 'j'))
  assert.not(raw?.broken('egress', 'k'))
  assert.equal(Object.keys(raw?.all('pipelines')[0]?.value.mesh.egress ?? {}), ['k'])
})

test.run()
