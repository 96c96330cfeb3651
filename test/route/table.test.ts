import * as assert from 'uvu/assert'
import type { Network } from '../../core/config/model.ts'
import { compileRoutes } from '../../core/route/table.ts'
import { networkWith } from '../support/config.ts'
import { suite } from '../support/suite.ts'
import { config, told } from './fixture.ts'
import type { PipelineSpec } from './fixture.ts'

const test = suite('route/table')
const network: Network = networkWith('public')

function routes(pipelines: Readonly<Record<string, PipelineSpec>>) {
  return compileRoutes(config(pipelines), network)
}

const plain = routes({
  a: { endpoints: { api: { pathPrefix: '/api' }, deep: { pathPrefix: '/api/deep/er' }, odd: { pathPrefix: '/~x/' } } },
  b: { endpoints: { fhir: { pathPrefix: '/fhir', service: 'fhir' } } },
})

test('an endpoint has its prefix and what is below it, at the boundary of a segment', () => {
  assert.is(told(plain, 'h', '/api'), 'a/api /api|')
  assert.is(told(plain, 'h', '/api/'), 'a/api /api|')
  assert.is(told(plain, 'h', '/api/x/y?q'), 'a/api /api|x/y')
  assert.is(told(plain, 'h', '/api//x/'), 'a/api /api|/x/')
  assert.is(told(plain, 'h', '/apiary'), '404')
  assert.is(told(plain, 'h', '/ap'), '404')
  assert.is(told(plain, 'h', '/API'), '404')
  assert.is(told(plain, 'h', '//api'), '404')
  assert.is(told(plain, 'h', '/'), '404')
  assert.is(told(plain, 'h', '/fhir'), 'b/fhir /fhir|')
  assert.is(told(plain, 'h', '/fhir/Patient'), 'b/fhir /fhir|Patient')
})

test('the longest prefix wins', () => {
  assert.is(told(plain, 'h', '/api/deep/er/x'), 'a/deep /api/deep/er|x')
  assert.is(told(plain, 'h', '/api/deep/er'), 'a/deep /api/deep/er|')
  assert.is(told(plain, 'h', '/api/deep/erx'), 'a/api /api|deep/erx')
  assert.is(told(plain, 'h', '/api/deep'), 'a/api /api|deep')
})

test('a prefix of / has everything that nobody else has', () => {
  const open = routes({ a: { endpoints: { all: { pathPrefix: '/' }, api: { pathPrefix: '/api' } } } })
  assert.is(told(open, 'h', '/'), 'a/all /|')
  assert.is(told(open, 'h', '/x/y'), 'a/all /|x/y')
  assert.is(told(open, 'h', '//x'), 'a/all /|/x')
  assert.is(told(open, 'h', '/apis'), 'a/all /|apis')
  assert.is(told(open, 'h', '/api/x'), 'a/api /api|x')
  assert.is(told(open, '', '/x'), 'a/all /|x')
})

test('another spelling of a prefix is the prefix, and what follows keeps its own', () => {
  assert.is(told(plain, 'h', '/%61p%69/%41%2fb'), 'a/api /api|%41%2fb')
  assert.is(told(plain, 'h', '/%7ex/%7e'), 'a/odd /~x/|%7e')
  assert.is(told(plain, 'h', '/%7Ex'), 'a/odd /~x/|')
  assert.is(told(plain, 'h', '/%61pi'), 'a/api /api|')
  assert.is(told(plain, 'h', '/a%70i/deep/%65r/%2f/'), 'a/deep /api/deep/er|%2f/')
})

test('%2f and %5c separate nothing', () => {
  assert.is(told(plain, 'h', '/api%2fx'), '404')
  assert.is(told(plain, 'h', '/api/deep%2fer'), 'a/api /api|deep%2fer')
  assert.is(told(plain, 'h', '/api%5Cx'), '404')
})

test('the server as a whole is no route', () => {
  const open = routes({ a: { endpoints: { all: { pathPrefix: '/' } } } })
  assert.is(told(open, 'h', '*', 'OPTIONS'), '404')
})

// --- ingress ---

const bound = routes({
  a: {
    endpoints: { own: { pathPrefix: '/own' }, hidden: {} },
    ingresses: {
      top: { endpoint: 'hidden', urls: ['https://a.test/'] },
      r4: { endpoint: 'own', urls: ['http://a.test/r4', 'https://b.test:9000/r4'] },
      off: { endpoint: 'own', urls: ['https://a.test/r4/off', 'https://off.test'], enabled: false },
      v6: { endpoint: 'own', urls: ['https://[2001:db8::1]/'] },
      idn: { endpoint: 'own', urls: ['https://b\u00fccher.test'] },
    },
  },
})

test('an ingress URL comes before every endpoint, and its path is what is taken away', () => {
  assert.is(told(bound, 'a.test', '/own/x'), 'a/hidden [top] /|own/x')
  assert.is(told(bound, 'a.test', '/r4/Patient'), 'a/own [r4] /r4|Patient')
  assert.is(told(bound, 'a.test', '/r4'), 'a/own [r4] /r4|')
  assert.is(told(bound, 'a.test', '/r4x'), 'a/hidden [top] /|r4x')
  assert.is(told(bound, 'c.test', '/own/x'), 'a/own /own|x')
  assert.is(told(bound, 'c.test', '/r4'), '404')
})

test('a host is the same in any case, with a dot at its end, and whatever its port', () => {
  for (const host of ['A.TEST', 'a.test.', 'a.test:1', 'A.Test.:443'])
    assert.is(told(bound, host, '/r4'), 'a/own [r4] /r4|', host)
  assert.is(told(bound, '[2001:DB8:0:0::0001]:5', '/x'), 'a/own [v6] /|x')
  assert.is(told(bound, 'xn--bcher-kva.test', '/x'), 'a/own [idn] /|x')
  for (const host of ['a.test..', 'x@a.test', 'a.test:0']) assert.is(told(bound, host, '/r4'), '400 host', host)
})

test('a URL with a port is for that port: the one of Host, else the listener', () => {
  assert.is(told(bound, 'b.test:9000', '/r4/x', 'GET', 1), 'a/own [r4] /r4|x')
  assert.is(told(bound, 'b.test', '/r4/x', 'GET', 9000), 'a/own [r4] /r4|x')
  assert.is(told(bound, 'b.test', '/r4/x', 'GET', 9001), '404')
  assert.is(told(bound, 'b.test:9001', '/r4/x', 'GET', 9000), '404')
})

test('a longer path for another port does not hide a shorter one', () => {
  const both = routes({
    a: {
      endpoints: { e: {} },
      ingresses: {
        wide: { endpoint: 'e', urls: ['https://a.test/x'] },
        deep: { endpoint: 'e', urls: ['https://a.test:9000/x/y'] },
      },
    },
  })
  assert.is(told(both, 'a.test:9000', '/x/y/z'), 'a/e [deep] /x/y|z')
  assert.is(told(both, 'a.test:9001', '/x/y/z'), 'a/e [wide] /x|y/z')
})

test('of ingresses with the same URL the first one has the requests', () => {
  const twice = routes({
    a: { endpoints: { e: {} }, ingresses: { port: { endpoint: 'e', urls: ['https://a.test:9000/x'] } } },
    b: { endpoints: { f: {} }, ingresses: { any: { endpoint: 'f', urls: ['https://a.test/x'] } } },
    c: {
      endpoints: { g: {} },
      ingresses: { late: { endpoint: 'g', urls: ['http://a.test:9000/x', 'http://a.test:7/x'] } },
    },
  })
  assert.is(told(twice, 'a.test:9000', '/x'), 'a/e [port] /x|')
  assert.is(told(twice, 'a.test:7', '/x'), 'b/f [any] /x|')
})

test('a disabled ingress is not there', () => {
  assert.is(told(bound, 'a.test', '/r4/off/x'), 'a/own [r4] /r4|off/x')
  assert.is(told(bound, 'off.test', '/own'), 'a/own /own|')
})

test('what is on another network is not there', () => {
  const apart = routes({
    a: {
      networks: ['private'],
      endpoints: { all: { pathPrefix: '/' } },
      ingresses: { in: { endpoint: 'all', urls: ['https://a.test'] } },
    },
    b: { networks: ['private', 'public'], endpoints: { both: { pathPrefix: '/both' } } },
  })
  assert.is(told(apart, 'a.test', '/x'), '404')
  assert.is(told(apart, 'a.test', '/both'), 'b/both /both|')
})

// --- methods ---

test('a method that an endpoint does not have is told the ones it has, exactly as they are written', () => {
  const some = routes({
    a: { endpoints: { read: { pathPrefix: '/x', methods: ['GET'] }, all: { pathPrefix: '/' } } },
    b: { endpoints: { write: { pathPrefix: '/x', methods: ['POST', 'GET'] } } },
    c: { endpoints: { in: { methods: ['PUT'] } }, ingresses: { i: { endpoint: 'in', urls: ['https://a.test/i'] } } },
  })
  assert.is(told(some, 'h', '/x/1', 'GET'), 'a/read /x|1')
  assert.is(told(some, 'h', '/x/1', 'POST'), 'b/write /x|1')
  assert.is(told(some, 'h', '/x/1', 'DELETE'), '405 GET, HEAD, POST')
  assert.is(told(some, 'h', '/x/1', 'get'), '405 GET, HEAD, POST')
  assert.is(told(some, 'a.test', '/i', 'GET'), '405 PUT')
  assert.is(told(some, 'a.test', '/i', 'PUT'), 'c/in [i] /i|')
  assert.is(told(some, 'h', '/y', 'BREW'), 'a/all /|y')
})

test('HEAD goes with GET, unless an endpoint has it for itself', () => {
  const some = routes({
    a: { endpoints: { read: { pathPrefix: '/x', methods: ['GET'] }, put: { pathPrefix: '/w', methods: ['PUT'] } } },
    b: { endpoints: { get: { pathPrefix: '/y', methods: ['GET'] }, head: { pathPrefix: '/y', methods: ['HEAD'] } } },
    c: { endpoints: { one: { pathPrefix: '/z', methods: ['GET'] }, rest: { pathPrefix: '/z' } } },
  })
  assert.is(told(some, 'h', '/x', 'HEAD'), 'a/read /x|')
  assert.is(told(some, 'h', '/x', 'head'), '405 GET, HEAD')
  assert.is(told(some, 'h', '/w', 'HEAD'), '405 PUT')
  assert.is(told(some, 'h', '/y', 'HEAD'), 'b/head /y|')
  assert.is(told(some, 'h', '/z', 'HEAD'), 'c/one /z|')
  assert.is(told(some, 'h', '/z', 'POST'), 'c/rest /z|')
})

test('of endpoints with the same prefix the first one has each method', () => {
  const twice = routes({
    a: { endpoints: { one: { pathPrefix: '/x', methods: ['GET'] } } },
    b: { endpoints: { two: { pathPrefix: '/x/' } } },
    c: { endpoints: { three: { pathPrefix: '/%78', methods: ['POST'] } } },
  })
  assert.is(told(twice, 'h', '/x', 'GET'), 'a/one /x|')
  assert.is(told(twice, 'h', '/x', 'POST'), 'b/two /x/|')
})

test('DICOMweb has the paths of its resources, for reading', () => {
  const dicom = routes({
    a: { endpoints: { d: { pathPrefix: '/dicom', service: 'dicomweb' }, all: { pathPrefix: '/' } } },
    b: { endpoints: { e: { service: 'dicomweb' } }, ingresses: { i: { endpoint: 'e', urls: ['https://a.test/w'] } } },
  })
  const study = 'studies/1.2'
  const there = [
    'studies',
    study,
    `${study}/metadata`,
    `${study}/series`,
    `${study}/series/3`,
    `${study}/series/3/metadata`,
    `${study}/series/3/instances`,
    `${study}/series/3/instances/4`,
    `${study}/series/3/instances/4/metadata`,
    `${study}/series/3/instances/4/frames/1,2`,
    'bulkdata/a',
    'bulkdata/http:%2f%2fx/a//b',
  ]
  for (const path of there) {
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      assert.is(told(dicom, 'h', `/dicom/${path}`, method), `a/d /dicom|${path}`)
    assert.is(told(dicom, 'h', `/dicom/${path}`, 'POST'), '405 GET, HEAD, OPTIONS')
    assert.is(told(dicom, 'a.test', `/w/${path}`), `b/e [i] /w|${path}`)
  }
  assert.is(told(dicom, 'h', '/dicom/%73tudies/1'), 'a/d /dicom|%73tudies/1')
  const missing = [
    '',
    '/',
    '/x',
    '/studies/',
    '/studies//series',
    '/studies/1/x',
    '/bulkdata',
    '/bulkdata/',
    '/studies%2f1',
  ]
  for (const path of [...missing, `/${study}/series/3/instances/4/frames`, `/${study}/series/3/instances/4/frames/1/2`])
    for (const method of ['GET', 'POST']) assert.is(told(dicom, 'h', `/dicom${path}`, method), '404', path)
})

test('a long path of a long wrong beginning is looked up in a moment', () => {
  const dicom = routes({
    a: { endpoints: { d: { pathPrefix: '/', service: 'dicomweb' } } },
    b: { endpoints: { long: { pathPrefix: '/a'.repeat(500) } } },
  })
  for (const path of [`/studies/${'a/'.repeat(8000)}`, '/a'.repeat(8000), `/${'studies/'.repeat(2000)}`]) {
    const started = performance.now()
    told(dicom, 'h', path)
    assert.ok(performance.now() - started < 2_000)
  }
})

test('a prefix that was not checked stops the build', () => {
  for (const pathPrefix of ['', 'x', '/a/../b', '/a?b', '/a//b'])
    assert.throws(() => routes({ a: { endpoints: { e: { pathPrefix } } } }), /path of endpoint e must/)
})

test.run()
