// The services that speak HTTP, and what lies around every backend: which upstream, which target, which fields.
import * as assert from 'uvu/assert'
import type { Backend, Config } from '../../core/config/model.ts'
import { edited } from '../../core/pipeline/fields.ts'
import { buildServices } from '../../core/pipeline/services.ts'
import type { Services } from '../../core/pipeline/services.ts'
import type { Exchange } from '../../core/pipeline/exchange.ts'
import { Secret } from '../../core/secret.ts'
import { fakeResponse } from '../support/exchange.ts'
import { suite } from '../support/suite.ts'
import {
  backend,
  config,
  endpoint,
  exchange,
  forwarded,
  opener,
  pipeline,
  refused,
  responded,
  spec,
} from './fixture.ts'

const test = suite('http services')

type Egress = Config['egresses'] extends ReadonlyMap<string, infer E> ? E : never

function egress(one: Backend, type: Egress['type']): Egress {
  const place = { file: 'config.toml', path: [] }
  const more = { mode: 'default', enabled: true, description: undefined, place } as const
  return { name: 'out', pipeline: 'main', type, backend: one, ...more }
}

function build(one: Backend, egressType?: Egress['type']) {
  const { open, calls } = opener()
  const egresses = egressType === undefined ? [] : [egress(one, egressType)]
  const services = buildServices(config([pipeline({ backends: [one], egresses })]), { open, management: undefined })
  return { services, calls }
}

const reach = async (services: Services, one: Exchange, viaHttp3 = false) => services.reach(one, viaHttp3)

/** The fields that an upstream is sent. */
async function sent(one: Backend, given: Parameters<typeof exchange>[0] = {}) {
  const made = exchange({ ...given, backend: one })
  const { edits } = forwarded(await reach(build(one).services, made))
  return edited(edited(made.head.headers, made.edits), edits)
}

test('a request goes to the upstream, base path and authority of its backend', async () => {
  const one = backend('http', { upstream: spec('https://upstream.test:8443', { basePath: '/v1', maxRetries: 5 }) })
  const { services, calls } = build(one)
  const to = forwarded(await reach(services, exchange({ target: '/api/x?y=1', backend: one })))
  assert.is(to.upstream, calls[0]?.opened.upstream)
  assert.is(to.budget, calls[0]?.opened.budget)
  assert.equal(
    [to.origin, to.target, to.authority, to.method, to.maxRetries],
    ['https://upstream.test:8443', '/v1/x?y=1', 'upstream.test:8443', undefined, 5],
  )
  assert.equal(to.edits, [])
  assert.is(services.wants(exchange({ backend: one })), undefined, 'content flows')
})

test('the configured method and fields replace those of the request, repeated ones stay together', async () => {
  const headers = [
    ['X-One', 'a'],
    ['x-one', 'b'],
    ['X-Name', 'J\u00fcrgen'],
  ] as const
  const one = backend('http', { method: 'POST', headers })
  const to = forwarded(await reach(build(one).services, exchange({ backend: one })))
  assert.is(to.method, 'POST')
  const fields = await sent(one, {
    headers: [
      ['x-one', 'client'],
      ['accept', '*/*'],
    ],
  })
  assert.equal(fields, [
    ['accept', '*/*'],
    ['x-one', 'a'],
    ['x-one', 'b'],
    // the bytes of its UTF-8
    ['x-name', 'J\u00c3\u00bcrgen'],
  ])
})

test('a configured host is the authority of the request', async () => {
  const one = backend('http', { headers: [['Host', 'virtual.test']] })
  const to = forwarded(await reach(build(one).services, exchange({ backend: one })))
  assert.equal([to.authority, to.edits], ['virtual.test', []])
})

test("credentials of the backend replace the client's, every one of them", async () => {
  const client = { headers: [['authorization', 'Bearer client'] as const, ['authorization', 'Basic again'] as const] }
  const bearer = backend('http', { credentials: { kind: 'bearer', token: new Secret('t0ken') } })
  assert.equal(await sent(bearer, client), [['authorization', 'Bearer t0ken']])
  const basic = backend('http', {
    headers: [['authorization', 'configured']],
    credentials: { kind: 'basic', username: 'J\u00fcrgen', password: new Secret('p:\u00e4') },
  })
  const expected = `Basic ${Buffer.from('J\u00fcrgen:p:\u00e4').toString('base64')}`
  assert.equal(await sent(basic, client), [['authorization', expected]])
})

test("without credentials the client's authorization goes on", async () => {
  assert.equal(await sent(backend(), { headers: [['authorization', 'Bearer client']] }), [
    ['authorization', 'Bearer client'],
  ])
})

// --- fhir ---

test('fhir asks for FHIR when nobody says what is wanted', async () => {
  const fhir = backend('fhir')
  assert.equal(await sent(fhir), [['accept', 'application/fhir+json']])
  assert.equal(await sent(fhir, { headers: [['accept', 'application/fhir+xml']] }), [
    ['accept', 'application/fhir+xml'],
  ])
  assert.equal(await sent(fhir, { edits: [{ set: ['Accept', 'text/html'] }] }), [['Accept', 'text/html']])
  const removed = await sent(fhir, { headers: [['accept', '*/*']], edits: [{ remove: 'Accept' }] })
  assert.equal(removed, [['accept', 'application/fhir+json']])
  assert.equal(await sent(backend('fhir', { headers: [['Accept', 'a/b']] })), [['accept', 'a/b']])
  assert.equal(await sent(backend('http')), [])
})

test('a FHIR backend, and a FHIR endpoint before any backend, name the type of responses that do not', async () => {
  const edits = [{ set: ['content-type', 'application/fhir+json'] }]
  const http = backend('http')
  for (const [one, service] of [
    [backend('fhir'), 'http'],
    [http, 'fhir'],
    [backend('fhir'), 'fhir'],
  ] as const) {
    const to = forwarded(await reach(build(one).services, exchange({ backend: one, endpoint: endpoint(service) })))
    assert.equal(to.responseEdits?.(fakeResponse(200)), edits)
    assert.is(to.responseEdits?.(fakeResponse(200, [['content-type', 'text/html']])), undefined)
    for (const bare of [fakeResponse(204), fakeResponse(304), fakeResponse(201, [], 0)])
      assert.is(to.responseEdits?.(bare), undefined)
  }
  const plain = forwarded(await reach(build(http).services, exchange({ backend: http })))
  assert.is(plain.responseEdits, undefined)
})

// --- dicomweb ---

const dicom = (target: string, method = 'GET') => {
  const one = backend('dicomweb')
  const made = exchange({ method, prefix: '/dw', target, endpoint: endpoint('dicomweb', '/dw'), backend: one })
  return reach(build(one).services, made)
}

test('a DICOMweb endpoint answers a preflight by itself', async () => {
  const { status, headers, body } = responded(await dicom('/dw/studies/1.2/series', 'OPTIONS'))
  assert.equal([status, body], [200, ''])
  assert.equal(headers, [
    ['access-control-allow-origin', '*'],
    ['access-control-allow-methods', 'GET, OPTIONS'],
    ['access-control-allow-headers', 'accept, content-type'],
  ])
  // another endpoint leaves it to the backend
  const one = backend('dicomweb')
  forwarded(await reach(build(one).services, exchange({ method: 'OPTIONS', backend: one })))
})

const resources = [
  'studies',
  'studies/1.2',
  'studies/1.2/metadata',
  'studies/1.2/series',
  'studies/1.2/series/3.4',
  'studies/1.2/series/3.4/metadata',
  'studies/1.2/series/3.4/instances',
  'studies/1.2/series/3.4/instances/5.6',
  'studies/1.2/series/3.4/instances/5.6/metadata',
  'studies/1.2/series/3.4/instances/5.6/frames/1,2',
  'bulkdata/a/b/c',
]
const others = [
  '',
  'study',
  'studies/',
  'studies//metadata',
  'studies/1.2/rendered',
  'studies/1.2/series/3/instances/5/frames',
  'bulkdata/',
  'Studies',
]

test('a DICOMweb endpoint has the resources of DICOMweb, for reading', async () => {
  for (const path of resources) {
    assert.is(forwarded(await dicom(`/dw/${path}?limit=1`)).target, `/${path}?limit=1`)
    assert.is((await dicom(`/dw/${path}`, 'HEAD')).kind, 'forward')
    for (const method of ['POST', 'PUT', 'DELETE'])
      assert.is(refused(await dicom(`/dw/${path}`, method)), 'route/method')
  }
  for (const path of others) assert.is(refused(await dicom(`/dw/${path}`)), 'route/none', path)
})

test('a DICOMweb endpoint without a backend does not say that there is nothing', async () => {
  const { services } = build(backend())
  const made = exchange({ prefix: '/dw', target: '/dw/studies', endpoint: endpoint('dicomweb', '/dw') })
  assert.is(refused(await reach(services, made)), 'service/unimplemented')
})

// --- which upstream ---

test('an egress over HTTP/3 has an upstream of its own, opened when the generation is built', async () => {
  const one = backend()
  const { services, calls } = build(one, 'http3')
  assert.equal(
    calls.map(({ preferHttp3 }) => preferHttp3),
    [false, true],
  )
  assert.is(forwarded(await reach(services, exchange({ backend: one }))).upstream, calls[0]?.opened.upstream)
  assert.is(forwarded(await reach(services, exchange({ backend: one }), true)).upstream, calls[1]?.opened.upstream)
})

test('a backend that prefers HTTP/3 by itself has one upstream for both', async () => {
  const one = backend('http3', { upstream: spec('https://upstream.test:443', { http3: true }) })
  const { services, calls } = build(one, 'http3')
  assert.equal(
    calls.map(({ preferHttp3 }) => preferHttp3),
    [true],
  )
  assert.is(forwarded(await reach(services, exchange({ backend: one }), true)).upstream, calls[0]?.opened.upstream)
})

test('HTTP/3 to a plain origin is refused, never plain text in its place', async () => {
  const one = backend('http', { upstream: spec('http://upstream.test:80') })
  const { services, calls } = build(one, 'http3')
  assert.is(calls.length, 1)
  assert.is(refused(await reach(services, exchange({ backend: one }), true)), 'backend/no-http3')
  // and where no egress of the configuration asks for it
  const other = backend()
  assert.is(refused(await reach(build(other).services, exchange({ backend: other }), true)), 'backend/no-http3')
})

test('a disabled backend is refused and its upstream not opened', async () => {
  const one = backend('http', { enabled: false })
  const { services, calls } = build(one)
  assert.is(refused(await reach(services, exchange({ backend: one }))), 'backend/disabled')
  assert.is(calls.length, 0)
  const echo = backend('echo', { enabled: false })
  assert.is(build(echo).services.wants(exchange({ backend: echo, mayHaveBody: true })), undefined)
})

test('a pipeline without backends answers 200 with nothing', async () => {
  const { services } = build(backend())
  const { status, body } = responded(await reach(services, exchange()))
  assert.equal([status, body], [200, ''])
})

test('a backend that only an egress names is reached', async () => {
  const one = backend()
  const { open } = opener()
  const services = buildServices(config([pipeline({ egresses: [egress(one, 'http')] })]), {
    open,
    management: undefined,
  })
  assert.is((await reach(services, exchange({ backend: one }))).kind, 'forward')
})

test.run()
