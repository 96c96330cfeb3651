// For whom a token is (decision 11): `aud` names origins, or the mesh itself.
import type { Mesh, UrlPattern } from '../config/model.ts'
import { defaultPort, parseUrlPattern } from '../route/url.ts'

/** What an `aud` claim names, read once. */
export type Audience =
  | { readonly kind: 'absent' }
  /** Present, and not what RFC 7519 4.1.3 allows. */
  | { readonly kind: 'invalid' }
  | { readonly kind: 'named'; readonly origins: readonly Origin[]; readonly meshes: readonly string[] }

type Origin = { readonly host: string; readonly port: number }

/** The origins that count as one's own. */
export type Own = ReadonlyMap<string, ReadonlySet<number> | 'any'>

const absent: Audience = { kind: 'absent' }
const invalid: Audience = { kind: 'invalid' }
const meshPrefix = 'mesh:'

/** Reads an `aud` claim: a string or a list of strings. */
export function readAudience(claim: unknown): Audience {
  if (claim === undefined) return absent
  const values: unknown[] = Array.isArray(claim) ? claim : [claim]
  const origins: Origin[] = []
  const meshes: string[] = []
  for (const value of values) {
    if (typeof value !== 'string') return invalid
    if (value.startsWith(meshPrefix)) meshes.push(value.slice(meshPrefix.length))
    else {
      const origin = originOf(value)
      if (origin !== undefined) origins.push(origin)
    }
  }
  return { kind: 'named', origins, meshes }
}

/** Collects URLs for `accepts`. */
export function ownOrigins(urls: Iterable<UrlPattern>): Own {
  const own = new Map<string, Set<number> | 'any'>()
  for (const { host, port } of urls) {
    const ports = own.get(host)
    // spec 4.3: without a port, any
    if (port === undefined) own.set(host, 'any')
    else if (ports === undefined) own.set(host, new Set([port]))
    else if (ports !== 'any') ports.add(port)
  }
  return own
}

/** The origins of this gateway in a mesh: of its enabled ingresses that the mesh lists. */
export function originsIn(mesh: Mesh): Own {
  return ownOrigins(
    mesh.ingress.flatMap((member) => (member.kind === 'ingress' && member.ingress.enabled ? member.ingress.urls : [])),
  )
}

/** Whether a token for this audience is for us: for one of our origins, or for the mesh as a whole. */
export function accepts(own: Own, meshId: string, audience: Audience): boolean {
  if (audience.kind !== 'named') return audience.kind === 'absent'
  if (audience.meshes.includes(meshId)) return true
  return audience.origins.some(({ host, port }) => {
    const ports = own.get(host)
    return ports === 'any' || (ports?.has(port) ?? false)
  })
}

/** Host and port of an http or https URL; the scheme is not compared, because TLS may end before the gateway. */
function originOf(text: string): Origin | undefined {
  const url = parseUrlPattern(text)
  return 'problem' in url ? undefined : { host: url.host, port: url.port ?? defaultPort(url.scheme) }
}
