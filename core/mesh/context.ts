// What a request carries once a mesh has vouched for it. It lives for that request and never leaves the gateway.
export type MeshContext = {
  /** The name of the mesh. */
  readonly mesh: string
  readonly meshId: string
  /** The other gateway, as its token names it. */
  readonly sub: string
  readonly claims: Readonly<Record<string, unknown>>
  /** The ingress it came through; none with an explicit `mesh_auth`. */
  readonly ingress: string | undefined
}

/** What rules and dumps see of it: the metadata of the request (spec 5.1). */
export function metadataOf({ mesh, meshId, sub, ingress }: MeshContext): readonly (readonly [string, string])[] {
  const known = [
    ['mesh', mesh],
    ['mesh_id', meshId],
    ['mesh_sub', sub],
  ] as const
  return ingress === undefined ? known : [...known, ['mesh_ingress', ingress]]
}
