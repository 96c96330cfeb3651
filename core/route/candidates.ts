// Every route that a request might have taken, with the reason why it did not: for whoever asks why. The route that
// it takes is table.ts's to say; here it is compared with that one.
import type { Config, Endpoint, Ingress, Network, Pipeline } from '../config/model.ts'
import type { Place } from '../finding/finding.ts'
import { methodsOf } from './method.ts'
import { covers } from './path.ts'
import type { Target } from './path.ts'
import type { Outcome, Route } from './table.ts'
import { parsePrefix } from './url.ts'

/** A request, as routes are found by it. */
export type Wanted = {
  readonly network: Network
  readonly host: string
  readonly port: number
  readonly target: Target
  readonly method: string
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
  /** Those most like the request first. */
  readonly rejected: readonly Rejected[]
  /** How many more there are. */
  readonly more: number
}

/** At most `max` rejected routes. `found` is what the routes of the network say of the request. */
export function candidates(config: Config, wanted: Wanted, found: Outcome, max: number): Candidates {
  const chosen = 'route' in found ? found.route : undefined
  const all: Ranked[] = []
  for (const pipeline of config.pipelines.values()) {
    for (const ingress of pipeline.ingresses) all.push(...ofIngress(pipeline, ingress, wanted, found, chosen))
    for (const endpoint of pipeline.endpoints) all.push(...ofEndpoint(pipeline, endpoint, wanted, found, chosen))
  }
  const rejected = all.toSorted((one, other) => other.likeness - one.likeness).slice(0, max)
  return { rejected, more: all.length - rejected.length }
}

type Ranked = Rejected & { readonly likeness: number }

function ofIngress(
  pipeline: Pipeline,
  ingress: Ingress,
  wanted: Wanted,
  found: Outcome,
  chosen: Route | undefined,
): Ranked[] {
  const { host, port, target } = wanted
  let taken = false
  return ingress.urls.flatMap((url) => {
    const prefix = prefixOf(url.path)
    const sameHost = url.host === host
    const samePort = url.port === undefined || url.port === port
    const below = covers(prefix, target.key)
    const fits = sameHost && samePort && below
    const here = servedOn(pipeline, wanted.network)
    if (fits && here && !taken && chosen?.ingress === ingress && chosen.prefix === url.path) {
      taken = true
      return []
    }
    const why = !ingress.enabled
      ? 'it is disabled'
      : !here
        ? notOn(pipeline, wanted.network)
        : !sameHost
          ? `another host: ${url.host}, not ${host === '' ? 'none' : host}`
          : !samePort
            ? `another port: ${url.port}, not ${port}`
            : !below
              ? 'the path is not below it'
              : beaten(prefix, found, chosen)
    const likeness = (fits ? 16 : 0) + (sameHost ? 4 : 0) + (below ? 2 : 0) + Number(samePort)
    const { name, place } = ingress
    return [{ kind: 'ingress', name, matches: url.text, pipeline: pipeline.name, place, why, likeness }]
  })
}

function ofEndpoint(
  pipeline: Pipeline,
  endpoint: Endpoint,
  wanted: Wanted,
  found: Outcome,
  chosen: Route | undefined,
): Ranked[] {
  const { name, place, pathPrefix } = endpoint
  const rejected = (why: string, likeness: number): Ranked[] => {
    return [{ kind: 'endpoint', name, matches: pathPrefix, pipeline: pipeline.name, place, why, likeness }]
  }
  if (pathPrefix === undefined) return rejected('it has no path of its own', 0)
  const prefix = prefixOf(pathPrefix)
  const below = covers(prefix, wanted.target.key)
  if (!servedOn(pipeline, wanted.network)) return rejected(notOn(pipeline, wanted.network), below ? 16 : 0)
  if (!below) return rejected('the path is not below it', 3)
  if (chosen === undefined) return rejected(beaten(prefix, found, chosen), 16)
  if (chosen.ingress !== undefined) return rejected('an ingress has the URL, and ingresses come first', 16)
  // the same table in two pipelines is two routes
  if (chosen.endpoint === endpoint && chosen.pipeline === pipeline) return []
  const methods = methodsOf(endpoint)
  const shorter = prefix.length < prefixOf(chosen.prefix).length
  if (!shorter && methods !== undefined && !methods.includes(wanted.method)) {
    return rejected(`it takes ${methods.join(', ')} only`, 16)
  }
  return rejected(beaten(prefix, found, chosen), 16)
}

/** Why a route that fits is not taken. */
function beaten(prefix: string, found: Outcome, chosen: Route | undefined): string {
  if (found.kind === 'ambiguous') return 'read otherwise, the path leads behind a mesh'
  if (chosen === undefined) return 'nothing is at this path below it'
  const length = prefixOf(chosen.prefix).length
  if (prefix.length < length) return `a longer path fits: ${chosen.prefix}`
  return 'another with the same path comes first'
}

function servedOn({ networks }: Pipeline, network: Network): boolean {
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
