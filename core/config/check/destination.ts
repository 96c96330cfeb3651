// The destinations that a mesh lists, as far as they are known without asking anybody (decision 14).
import type { Config, Mesh, UpstreamSpec, UrlPattern } from '../model.ts'

export type Destinations = {
  /** Listed: entries of the catalogue. */
  readonly remote: readonly UrlPattern[]
  /** Those, and the URLs of own enabled ingresses. */
  readonly urls: readonly UrlPattern[]
  /** References, which nobody has resolved: anything may be listed. */
  readonly open: boolean
}

const known = new WeakMap<Mesh, Destinations>()

export function destinationsOf(config: Config, mesh: Mesh): Destinations {
  const found = known.get(mesh) ?? read(config, mesh)
  known.set(mesh, found)
  return found
}

function read(config: Config, mesh: Mesh): Destinations {
  const remote: UrlPattern[] = []
  const own: UrlPattern[] = []
  let open = false
  for (const member of mesh.ingress) {
    if (member.kind === 'catalogue') remote.push(...member.remote.urls)
    else if (member.kind === 'reference') open = true
    else if (member.ingress.enabled) own.push(...member.ingress.urls)
  }
  for (const member of mesh.egress) {
    if (member.kind !== 'reference') continue
    const { reference } = member
    if (reference.kind === 'local') remote.push(...(config.remoteIngresses.get(reference.name)?.urls ?? []))
    // A partner's egress is no destination; what an id names is not known.
    else if (reference.kind === 'id' || reference.type === 'ingress') open = true
  }
  return { remote, urls: [...remote, ...own], open }
}

/** How a destination covers what an upstream is sent: all of it, some of it below the base path, or nothing. */
export function covers(url: UrlPattern, { scheme, host, port, basePath }: UpstreamSpec): 'all' | 'some' | 'none' {
  if (url.scheme !== scheme || url.host !== host || portOf(url) !== port) return 'none'
  if (isBelow(basePath, url.path)) return 'all'
  return isBelow(url.path, basePath) ? 'some' : 'none'
}

export function portOf({ scheme, port }: UrlPattern): number {
  return port ?? (scheme === 'https' ? 443 : 80)
}

/** At a boundary of segments; `/` and nothing are everything. */
function isBelow(path: string, prefix: string): boolean {
  if (prefix === '' || prefix === '/') return true
  return path === prefix || path.startsWith(`${prefix}/`)
}
