// The ingresses and egresses of all pipelines, by name: names mean one thing for the whole gateway (spec 7.1, G18).
import { parseUrlPattern } from '../../route/url.ts'
import { spot } from '../../finding/locate.ts'
import type { Place } from '../../finding/finding.ts'
import { show } from '../mask.ts'
import type { Backend, Egress, Endpoint, Ingress, RemoteIngress, UrlPattern } from '../model.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import type { Scope } from './scope.ts'

type Pipeline = Entry<Tables['pipelines']>

/** One that is there; `built` is not, when it has findings of its own. */
export type Door<T> = { readonly name: string; readonly place: Place; readonly built: T | undefined }

export type Doors = {
  readonly ingresses: ReadonlyMap<string, Door<Ingress>>
  readonly egresses: ReadonlyMap<string, Door<Egress>>
  /** Those of a pipeline, in the order of their definition. */
  ingressesOf(pipeline: Pipeline): readonly Ingress[]
  egressesOf(pipeline: Pipeline): readonly Egress[]
}

/** Who names a part, and where; without it, a name that is not defined is left to another finding. */
export type Naming = { readonly who: string; readonly place: Place } | undefined

export type Parts = {
  endpoint(name: string, pipeline: Pipeline, naming: Naming): Endpoint | undefined
  backend(name: string, pipeline: Pipeline, naming: Naming): Backend | undefined
}

export function buildDoors(scope: Scope, parts: Parts): Doors {
  const ingresses = new Map<string, Door<Ingress>>()
  const egresses = new Map<string, Door<Egress>>()
  const own = new Map<Pipeline, { readonly ingresses: Ingress[]; readonly egresses: Egress[] }>()
  for (const pipeline of scope.raw.all('pipelines')) {
    const mine = { ingresses: new Array<Ingress>(), egresses: new Array<Egress>() }
    own.set(pipeline, mine)
    for (const name of Object.keys(pipeline.value.mesh.ingress)) {
      const built = buildIngress(scope, parts, pipeline, name)
      if (built !== undefined) mine.ingresses.push(built)
      enter(scope, 'ingress', ingresses, { name, place: pipeline.at('mesh', 'ingress', name), built })
    }
    for (const name of Object.keys(pipeline.value.mesh.egress)) {
      const built = buildEgress(scope, parts, pipeline, name)
      if (built !== undefined) mine.egresses.push(built)
      enter(scope, 'egress', egresses, { name, place: pipeline.at('mesh', 'egress', name), built })
    }
  }
  return {
    ingresses,
    egresses,
    ingressesOf: (pipeline) => own.get(pipeline)?.ingresses ?? [],
    egressesOf: (pipeline) => own.get(pipeline)?.egresses ?? [],
  }
}

export function buildRemotes(scope: Scope): ReadonlyMap<string, RemoteIngress> {
  const remotes = new Map<string, RemoteIngress>()
  for (const entry of scope.raw.all('remote_ingress')) {
    const { name, value, place } = entry
    const urls = buildUrls(scope, `remote_ingress "${name}"`, value.urls, (index) => entry.at('urls', index))
    if (!remotes.has(name)) remotes.set(name, { name, urls, place })
  }
  return remotes
}

function enter<T>(scope: Scope, kind: 'ingress' | 'egress', doors: Map<string, Door<T>>, door: Door<T>): void {
  const { name, place } = door
  const first = doors.get(name)
  if (first === undefined) doors.set(name, door)
  else
    scope.report({
      code: 'name/duplicate',
      message: `${kind} "${name}" is defined twice: names of ${kind}es are shared by all pipelines`,
      place,
      mark: 'key',
      help: `rename one of them (the other is defined at ${spot(first.place, scope.sources)})`,
    })
}

function buildIngress(scope: Scope, parts: Parts, pipeline: Pipeline, name: string): Ingress | undefined {
  const value = pipeline.value.mesh.ingress[name]
  if (value === undefined) return undefined
  const at = (...path: (string | number)[]): Place => pipeline.at('mesh', 'ingress', name, ...path)
  const urls = buildUrls(scope, `ingress "${name}"`, value.urls, (index) => at('urls', index))
  const { type, mode, enforce, enabled, description } = value
  const endpoint = value.endpoint ?? pipeline.value.endpoints[0]
  if (endpoint === undefined) return undefined
  const naming = value.endpoint === undefined ? undefined : { who: `ingress "${name}" names`, place: at('endpoint') }
  const built = parts.endpoint(endpoint, pipeline, naming)
  if (built === undefined || urls.length === 0) {
    scope.doubts.ingresses = true
    return undefined
  }
  return {
    name,
    pipeline: pipeline.name,
    type,
    urls,
    endpoint: built,
    mode,
    enforce,
    enabled,
    description,
    place: at(),
  }
}

function buildEgress(scope: Scope, parts: Parts, pipeline: Pipeline, name: string): Egress | undefined {
  const value = pipeline.value.mesh.egress[name]
  if (value === undefined) return undefined
  const at = (...path: (string | number)[]): Place => pipeline.at('mesh', 'egress', name, ...path)
  const { type, mode, enabled, description } = value
  const backend = value.backend ?? pipeline.value.backends[0]
  if (backend === undefined) {
    scope.report({
      code: 'egress/no-backend',
      message: `egress "${name}" names no backend, and pipeline "${pipeline.name}" has none`,
      place: at(),
      mark: 'key',
    })
    return undefined
  }
  const naming = value.backend === undefined ? undefined : { who: `egress "${name}" names`, place: at('backend') }
  const built = parts.backend(backend, pipeline, naming)
  return built && { name, pipeline: pipeline.name, type, backend: built, mode, enabled, description, place: at() }
}

function buildUrls(
  scope: Scope,
  who: string,
  texts: readonly string[],
  at: (index: number) => Place,
): readonly UrlPattern[] {
  const urls: UrlPattern[] = []
  for (const [index, text] of texts.entries()) {
    const url = parseUrlPattern(text)
    if (!('problem' in url)) urls.push(url)
    else
      scope.report({ code: 'url/malformed', message: `${who} has URL ${show(text)}: ${url.problem}`, place: at(index) })
  }
  return urls
}
