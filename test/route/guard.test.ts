import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { compileRoutes } from '../../core/route/table.ts'
import { networkWith } from '../support/config.ts'
import { suite } from '../support/suite.ts'
import { ask, config, told } from './fixture.ts'
import type { IngressSpec, PipelineSpec } from './fixture.ts'

const test = suite('route/guard')

function routes(pipelines: Readonly<Record<string, PipelineSpec>>) {
  return compileRoutes(config(pipelines), networkWith('public'))
}

/** What the endpoint's own path says, when these ingresses bind it. */
function own(ingresses: Readonly<Record<string, Omit<IngressSpec, 'endpoint' | 'urls'>>>): string {
  const bound = Object.entries(ingresses).map(([name, spec]) => [
    name,
    { endpoint: 'e', urls: [`https://${name}.test/in`], ...spec },
  ])
  return told(
    routes({ p: { endpoints: { e: { pathPrefix: '/e' } }, ingresses: Object.fromEntries(bound) } }),
    'h',
    '/e/x',
  )
}

test('an endpoint that mesh ingresses alone bind asks for a token on its own path too', () => {
  assert.is(own({}), 'p/e /e|x')
  assert.is(own({ a: { mode: 'mesh' } }), 'p/e /e|x guarded by a')
  assert.is(own({ a: { mode: 'mesh' }, b: { mode: 'mesh' } }), 'p/e /e|x guarded by a b')
})

test('an ingress that is open to all opens the endpoint, unless it is disabled', () => {
  assert.is(own({ a: { mode: 'mesh' }, b: {} }), 'p/e /e|x')
  assert.is(own({ b: {}, a: { mode: 'mesh' } }), 'p/e /e|x')
  assert.is(own({ a: { mode: 'mesh' }, b: { enabled: false } }), 'p/e /e|x guarded by a')
})

test('a disabled mesh ingress guards nothing', () => {
  assert.is(own({ a: { mode: 'mesh', enabled: false } }), 'p/e /e|x')
})

test('enforce = url leaves the endpoint open, and lends no token to the others', () => {
  assert.is(own({ a: { mode: 'mesh', enforce: 'url' } }), 'p/e /e|x')
  assert.is(own({ a: { mode: 'mesh', enforce: 'url' }, b: { mode: 'mesh' } }), 'p/e /e|x guarded by b')
})

test('a request by an ingress URL goes by the mode of that ingress, not by a guard', () => {
  const both = routes({
    p: {
      endpoints: { e: { pathPrefix: '/e' } },
      ingresses: { a: { endpoint: 'e', urls: ['https://a.test'], mode: 'mesh' } },
    },
  })
  assert.is(told(both, 'a.test', '/e/x'), 'p/e [a] /|e/x')
})

test('ingresses of other pipelines and networks guard the endpoint too, and open it', () => {
  const mesh = { endpoint: 'e', urls: ['https://a.test'], mode: 'mesh' } as const
  const open = { endpoint: 'e', urls: ['https://b.test'] } as const
  const own = { endpoints: { e: { pathPrefix: '/e' } } }
  const far = routes({ p: own, q: { networks: ['private'], ...own, ingresses: { a: mesh } } })
  assert.is(told(far, 'h', '/e'), 'p/e /e| guarded by a')
  const opened = routes({
    p: { ...own, ingresses: { a: mesh } },
    q: { networks: ['private'], ...own, ingresses: { b: open } },
  })
  assert.is(told(opened, 'h', '/e'), 'p/e /e|')
})

test('an endpoint of the same name in another file is another endpoint', () => {
  const built = config({
    p: { endpoints: { e: { pathPrefix: '/e' } } },
    q: {
      endpoints: { e: { pathPrefix: '/e' } },
      ingresses: { a: { endpoint: 'e', urls: ['https://a.test'], mode: 'mesh' } },
    },
  })
  const [p] = [...built.pipelines.values()]
  const [endpoint] = p?.endpoints ?? []
  assert.ok(p && endpoint)
  const moved = { ...p, endpoints: [{ ...endpoint, place: { ...endpoint.place, file: 'pipelines/p.toml' } }] }
  const apart = { ...built, pipelines: new Map([...built.pipelines, ['p', moved]]) }
  assert.is(told(compileRoutes(apart, networkWith('public')), 'h', '/e'), 'p/e /e|')
})

// --- no way around ---

// An open route for everything, and behind it what a mesh guards: by URL, and by an endpoint's own path.
const guarded = routes({
  open: { endpoints: { all: { pathPrefix: '/' }, part: { pathPrefix: '/fhir/public' } } },
  closed: {
    endpoints: { fhir: { pathPrefix: '/fhir' }, deep: { pathPrefix: '/a/b+c' }, inner: {} },
    ingresses: {
      f: { endpoint: 'fhir', urls: ['https://mesh.test/fhir', 'https://mesh.test:9000/only'], mode: 'mesh' },
      d: { endpoint: 'deep', urls: ['https://mesh.test/a/b+c'], mode: 'mesh' },
      i: { endpoint: 'inner', urls: ['https://mesh.test/fhir/public/inner'], mode: 'mesh' },
      all: { endpoint: 'inner', urls: ['https://mesh.test/'] },
    },
  },
})

function reached(authority: string, target: string): 'open' | 'closed' | 'refused' {
  const outcome = ask(guarded, authority, target)
  if (typeof outcome === 'string' || outcome.kind !== 'route') return 'refused'
  return outcome.route.guard !== undefined || outcome.route.ingress?.mode === 'mesh' ? 'closed' : 'open'
}

test('the spellings that are known to slip past gateways do not', () => {
  const spellings = [
    '/fhir/x',
    '/%66hir/x',
    '/%66%68%69%72/x',
    '/%66%48ir/../fhir/x',
    '/./fhir/x',
    '/x/../fhir/x',
    '/x/%2e%2e/fhir/x',
    '/x/..;/fhir/x',
    '/x/..%2ffhir/x',
    '/x%2f..%2ffhir/x',
    '/x\\..\\fhir/x',
    '/x/..%5cfhir/x',
    '//fhir/x',
    '///fhir//x',
    '/fhir;/x',
    '/fhir;v=1/x',
    '/fhir%3bv/x',
    '/;/fhir/x',
    '/%2ffhir/x',
    '/%5cfhir/x',
    '%2ffhir/x',
    '/fhir%2fx',
    '/fhir%5Cx',
    '/fhir%2f',
    '/fhir%00/x',
    '/fhir%0a/x',
    '/fhir#/x',
    '/%c0%affhir/x',
    '/;a%2ffhir/x',
    '/a/b%2bc/x',
    '/a//b+c/x',
    '/a%2fb+c',
    '/a;x%2fy/b+c/z',
  ]
  for (const host of ['mesh.test', 'MESH.test.:8080', 'other.test', ''])
    for (const spelling of spellings) assert.not.equal(reached(host, spelling), 'open', `${host} ${spelling}`)
})

test('what is open stays open, with whatever it holds', () => {
  for (const target of [
    '/',
    '/x',
    '//x',
    '/x;v=1/y',
    '/x%2fy',
    '/fhirs',
    '/fhir/public',
    '/fhir/public;v/x',
    '/x/fhir',
    '/%2566hir',
  ])
    assert.is(reached('other.test', target), target.startsWith('/fhir/public;') ? 'closed' : 'open', target)
})

const lenient: readonly ((path: string) => string)[] = [
  (path) => path.replace(/%(?!2f|5c|25|3b)[0-9a-f]{2}/gi, (code) => unescape(code)),
  (path) => path.replace(/%3b/gi, ';'),
  (path) => path.replace(/;[^/]*/g, ''),
  (path) => path.replace(/%2f/gi, '/'),
  (path) => path.replace(/%5c|\\/gi, '/'),
  (path) => path.replace(/\/+/g, '/'),
  climbed,
]

/** RFC 3986 5.2.4, of an absolute path. */
function climbed(path: string): string {
  const out: string[] = []
  for (const name of path.slice(1).split('/')) {
    if (name === '..') out.pop()
    else if (name !== '.') out.push(name)
  }
  return `/${out.join('/')}`
}

const names = ['fhir', 'public', 'inner', 'a', 'b+c', 'only', 'x', '', '.', '..', '%66hir', 'fhi%72', 'b%2bc', 'b%2Bc']
const twists = ['%2f', '%2F', '%5c', '\\', ';', '%3b', ';v=1', '%2e', '%2e%2E']
const part = fc.constantFrom(...names, ...twists)
const separator = fc.constantFrom('/', '/', '/', '//', '%2f', '%5C', ';', ';/', '')
const spelled = fc
  .array(fc.tuple(separator, part), { minLength: 1, maxLength: 6 })
  .map((parts) => `/${parts.map(([before, name]) => before + name).join('')}`)

test('whatever a lenient server makes of a path, the guard has seen it', () => {
  fc.assert(
    fc.property(
      spelled,
      fc.shuffledSubarray([...lenient], { minLength: 1 }),
      fc.constantFrom('mesh.test', 'mesh.test:9000', 'other.test'),
      (target, steps, host) => {
        if (reached(host, target) !== 'open') return
        let reading = target
        for (const step of steps) reading = step(reading)
        assert.not.equal(reached(host, reading), 'closed', `${host} ${target} reads ${reading}`)
      },
    ),
    { numRuns: 20_000 },
  )
})

test.run()
