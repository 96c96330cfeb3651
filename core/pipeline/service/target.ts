// The request target at an upstream: the base path and what follows the matched prefix, byte for byte (decision 20).
import type { Exchange } from '../exchange.ts'

/** What the target is made of. */
export type Parts = {
  readonly head: { readonly target: string }
  readonly path: Exchange['path']
  readonly query: Exchange['query']
}

/**
 * The target, always with a slash first: whatever a client wrote, it cannot turn into another form of target, such
 * as one that names a host (RFC 9112 3.2). `basePath` is empty, or starts with `/` and does not end with one.
 */
export function targetOf(basePath: string, { head, path, query }: Parts): string {
  // `/api` and `/api/` both leave nothing behind the prefix, and the upstream may tell them apart
  if (path === '' && !endsWithSlash(head.target)) return (basePath || '/') + query
  return `${basePath}/${path}${query}`
}

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

function endsWithSlash(target: string): boolean {
  return pathOf(target).endsWith('/')
}
