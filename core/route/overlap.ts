// Routes and ingress URLs that stand in each other's way, for `check` (spec 4.2, 4.3).
import type { Config, Endpoint, Ingress, Pipeline, UrlPattern } from '../config/model.ts'
import { identity } from './guard.ts'
import { methodsOf } from './method.ts'
import { parsePrefix } from './url.ts'

/** Of two definitions on one network the first has the requests, the second does not get them. */
export type IngressOverlap = {
  readonly network: string
  readonly first: Ingress
  readonly firstUrl: UrlPattern
  readonly second: Ingress
  readonly secondUrl: UrlPattern
}

export type RouteOverlap = {
  readonly network: string
  readonly prefix: string
  readonly first: { readonly pipeline: Pipeline; readonly endpoint: Endpoint }
  readonly second: { readonly pipeline: Pipeline; readonly endpoint: Endpoint }
  /** What the second does not get; none: it gets nothing. */
  readonly methods: readonly string[] | undefined
}

/**
 * URLs of two enabled ingresses of which one is never reached: host and path are the same, and the port is too, or the
 * first is for any port. Schemes do not count, as they do not for requests. Once per pair of ingresses.
 */
export function overlappingIngresses(config: Config): IngressOverlap[] {
  type Owner = { readonly ingress: Ingress; readonly url: UrlPattern }
  const owners = new Map<string, Owner>()
  const pairs = new Pairs<IngressOverlap>()
  for (const { network, pipeline } of placed(config)) {
    for (const ingress of pipeline.ingresses) {
      if (!ingress.enabled) continue
      for (const url of ingress.urls) {
        const anywhere = JSON.stringify([network, url.host, url.path])
        const here = JSON.stringify([network, url.host, url.path, url.port])
        const owner = owners.get(here) ?? owners.get(anywhere)
        if (owner === undefined) owners.set(url.port === undefined ? anywhere : here, { ingress, url })
        else if (owner.ingress !== ingress)
          pairs.add(identity(owner.ingress) + identity(ingress), {
            network,
            first: owner.ingress,
            firstUrl: owner.url,
            second: ingress,
            secondUrl: url,
          })
      }
    }
  }
  return pairs.found
}

/** Endpoints with the same prefix and a method in common, in the pipelines of one network. Once per pair of routes. */
export function overlappingRoutes(config: Config): RouteOverlap[] {
  type Owner = RouteOverlap['first']
  const owners = new Map<string, { readonly byMethod: Map<string, Owner>; other: Owner | undefined }>()
  const pairs = new Pairs<RouteOverlap>()
  for (const { network, pipeline } of placed(config)) {
    for (const endpoint of pipeline.endpoints) {
      const prefix = endpoint.pathPrefix === undefined ? undefined : parsePrefix(endpoint.pathPrefix)
      if (typeof prefix !== 'string') continue
      const key = JSON.stringify([network, prefix])
      const own = { pipeline, endpoint }
      const owned = owners.get(key) ?? { byMethod: new Map<string, Owner>(), other: undefined }
      owners.set(key, owned)
      const methods = methodsOf(endpoint)
      const lost = new Map<Owner, string[]>()
      if (methods === undefined && owned.other !== undefined) lost.set(owned.other, [])
      else
        for (const name of methods ?? owned.byMethod.keys()) {
          const owner = owned.byMethod.get(name) ?? owned.other
          if (owner === undefined) owned.byMethod.set(name, own)
          else lost.set(owner, [...(lost.get(owner) ?? []), name])
        }
      for (const [first, names] of lost) {
        if (first.pipeline === pipeline && identity(first.endpoint) === identity(endpoint)) continue
        const all = names.length === (methods?.length ?? 0)
        const id = JSON.stringify([first.pipeline.name, identity(first.endpoint), pipeline.name, identity(endpoint)])
        pairs.add(id, { network, prefix, first, second: own, methods: all ? undefined : names })
      }
      if (methods === undefined) owned.other ??= own
    }
  }
  return pairs.found
}

/** Every pipeline on each of its networks, in the order of definition. */
function* placed(config: Config): Generator<{ readonly network: string; readonly pipeline: Pipeline }> {
  for (const pipeline of config.pipelines.values())
    for (const network of pipeline.networks) yield { network: network.name, pipeline }
}

class Pairs<T> {
  readonly found: T[] = []
  readonly #seen = new Set<string>()

  add(id: string, pair: T): void {
    if (this.#seen.has(id)) return
    this.#seen.add(id)
    this.found.push(pair)
  }
}
