import * as assert from 'uvu/assert'
import { overlappingIngresses, overlappingRoutes } from '../../core/route/overlap.ts'
import { suite } from '../support/suite.ts'
import { config } from './fixture.ts'
import type { IngressSpec, PipelineSpec } from './fixture.ts'

const test = suite('route/overlap')

function ingresses(...list: readonly (Partial<IngressSpec> & { networks?: string[] })[]): string[] {
  const pipelines = list.map(({ networks = ['public'], ...spec }, index): [string, PipelineSpec] => [
    `p${index}`,
    { networks, endpoints: { e: {} }, ingresses: { [`i${index}`]: { endpoint: 'e', urls: [], ...spec } } },
  ])
  return overlappingIngresses(config(Object.fromEntries(pipelines))).map(
    ({ first, firstUrl, second, secondUrl, network }) =>
      `${network}: ${second.name} ${secondUrl.text} after ${first.name} ${firstUrl.text}`,
  )
}

test('the same URL in two ingresses is told, however it is written', () => {
  assert.equal(ingresses({ urls: ['https://a.test/x'] }, { urls: ['http://A.test./%78/'] }), [
    'public: i1 http://A.test./%78/ after i0 https://a.test/x',
  ])
  assert.equal(ingresses({ urls: ['https://a.test:1/'] }, { urls: ['https://a.test:1'] }), [
    'public: i1 https://a.test:1 after i0 https://a.test:1/',
  ])
})

test('a URL for any port hides a later one for a port, not an earlier one', () => {
  assert.equal(ingresses({ urls: ['https://a.test'] }, { urls: ['https://a.test:1'] }).length, 1)
  assert.equal(ingresses({ urls: ['https://a.test:1'] }, { urls: ['https://a.test'] }), [])
  assert.equal(ingresses({ urls: ['https://a.test:1'] }, { urls: ['https://a.test'] }, { urls: ['http://a.test:1'] }), [
    'public: i2 http://a.test:1 after i0 https://a.test:1',
  ])
})

test('what differs, is nested, disabled, or on other networks does not overlap', () => {
  assert.equal(ingresses({ urls: ['https://a.test/x'] }, { urls: ['https://a.test/x/y', 'https://b.test/x'] }), [])
  assert.equal(ingresses({ urls: ['https://a.test:1'] }, { urls: ['https://a.test:2'] }), [])
  assert.equal(ingresses({ urls: ['https://a.test'] }, { urls: ['https://a.test'], enabled: false }), [])
  assert.equal(ingresses({ urls: ['https://a.test'] }, { urls: ['https://a.test'], networks: ['private'] }), [])
  assert.equal(ingresses({ urls: ['https://a.test', 'http://a.test'] }), [])
})

test('two ingresses are told once, whatever they share', () => {
  const both = { urls: ['https://a.test', 'https://b.test'], networks: ['public', 'private'] }
  assert.equal(ingresses(both, both), ['public: i1 https://a.test after i0 https://a.test'])
})

function routes(pipelines: Readonly<Record<string, PipelineSpec>>): string[] {
  return overlappingRoutes(config(pipelines)).map(
    ({ network, prefix, first, second, methods }) =>
      `${network} ${prefix}: ${second.pipeline.name}/${second.endpoint.name} after ` +
      `${first.pipeline.name}/${first.endpoint.name} ${methods?.join() ?? 'all'}`,
  )
}

test('the same prefix in two pipelines of a network is told, however it is written', () => {
  const x = { endpoints: { one: { pathPrefix: '/x' } } }
  const y = { endpoints: { two: { pathPrefix: '/%78/' } } }
  assert.equal(routes({ a: x, b: y }), ['public /x: b/two after a/one all'])
  assert.equal(routes({ a: x, b: { networks: ['private'], ...y } }), [])
  assert.equal(routes({ a: x, b: { endpoints: { two: { pathPrefix: '/x/y' }, three: {} } } }), [])
})

test('the same prefix twice in a pipeline is told, and one endpoint in two pipelines', () => {
  assert.equal(routes({ a: { endpoints: { one: { pathPrefix: '/' }, two: { pathPrefix: '/' } } } }), [
    'public /: a/two after a/one all',
  ])
  const shared = { endpoints: { e: { pathPrefix: '/e' } } }
  assert.equal(routes({ a: shared, b: shared }), ['public /e: b/e after a/e all'])
})

test('endpoints share a prefix when they share no method; what they share is named', () => {
  const at = (methods?: readonly string[]) => ({ pathPrefix: '/x', methods })
  assert.equal(routes({ a: { endpoints: { one: at(['GET']), two: at(['POST', 'PUT']) } } }), [])
  assert.equal(routes({ a: { endpoints: { one: at(['GET']), two: at(['GET', 'PUT']), three: at(['PUT']) } } }), [
    'public /x: a/two after a/one GET',
    'public /x: a/three after a/two all',
  ])
  assert.equal(routes({ a: { endpoints: { one: at(['GET']), two: at() } } }), ['public /x: a/two after a/one GET'])
  assert.equal(routes({ a: { endpoints: { one: at(), two: at(['GET']) } } }), ['public /x: a/two after a/one all'])
  assert.equal(routes({ a: { endpoints: { d: { ...at(), service: 'dicomweb' }, post: at(['POST']) } } }), [])
})

test('a thousand ingresses and ten thousand routes take no longer for being many', () => {
  const big = config(
    Object.fromEntries(
      Array.from({ length: 100 }, (_, p): [string, PipelineSpec] => [
        `p${p}`,
        {
          endpoints: Object.fromEntries(
            Array.from({ length: 100 }, (_, e) => [`p${p}e${e}`, { pathPrefix: `/p${p % 50}/e${e}` }]),
          ),
          ingresses: Object.fromEntries(
            Array.from({ length: 10 }, (_, i) => [
              `p${p}i${i}`,
              { endpoint: `p${p}e0`, urls: [`https://h${p % 50}.test/i${i}`] },
            ]),
          ),
        },
      ]),
    ),
  )
  let took = Infinity
  for (let run = 0; run < 3; run++) {
    const started = performance.now()
    assert.is(overlappingIngresses(big).length, 500)
    assert.is(overlappingRoutes(big).length, 5000)
    took = Math.min(took, performance.now() - started)
  }
  assert.ok(took < 2_000, `${took} ms`)
})

test('what all have in common is told in proportion to what there is', () => {
  const same = config(
    Object.fromEntries(
      Array.from({ length: 5000 }, (_, p): [string, PipelineSpec] => [
        `p${p}`,
        {
          endpoints: { [`e${p}`]: { pathPrefix: '/', methods: ['GET', 'POST'] } },
          ingresses: { [`i${p}`]: { endpoint: `e${p}`, urls: ['https://a.test'] } },
        },
      ]),
    ),
  )
  assert.is(overlappingIngresses(same).length, 4999)
  assert.is(overlappingRoutes(same).length, 4999)
})

test.run()
