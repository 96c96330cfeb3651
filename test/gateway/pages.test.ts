// What management shows of a configuration: all of it that helps, and no secret.
import { createSecretKey } from 'node:crypto'
import * as assert from 'uvu/assert'
import type { Config, Mesh } from '../../core/config/model.ts'
import type { Finding } from '../../core/finding/finding.ts'
import { pipelineFacts, routeFacts, statusFacts } from '../../core/gateway/pages.ts'
import { Secret } from '../../core/secret.ts'
import { networkWith } from '../support/config.ts'
import { suite } from '../support/suite.ts'
import { backend, config, endpoint, pipeline, spec } from '../service/fixture.ts'

const test = suite('management pages')
const place = { file: 'config.toml', path: [] }
const planted = 'pl4nted-s3cret'

/** A configuration with secrets wherever one can be. */
function full(): Config {
  const identity = {
    certificate: Buffer.from('certificate'),
    key: new Secret(Buffer.from(planted)),
    certificatePath: '/c.pem',
    keyPath: '/k.pem',
    place,
  }
  const admin = {
    ...networkWith('admin'),
    tcp: { address: '127.0.0.1', port: 9090, tls: identity, forceHttps: false, place },
  }
  const clinic = backend('fhir', {
    upstream: spec('https://clinic.test:443', { clientCertificate: identity }),
    headers: [['x-api-key', planted]],
    credentials: { kind: 'basic', username: 'gateway', password: new Secret(planted) },
  })
  const url = { text: 'https://a.test/fhir', scheme: 'https', host: 'a.test', port: undefined, path: '/fhir' } as const
  const ingress = {
    name: 'fhir-in',
    pipeline: 'fhir',
    type: 'http',
    urls: [url],
    endpoint: endpoint('fhir', '/fhir'),
    mode: 'mesh',
    enforce: 'endpoint',
    enabled: true,
    description: 'from partners',
    place,
  } as const
  const egress = { ...ingress, name: 'fhir-out', backend: clinic }
  const key = { kid: 'kid', key: createSecretKey(Buffer.from(planted)) }
  const auth = { name: 'door', type: 'basic_auth', username: 'u', password: new Secret(planted), place } as const
  const dump = { name: 'passthru', type: 'passthru', place } as const
  const mesh: Mesh = {
    name: 'prod',
    id: 'prod',
    type: 'http',
    provider: 'local',
    algorithm: 'HS256',
    signing: key,
    verification: [key],
    leewaySecs: 30,
    verifyAudience: true,
    jwksUrl: undefined,
    ingress: [
      { kind: 'ingress', ingress, place },
      { kind: 'catalogue', remote: { name: 'partner', urls: [url], place }, place },
      { kind: 'reference', reference: { kind: 'local', text: 'local.name.x', name: 'x' }, place },
    ],
    egress: [{ kind: 'egress', egress, place }],
    enabled: true,
    description: undefined,
    place,
  }
  const fhir = pipeline({
    name: 'fhir',
    description: 'patients',
    endpoints: [ingress.endpoint, endpoint('http', '/'), { ...endpoint(), pathPrefix: undefined }],
    backends: [clinic],
    left: [auth, dump],
    right: [dump],
    ingresses: [ingress, { ...ingress, name: 'off', enabled: false, urls: [{ ...url, text: 'https://off.test/' }] }],
    egresses: [egress],
  })
  const management = pipeline({ name: 'management', networks: [admin], endpoints: [endpoint('management', '/admin')] })
  return config([management, fhir], {
    management: { network: admin, basePath: 'admin', token: new Secret(planted), place },
    ingresses: new Map([['fhir-in', ingress]]),
    egresses: new Map([['fhir-out', egress]]),
    meshes: new Map([['prod', mesh]]),
    remoteIngresses: new Map([['partner', { name: 'partner', urls: [url], place }]]),
  })
}

const running = { generation: 4, hash: 'abc', loadedAt: '2026-01-01T00:00:00Z', lastReload: undefined }

test('pipelines with what is in them, on both sides', () => {
  assert.equal(pipelineFacts(full())[1], {
    id: 'fhir',
    description: 'patients',
    networks: ['public'],
    endpoints: ['fhir-endpoint', 'http-endpoint', 'http-endpoint'],
    backends: ['fhir-backend'],
    middleware: ['door', 'passthru'],
    middleware_left: ['door', 'passthru'],
    middleware_right: ['passthru'],
  })
})

test('routes sorted by path, with enabled ingresses and the pages of management', () => {
  const paths = routeFacts(full()).map(({ path }) => path)
  assert.equal(paths, [
    '/admin/config/status',
    '/admin/health',
    '/admin/info',
    '/admin/metrics',
    '/admin/pipelines',
    '/admin/routes',
    '/api/reload',
    '/fhir',
    '/fhir/{*path}',
    '/health',
    '/{*path}',
    'https://a.test/fhir/{*path}',
  ])
  const reload = routeFacts(full()).find(({ path }) => path === '/api/reload')
  assert.equal([reload?.methods, reload?.service_type, reload?.pipeline], [['POST'], 'management', 'management'])
  const ingress = routeFacts(full()).find(({ ingress }) => ingress !== null)
  assert.equal([ingress?.ingress, ingress?.description, ingress?.methods], ['fhir-in', 'from partners', ['*']])
})

test('the methods of a route are those that it answers', () => {
  const read = { ...endpoint('http', '/read'), methods: ['GET', 'POST'] }
  const all = config([
    pipeline({ name: 'a', endpoints: [read, endpoint('dicomweb', '/dicom'), endpoint('http', '/')] }),
  ])
  const methods = new Map(routeFacts(all).map(({ path, methods }) => [path, methods.join(' ')]))
  assert.is(methods.get('/read'), 'GET HEAD POST')
  assert.is(methods.get('/dicom'), 'GET HEAD OPTIONS')
  assert.is(methods.get('/{*path}'), '*')
})

test('the status names meshes and their members, networks, and the last reload', () => {
  const finding = {
    code: 'x/y',
    severity: 'error',
    message: 'm',
    file: 'f',
    line: 1,
    column: 1,
    endLine: 1,
    endColumn: 1,
    path: 'p',
    excerpt: `jwt_secret = "${planted}"`,
  }
  // whatever the table of codes holds
  const findings = [finding as unknown as Finding]
  const lastReload = { ok: false, generation: 4, message: '1 error', findings, at: '2026-01-02T00:00:00Z' }
  const status = statusFacts(full(), { ...running, lastReload })
  const { mesh, current_networks, last_reload } = JSON.parse(JSON.stringify(status))
  assert.equal(mesh.prod.ingress, ['fhir-in', 'partner', 'local.name.x'])
  assert.equal([mesh.prod.egress, mesh.prod.can_sign, mesh.prod.can_verify], [['fhir-out'], true, true])
  assert.equal([current_networks.admin.bind_port, current_networks.admin.tls], [9090, true])
  assert.equal([last_reload.ok, last_reload.findings[0].code], [false, 'x/y'])
  assert.is(status['config_file_path'], '/etc/harmony/config.toml')
  assert.not.match(JSON.stringify(status), planted)
})

test('no page holds a secret, a key or a certificate', () => {
  const all = full()
  const text = JSON.stringify([pipelineFacts(all), routeFacts(all), statusFacts(all, running)])
  for (const secret of [
    planted,
    Buffer.from(planted).toString('base64'),
    [...Buffer.from(planted)].join(','),
    'certificate',
  ]) {
    assert.not.match(text, secret)
  }
  assert.not.match(text, 'redacted', 'secrets are not even mentioned')
})

test.run()
