// Every route that a request might have taken, with the reason why it did not: for whoever asks why. Which route it
// takes is for table.ts to say; here the others are compared with that one.
import type { Config, Endpoint, Ingress, Network, Pipeline, UrlPattern } from '../config/model.ts'
import type { Place } from '../finding/finding.ts'
import { methodsOf, serves } from './method.ts'
import { covers, readings } from './path.ts'
import type { Target } from './path.ts'
import type { Outcome, Route } from './table.ts'
import { parsePrefix } from './url.ts'

/** A request, as routes are found by it, and what the routes of its network say. */
export type Wanted = {
  readonly network: Network
  readonly host: string
  readonly port: number
  readonly target: Target
  readonly method: string
  readonly found: Outcome
}

export type Rejected = {
  readonly kind: 'ingress' | 'endpoint'
  readonly name: string
  /** A URL, or a path; none: the endpoint has no path of its own. */
  readonly matches: string | undefined
  readonly pipeline: string
  readonly place: Place
  readonly why: string
}

export type Candidates = {
  /** The URL of the ingress that has the request. */
  readonly url: UrlPattern | undefined
  /** Those most like the request first. */
  readonly rejected: readonly Rejected[]
  /** How many more there are. */
  readonly more: number
}

/** Compares a request with every route; tells at most `max` of those that it does not take. */
export function candidates(config: Config, wanted: Wanted, max: number): Candidates {
  const chosen = 'route' in wanted.found ? wanted.found.route : undefined
  let url: UrlPattern | undefined
  const all: Ranked[] = []
  for (const pipeline of config.pipelines.values()) {
    for (const ingress of pipeline.ingresses)
      for (const own of ingress.urls) {
        const { name, place } = ingress
        const reason = ingressReason(pipeline, ingress, own, wanted, chosen)
        // of two URLs of an ingress that fit alike, one is enough
        if (reason !== undefined || url !== undefined) {
          const { why, likeness } = reason ?? { why: beaten(own.path, chosen), likeness: like.all }
          all.push({ kind: 'ingress', name, matches: own.text, pipeline: pipeline.name, place, why, likeness })
        } else url = own
      }
    for (const endpoint of pipeline.endpoints) {
      const { name, place, pathPrefix: matches } = endpoint
      const reason = endpointReason(pipeline, endpoint, wanted, chosen)
      if (reason !== undefined) all.push({ kind: 'endpoint', name, matches, pipeline: pipeline.name, place, ...reason })
    }
  }
  const rejected = all.toSorted((one, other) => other.likeness - one.likeness).slice(0, max)
  return { url, rejected, more: all.length - rejected.length }
}

type Reason = { readonly why: string; readonly likeness: number }
type Ranked = Rejected & Reason

/** How much is like the request: a host says more than a path, and a path more than a port. */
const like = { all: 16, host: 4, path: 2, port: 1 } as const

/** None: it has the request. */
function ingressReason(
  pipeline: Pipeline,
  ingress: Ingress,
  url: UrlPattern,
  wanted: Wanted,
  chosen: Route | undefined,
): Reason | undefined {
  const { host, port, target, network } = wanted
  const prefix = prefixOf(url.path)
  const sameHost = url.host === host
  const samePort = url.port === undefined || url.port === port
  const below = covers(prefix, target.key)
  const doubtful = wanted.found.kind === 'ambiguous' && sameHost && !below && isRead(prefix, target)
  const fits = (sameHost && samePort && below) || doubtful
  const likeness =
    (fits ? like.all : 0) + (sameHost ? like.host : 0) + (below ? like.path : 0) + (samePort ? like.port : 0)
  const because = (why: string): Reason => ({ why, likeness })
  if (!ingress.enabled) return because('it is disabled')
  if (!isOn(pipeline, network)) return because(notOn(pipeline, network))
  if (!sameHost) return because(`another host: ${url.host}, not ${host === '' ? 'none' : host}`)
  if (!samePort) return because(`another port: ${url.port}, not ${port}`)
  if (doubtful) return because('read otherwise, the path is below it')
  if (!below) return because('the path is not below it')
  if (chosen === undefined) return because(unserved(ingress.endpoint, prefix, wanted))
  if (chosen.ingress === ingress && prefixOf(chosen.prefix) === prefix) return undefined
  return because(beaten(prefix, chosen))
}

/** None: it has the request. */
function endpointReason(
  pipeline: Pipeline,
  endpoint: Endpoint,
  wanted: Wanted,
  chosen: Route | undefined,
): Reason | undefined {
  const { target, network, method } = wanted
  if (endpoint.pathPrefix === undefined) return { why: 'it has no path of its own', likeness: 0 }
  const prefix = prefixOf(endpoint.pathPrefix)
  const below = covers(prefix, target.key)
  const doubtful = wanted.found.kind === 'ambiguous' && !below && isRead(prefix, target)
  const because = (why: string): Reason => ({ why, likeness: below || doubtful ? like.all : like.port })
  if (!isOn(pipeline, network)) return because(notOn(pipeline, network))
  if (doubtful) return because('read otherwise, the path is below it')
  if (!below) return because('the path is not below it')
  if (chosen === undefined) return because(unserved(endpoint, prefix, wanted))
  if (chosen.ingress !== undefined) return because('an ingress has the URL, and ingresses come first')
  // the same table in two pipelines is two routes
  if (chosen.endpoint === endpoint && chosen.pipeline === pipeline) return undefined
  const methods = methodsOf(endpoint)
  const longest = prefix.length >= prefixOf(chosen.prefix).length
  if (longest && methods !== undefined && !methods.includes(method)) {
    return because(`it takes ${methods.join(', ')} only`)
  }
  return because(beaten(prefix, chosen))
}

/** Why a route that fits is not taken. */
function beaten(prefix: string, chosen: Route | undefined): string {
  const longer = chosen !== undefined && prefix.length < prefixOf(chosen.prefix).length
  return longer ? `a longer path fits: ${chosen.prefix}` : 'another with the same path comes first'
}

/** Why a route that fits is not taken, where none is. */
function unserved(endpoint: Endpoint, prefix: string, { target, found }: Wanted): string {
  if (found.kind === 'ambiguous') return 'read otherwise, the path leads behind a mesh'
  const rest = target.key.slice(prefix === '/' ? 1 : prefix.length + 1)
  if (!serves(endpoint, rest)) return `its service, ${endpoint.service}, has no such resource`
  return 'an ingress, or a longer path, fits better'
}

/** Whether some server may see the path below the prefix. */
function isRead(prefix: string, target: Target): boolean {
  return readings(target).some((reading) => covers(prefix, reading))
}

function isOn({ networks }: Pipeline, network: Network): boolean {
  return networks.some(({ name }) => name === network.name)
}

function notOn({ name, networks }: Pipeline, network: Network): string {
  const others = networks.slice(0, 5).map((other) => other.name)
  const where = others.length === 0 ? 'none' : others.join(', ')
  return `another network: pipeline ${name} is on ${where}, not on ${network.name}`
}

/** Checked when the routes were compiled. */
function prefixOf(text: string): string {
  const prefix = parsePrefix(text)
  return typeof prefix === 'string' ? prefix : text
}
