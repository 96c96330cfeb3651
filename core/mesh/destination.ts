// The destinations that meshes list, and how what leaves is matched against them (spec 7.4 step 4): scheme, host and
// port equal, the path a prefix on a segment boundary. Stricter than on the way in, because the gateway builds this
// URL itself.
import type { Config, Mesh, UpstreamSpec, UrlPattern } from '../config/model.ts'
import type { Reference } from '../reference/reference.ts'
import { readings, splitTarget } from '../route/path.ts'
import { defaultPort } from '../route/url.ts'

/** Where requests of a backend go: what does not change from request to request. */
export type Site = Pick<UpstreamSpec, 'scheme' | 'host' | 'port'>

/** What a mesh says of destinations. */
export type Destinations = {
  /** The listed paths at a site: of remote members and of own enabled ingresses. */
  pathsAt(site: Site): string[]
  /** What they list of others. */
  readonly remote: readonly UrlPattern[]
  /** The mesh lists remote destinations, and only those are permitted (decision 14). */
  readonly restricts: boolean
  /** Some of them are references that nobody has resolved. */
  readonly unresolved: boolean
}

export type Lists = (mesh: Mesh) => Destinations

/** What the meshes of a configuration list; each is read once. */
export function listsOf(config: Config): Lists {
  const known = new Map<string, Destinations>()
  return (mesh) => {
    const found = known.get(mesh.name) ?? read(config, mesh)
    known.set(mesh.name, found)
    return found
  }
}

export type Found<T> = { readonly value: T; readonly length: number }

/** Values by path; a few comparisons per question, however many paths there are. */
export class Prefixes<T> {
  readonly #values: ReadonlyMap<string, T>
  /** Of the paths, longest first; each once. */
  readonly #lengths: readonly number[]

  /** Of two values for one path the first counts. */
  constructor(entries: Iterable<readonly [path: string, value: T]>) {
    const values = new Map<string, T>()
    for (const [path, value] of entries) {
      const prefix = path === '/' ? '' : path
      if (!values.has(prefix)) values.set(prefix, value)
    }
    this.#values = values
    this.#lengths = [...new Set([...values.keys()].map((path) => path.length))].sort((a, b) => b - a)
  }

  /** The longest prefix of a path, in whatever way that is spelled. */
  find(path: string): Found<T> | undefined {
    if (this.#lengths.length === 0) return undefined
    const target = splitTarget(path)
    return typeof target === 'string' ? undefined : this.#longest(target.key)
  }

  /** Whether a server could read the path as one of them or below: in this spelling, or more leniently (decision 20). */
  touches(path: string): boolean {
    if (this.#lengths.length === 0) return false
    const target = splitTarget(path)
    if (typeof target === 'string') return true
    return [target.key, ...readings(target)].some((reading) => this.#longest(reading) !== undefined)
  }

  #longest(path: string): Found<T> | undefined {
    for (const length of this.#lengths) {
      if (!endsSegment(path, length)) continue
      const value = this.#values.get(path.slice(0, length))
      if (value !== undefined) return { value, length }
    }
    return undefined
  }
}

const slash = 0x2f

function endsSegment(path: string, length: number): boolean {
  return (path.length === length && length > 0) || path.charCodeAt(length) === slash
}

function read(config: Config, mesh: Mesh): Destinations {
  const remote: UrlPattern[] = []
  const own: UrlPattern[] = []
  let unresolved = false
  for (const member of [...mesh.ingress, ...mesh.egress]) {
    if (member.kind === 'egress') continue
    if (member.kind === 'reference') {
      const { reference } = member
      if (reference.kind === 'local') {
        // C62: a local name in a list of egresses may be that of an ingress
        const ingress = config.ingresses.get(reference.name)
        if (ingress?.enabled === true) own.push(...ingress.urls)
        remote.push(...(config.remoteIngresses.get(reference.name)?.urls ?? []))
      } else if (mayBeIngress(reference)) unresolved = true
    } else if (member.kind === 'catalogue') remote.push(...member.remote.urls)
    else if (member.ingress.enabled) own.push(...member.ingress.urls)
  }
  const paths = Map.groupBy([...remote, ...own], ({ scheme, host, port }) =>
    keyOf({ scheme, host, port: port ?? defaultPort(scheme) }),
  )
  return {
    pathsAt: (site) => (paths.get(keyOf(site)) ?? []).map(({ path }) => path),
    remote,
    restricts: unresolved || remote.length > 0,
    unresolved,
  }
}

/** A partner's egress is no destination; what an id names is not known before it is resolved. */
function mayBeIngress(reference: Reference): boolean {
  return reference.kind === 'id' || (reference.kind === 'typed' && reference.type === 'ingress')
}

function keyOf({ scheme, host, port }: Site): string {
  return `${scheme}://${host.replace(/\.$/, '')}:${port}`
}
