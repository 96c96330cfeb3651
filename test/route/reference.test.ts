// The table against a matcher that looks at every route, one after the other, by the words of the rules alone.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { Config, Endpoint, Network } from '../../core/config/model.ts'
import { compileRoutes } from '../../core/route/table.ts'
import { networkWith } from '../support/config.ts'
import { suite } from '../support/suite.ts'
import { config, told } from './fixture.ts'
import type { EndpointSpec, IngressSpec, PipelineSpec } from './fixture.ts'

const test = suite('route/reference')

/** The octets of each segment, `/` and `\` apart. */
function segments(path: string): string[] {
  if (path === '/') return []
  const octets = (text: string): string =>
    text.replace(/%[0-9a-f]{2}/gi, (code) => (/%2f|%5c/i.test(code) ? code.toUpperCase() : unescape(code)))
  return path.slice(1).split('/').map(octets)
}

function isBelow(prefix: string, path: string): boolean {
  const [wanted, given] = [segments(prefix.replace(/(.)\/$/, '$1')), segments(path)]
  return wanted.every((name, index) => given[index] === name)
}

/** What follows as many segments as the prefix has. */
function rest(prefix: string, path: string): string {
  return path
    .slice(1)
    .split('/')
    .slice(segments(prefix.replace(/(.)\/$/, '$1')).length)
    .join('/')
}

/** Of those that match, the longest; of those, the first. */
function best<T extends { prefix: string }>(matching: readonly T[]): T | undefined {
  const depth = (prefix: string): number => segments(prefix.replace(/(.)\/$/, '$1')).length
  const most = Math.max(...matching.map(({ prefix }) => depth(prefix)))
  return matching.find(({ prefix }) => depth(prefix) === most)
}

function expected(from: Config, network: Network, host: string, port: number, path: string, method: string): string {
  const here = [...from.pipelines.values()].filter(({ networks }) => networks.some(({ name }) => name === network.name))
  const urls = here.flatMap((pipeline) =>
    pipeline.ingresses
      .filter(({ enabled }) => enabled)
      .flatMap((ingress) => ingress.urls.map((url) => ({ pipeline, ingress, url, prefix: url.path }))),
  )
  const fits = ({ methods }: Endpoint): boolean => methods === undefined || methods.includes(method)
  const byUrl = best(
    urls.filter(
      ({ url }) => url.host === host && (url.port === undefined || url.port === port) && isBelow(url.path, path),
    ),
  )
  if (byUrl !== undefined) {
    const { pipeline, ingress, prefix } = byUrl
    if (!fits(ingress.endpoint)) return '405'
    return `${pipeline.name}/${ingress.endpoint.name} [${ingress.name}] ${prefix}|${rest(prefix, path)}`
  }
  const own = here.flatMap((pipeline) =>
    pipeline.endpoints.flatMap((endpoint) =>
      endpoint.pathPrefix === undefined || !isBelow(endpoint.pathPrefix, path)
        ? []
        : [{ pipeline, endpoint, prefix: endpoint.pathPrefix }],
    ),
  )
  const longest = best(own)
  if (longest === undefined) return '404'
  const same = own.filter(({ prefix }) => isBelow(prefix, longest.prefix) && isBelow(longest.prefix, prefix))
  const chosen = same.find(({ endpoint }) => fits(endpoint))
  if (chosen === undefined) return '405'
  return `${chosen.pipeline.name}/${chosen.endpoint.name} ${chosen.prefix}|${rest(chosen.prefix, path)}`
}

// --- random configurations ---

const names = ['a', 'b', 'ab', '%61', '~', '%7E', 'x%20y', '%c3%a9']
const prefix = fc.array(fc.constantFrom(...names), { maxLength: 3 }).map((parts) => `/${parts.join('/')}`)
const method = fc.constantFrom('GET', 'POST', 'PUT')
const endpoint: fc.Arbitrary<EndpointSpec> = fc.record({
  pathPrefix: fc.option(
    prefix.chain((text) => fc.constantFrom(text, text === '/' ? text : `${text}/`)),
    { nil: undefined },
  ),
  methods: fc.option(fc.uniqueArray(method, { minLength: 1, maxLength: 2 }), { nil: undefined }),
})
const hosts = ['h.test', 'i.test', '[::1]']
const url = fc
  .tuple(fc.constantFrom('http', 'https'), fc.constantFrom(...hosts), fc.constantFrom('', '', ':80', ':8080'), prefix)
  .map(([scheme, host, port, path]) => `${scheme}://${host}${port}${path}`)
const ingress: fc.Arbitrary<Omit<IngressSpec, 'endpoint'>> = fc.record({
  urls: fc.array(url, { minLength: 1, maxLength: 3 }),
  enabled: fc.constantFrom(true, true, true, false),
})
const pipelines = fc
  .array(
    fc.record({
      networks: fc.constantFrom(['public'], ['public'], ['private'], ['private', 'public']),
      endpoints: fc.array(endpoint, { minLength: 1, maxLength: 4 }),
      ingresses: fc.array(fc.tuple(ingress, fc.nat(3)), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) =>
    Object.fromEntries(
      list.map(({ networks, endpoints, ingresses }, index): [string, PipelineSpec] => [
        `p${index}`,
        {
          networks,
          endpoints: Object.fromEntries(endpoints.map((spec, at) => [`p${index}e${at}`, spec])),
          ingresses: Object.fromEntries(
            ingresses.map(([spec, to], at) => [
              `p${index}i${at}`,
              { ...spec, endpoint: `p${index}e${to % endpoints.length}` },
            ]),
          ),
        },
      ]),
    ),
  )
const path = fc
  .array(fc.constantFrom(...names, ...names, '', 'c', 'a%2fb', 'a%5Cb', '%7e'), { maxLength: 5 })
  .map((parts) => `/${parts.join('/')}`)

test('the table finds what looking at every route finds', () => {
  let matched = 0
  fc.assert(
    fc.property(
      pipelines,
      fc.array(
        fc.tuple(fc.constantFrom(...hosts, 'j.test'), fc.constantFrom(80, 8080, 9000), path, method, fc.boolean()),
        { minLength: 20, maxLength: 20 },
      ),
      (specs, requests) => {
        const from = config(specs)
        const network = networkWith('public')
        const routes = compileRoutes(from, network)
        for (const [host, port, path, method, named] of requests) {
          const found = told(routes, named ? `${host}:${port}` : host, path, method, named ? 1 : port)
          const wanted = expected(from, network, host, port, path, method)
          assert.is(found.replace(/^405 .*/, '405'), wanted, `${method} ${host} ${port} ${path}`)
          if (!wanted.startsWith('40')) matched += 1
        }
      },
    ),
    { numRuns: 1500 },
  )
  assert.ok(matched > 3000, `only ${matched} requests had a route`)
})

test.run()
