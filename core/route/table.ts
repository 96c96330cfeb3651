// Where a request goes: the ingress URLs of a network's pipelines first, then the prefixes of their endpoints
// (spec 4.1 to 4.3). Compiled once per network and generation; nothing here changes after that.
import type { Config, Endpoint, Ingress, Network, Pipeline } from '../config/model.ts'
import { compileGuards } from './guard.ts'
import type { Guard, Guards } from './guard.ts'
import { answered, methodsOf, serves } from './method.ts'
import { readings } from './path.ts'
import type { Target } from './path.ts'
import { after, guards, longest, place, tree } from './tree.ts'
import type { Found, Tree } from './tree.ts'
import { parsePrefix } from './url.ts'

export type Route = {
  readonly pipeline: Pipeline
  readonly endpoint: Endpoint
  /** None: reached by the endpoint's own prefix. */
  readonly ingress: Ingress | undefined
  /** Set when an endpoint reached by its own prefix asks for a mesh's token (decision 3). */
  readonly guard: Guard | undefined
  /** The ingress URL's path or the endpoint's prefix. */
  readonly prefix: string
}

export type Outcome =
  | {
      readonly kind: 'route'
      readonly route: Route
      /** What follows the prefix and its slash, byte for byte. */
      readonly rest: string
    }
  /** The path is there, the method is not: 405 with `allow`, once the request may know that the path is there. */
  | { readonly kind: 'method'; readonly route: Route; readonly rest: string; readonly allow: string }
  | { readonly kind: 'none' }
  /** Read otherwise, the path would lead behind a mesh's guard: 400. */
  | { readonly kind: 'ambiguous' }

export type Routes = {
  /**
   * @param host as `hostOf` gives it
   * @param port the one that the request names, else the listener's
   */
  find(host: string, port: number, target: Target, method: string): Outcome
}

/** Compiles what is reached through a network. Prefixes must have been checked: a bad one is an `Error`. */
export function compileRoutes(config: Config, network: Network): Routes {
  const hosts = new Map<string, Table<Ports>>()
  const endpoints = table<Methods>()
  const known = compileGuards(config)
  for (const pipeline of config.pipelines.values()) {
    if (!pipeline.networks.some(({ name }) => name === network.name)) continue
    for (const ingress of pipeline.ingresses) addIngress(hosts, pipeline, ingress)
    for (const endpoint of pipeline.endpoints) addEndpoint(endpoints, known, pipeline, endpoint)
  }
  return {
    find(host, port, target, method) {
      // RFC 9110 9.3.7: the server as a whole has no path
      if (target.path === '*') return { kind: 'none' }
      const ingresses = hosts.get(host)
      if (ingresses !== undefined) {
        if (isDoubtful(ingresses, target)) return { kind: 'ambiguous' }
        const found = longest(ingresses.root, target.key, byPort, port)
        if (found !== undefined) return decide(target, found, found.value.methods, method)
      }
      if (isDoubtful(endpoints, target)) return { kind: 'ambiguous' }
      const found = longest(endpoints.root, target.key, itself, port)
      return found === undefined ? { kind: 'none' } : decide(target, found, found.value, method)
    },
  }
}

// --- compiled ---

type Table<T> = { readonly root: Tree<T>; guarded: boolean }

/** What stands at a prefix, by method; the first definition of a method has it. */
type Methods = {
  readonly first: Route
  readonly byMethod: Map<string, Route>
  /** For every other method. */
  other: Route | undefined
}

/** An ingress URL; of those that fit, the one defined first wins. */
type Candidate = { readonly order: number; readonly methods: Methods }

/** What stands at a host and path, by port. */
type Ports = { any: Candidate | undefined; readonly byPort: Map<number, Candidate>; count: number }

function table<T>(): Table<T> {
  return { root: tree<T>(), guarded: false }
}

function addIngress(hosts: Map<string, Table<Ports>>, pipeline: Pipeline, ingress: Ingress): void {
  if (!ingress.enabled) return
  for (const url of ingress.urls) {
    const of = hosts.get(url.host) ?? table<Ports>()
    hosts.set(url.host, of)
    const node = place(of.root, prefixOf(`ingress ${ingress.name}`, url.path))
    const ports = (node.value ??= { any: undefined, byPort: new Map(), count: 0 })
    const route = { pipeline, endpoint: ingress.endpoint, ingress, guard: undefined, prefix: url.path }
    const candidate = { order: ports.count++, methods: claim(undefined, route) }
    if (url.port === undefined) ports.any ??= candidate
    else if (!ports.byPort.has(url.port)) ports.byPort.set(url.port, candidate)
    if (ingress.mode === 'mesh') node.guarded = of.guarded = true
  }
}

function addEndpoint(endpoints: Table<Methods>, known: Guards, pipeline: Pipeline, endpoint: Endpoint): void {
  const { pathPrefix: prefix } = endpoint
  if (prefix === undefined) return
  const node = place(endpoints.root, prefixOf(`endpoint ${endpoint.name}`, prefix))
  const guard = known.of(endpoint)
  node.value = claim(node.value, { pipeline, endpoint, ingress: undefined, guard, prefix })
  if (guard !== undefined) node.guarded = endpoints.guarded = true
}

/** Gives a route the methods that nobody has claimed before it. */
function claim(methods: Methods | undefined, route: Route): Methods {
  const claimed = methods ?? { first: route, byMethod: new Map<string, Route>(), other: undefined }
  if (claimed.other !== undefined) return claimed
  const names = methodsOf(route.endpoint)
  if (names === undefined) claimed.other = route
  else for (const name of names) if (!claimed.byMethod.has(name)) claimed.byMethod.set(name, route)
  return claimed
}

function prefixOf(whose: string, text: string): string {
  const prefix = parsePrefix(text)
  if (typeof prefix === 'string') return prefix
  throw new Error(`the path of ${whose} ${prefix.problem}`)
}

// --- looked up ---

const itself = (methods: Methods): Methods => methods

function byPort(ports: Ports, port: number): Candidate | undefined {
  const { any } = ports
  const exact = ports.byPort.get(port)
  return exact === undefined || (any !== undefined && any.order < exact.order) ? any : exact
}

/**
 * Whether a server that reads the path more leniently than we do would see it below a guarded prefix that we do not
 * see: `//fhir`, `/fhir;a`, `/x%2f..`. Sent on, such a path could reach through an open route what a mesh guards.
 */
function isDoubtful(table: Table<unknown>, target: Target): boolean {
  if (target.plain || !table.guarded) return false
  const seen = guards(table.root, target.key)
  return readings(target).some((reading) => guards(table.root, reading) > seen)
}

function decide(target: Target, found: Found<unknown>, methods: Methods, method: string): Outcome {
  const { byMethod } = methods
  // HEAD goes with GET, unless an endpoint of this path has it for itself
  const route = byMethod.get(method) ?? (method === 'HEAD' ? byMethod.get('GET') : undefined) ?? methods.other
  const rest = after(target, found)
  if (!serves((route ?? methods.first).endpoint, target.key.substring(found.end + 1))) return { kind: 'none' }
  if (route !== undefined) return { kind: 'route', route, rest }
  return { kind: 'method', route: methods.first, rest, allow: answered(byMethod.keys()).join(', ') }
}
