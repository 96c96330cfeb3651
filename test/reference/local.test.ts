// Local references as `harmony resolve` answers them.
import * as assert from 'uvu/assert'
import { resolveLocal } from '../../core/reference/local.ts'
import type { LocalResource, Resolved } from '../../core/reference/local.ts'
import { configWith } from '../support/config.ts'
import { suite } from '../support/suite.ts'

const test = suite('reference/local')

const config = configWith({
  proxy: { identity: 'gateway-a', primaryProvider: 'local' },
  providers: { runbeam: {}, off: { enabled: false } },
  endpoints: { api: { pathPrefix: '/api' }, same: {} },
  backends: { origin: 'http://127.0.0.1:9000/base', down: { url: 'http://127.0.0.1:9001', enabled: false } },
  pipelines: {
    main: {
      endpoints: ['api', 'same'],
      backends: ['origin', 'down'],
      ingresses: {
        'fhir-ingress': {
          urls: ['https://A.example/fhir', 'https://a.example:8443/fhir'],
          mode: 'mesh',
          type: 'http3',
        },
        same: { urls: ['https://s.example/'] },
        off: { urls: ['https://o.example/'], enabled: false },
      },
      egresses: { exit: { mode: 'mesh' } },
      description: 'patients',
    },
  },
  remotes: { partner: ['https://p.example/fhir'] },
  meshes: {
    prod: { id: '01j', ingress: ['fhir-ingress', 'partner', 'off'], egress: ['exit'] },
    test: { ingress: ['fhir-ingress'], enabled: false },
  },
})

test('an ingress is answered with all that is known of it', () => {
  const expected: LocalResource = {
    type: 'ingress',
    id: undefined,
    name: 'fhir-ingress',
    team: undefined,
    enabled: true,
    urls: ['https://A.example/fhir', 'https://a.example:8443/fhir'],
    protocol: 'http3',
    mode: 'mesh',
    pipeline: 'main',
    endpoint: 'api',
    backend: undefined,
    description: undefined,
    gateway: 'gateway-a',
    meshes: ['prod'],
    provider: 'local',
    source: 'config',
    defined: 'config.toml',
  }
  for (const text of ['fhir-ingress', 'local.name.fhir-ingress'])
    assert.equal(found(resolveLocal(config, text)), expected)
})

const types: readonly (readonly [name: string, facts: Partial<LocalResource>])[] = [
  ['exit', { type: 'egress', backend: 'origin', mode: 'mesh', meshes: ['prod'] }],
  ['partner', { type: 'remote_ingress', urls: ['https://p.example/fhir'], meshes: ['prod'] }],
  ['prod', { type: 'mesh', id: '01j', protocol: 'http', meshes: [] }],
  ['main', { type: 'pipeline', description: 'patients' }],
  ['api', { type: 'endpoint', protocol: 'http', pipeline: 'main' }],
  ['origin', { type: 'backend', urls: ['http://127.0.0.1:9000/base'], pipeline: 'main' }],
]

for (const [name, facts] of types)
  test(`${name} is found as ${facts.type}`, () => {
    const resource = found(resolveLocal(config, name))
    assert.equal({ ...resource, ...facts }, resource)
  })

test('of several things with one name the ingress is meant, and the steps name the others', () => {
  const answer = resolveLocal(config, 'same')
  assert.is(found(answer).type, 'ingress')
  assert.ok(answer.steps.some((step) => step.startsWith('not taken: endpoint same')))
})

test('a name with dots is found by itself, before it is read as a reference', () => {
  const dotted = configWith({
    endpoints: { api: {} },
    pipelines: { main: { endpoints: ['api'], ingresses: { 'a.b': { urls: ['https://a.example/'] } } } },
  })
  assert.is(found(resolveLocal(dotted, 'a.b')).name, 'a.b')
  assert.is(refused(resolveLocal(dotted, 'a.c')).code, 'reference/malformed')
})

test('where a resource is defined is told by whom it is asked of', () => {
  const answer = resolveLocal(config, 'exit', ({ file, path }) => `${file}:${path.join('/')}`)
  assert.is(found(answer).defined, 'config.toml:pipelines/main/mesh/egress/exit')
})

const refusals: readonly (readonly [text: string, code: string, message: RegExp, help?: RegExp])[] = [
  ['fhir-ingres', 'reference/not-found', /^the configuration has no resource "fhir-ingres"$/, /"fhir-ingress"/],
  ['nothing-like-it', 'reference/not-found', /"nothing-like-it"/],
  ['off', 'reference/disabled', /^ingress "off" is disabled$/, /config\.toml/],
  ['down', 'reference/disabled', /^backend "down" is disabled$/],
  ['a.b', 'reference/malformed', /^"a\.b" has 2 parts/],
  ['', 'reference/malformed', /^"" is empty$/],
  ['runbem.acme.ingress.name.x', 'reference/unknown-provider', /no provider "runbem"$/, /did you mean "runbeam"\?/],
  ['wholly-other.id.x', 'reference/unknown-provider', /"wholly-other"$/, /\[provider\.wholly-other\]/],
  ['off.id.x', 'reference/provider-disabled', /^provider "off" is disabled$/],
  ['runbeam.id.x', 'reference/inactive', /primary_provider is "local"/, /primary_provider/],
]

for (const [text, code, message, help] of refusals)
  test(`${JSON.stringify(text)}: ${code}`, () => {
    const answer = refused(resolveLocal(config, text))
    assert.is(answer.code, code)
    assert.match(answer.message, message)
    if (help !== undefined) assert.match(answer.help ?? '', help)
  })

test('with a remote primary provider, its references are not supported yet', () => {
  const remote = configWith({ proxy: { primaryProvider: 'runbeam' }, providers: { runbeam: {} } })
  assert.is(refused(resolveLocal(remote, 'runbeam.id.x')).code, 'reference/unsupported')
})

test('the steps tell the parts, the provider, the place and the meshes, disabled ones too', () => {
  assert.equal(resolveLocal(config, 'local.name.fhir-ingress').steps, [
    'read as provider local, name fhir-ingress',
    'provider local: fhir-ingress is looked up in the configuration',
    'found ingress fhir-ingress, defined at config.toml',
    'listed by mesh prod (config.toml)',
    'listed by mesh test, which is disabled (config.toml)',
  ])
  assert.equal(resolveLocal(config, 'runbeam.acme.Ingress.name.x').steps, [
    'read as provider runbeam, team acme, type ingress, name x (runbeam.acme.ingress.name.x)',
    'provider runbeam: kind runbeam at https://provider.example/api',
  ])
  assert.ok(resolveLocal(config, 'same').steps.includes('no mesh lists it'))
})

test.run()

function found(answer: Resolved): LocalResource {
  if (!answer.ok) throw new Error(`${answer.code}: ${answer.message}`)
  return answer.resource
}

function refused(answer: Resolved) {
  if (answer.ok) throw new Error(`resolved to ${answer.resource.type}`)
  return answer
}
