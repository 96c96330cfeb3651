// Meshes: whether they have the keys that their members need, and whether what leaves is signed (decision 14).
import { listsOf } from '../../mesh/destination.ts'
import type { Destinations, Lists } from '../../mesh/destination.ts'
import { meshesByEgress } from '../../mesh/listing.ts'
import { covers } from '../../route/path.ts'
import type { Built } from '../build/index.ts'
import type { Scope } from '../build/scope.ts'
import type { Egress, Mesh, UpstreamSpec } from '../model.ts'

export function checkKeys(scope: Scope, { config }: Built): void {
  const values = new Map(scope.raw.all('mesh').map(({ place, value }) => [place, value]))
  for (const mesh of config.meshes.values()) {
    const { name, place, enabled, provider } = mesh
    const value = values.get(place)
    if (!enabled || provider !== 'local' || value === undefined || value.jwt_secret !== undefined) continue
    const { jwt_private_key_path: privatePath, jwt_public_key_path: publicPath } = value
    // Without any key there is another finding.
    if (privatePath === undefined && publicPath === undefined) continue
    if (privatePath === undefined && mesh.egress.some(({ kind }) => kind === 'egress'))
      scope.report({
        code: 'mesh/no-signing-key',
        message: `mesh "${name}" lists an egress, and has no key to sign with`,
        place,
        mark: 'key',
        help: 'add jwt_private_key_path',
      })
    if (publicPath === undefined && mesh.ingress.some(({ kind }) => kind === 'ingress'))
      scope.report({
        code: 'mesh/no-verification-key',
        message: `mesh "${name}" lists an ingress of this gateway, and has no key to check tokens with`,
        place,
        mark: 'key',
        help: 'add jwt_public_key_path',
      })
  }
}

/** Of several meshes that list an egress, it must be clear which signs. */
export function checkAmbiguity(scope: Scope, { config }: Built): void {
  const lists = listsOf(config)
  for (const [name, meshes] of meshesByEgress(config)) {
    const egress = config.egresses.get(name)
    const upstream = egress?.backend.upstream
    if (egress?.enabled !== true || upstream === undefined || meshes.length < 2) continue
    const equals = ambiguous(lists, upstream, meshes)
    const last = equals.at(-1)
    if (last === undefined) continue
    scope.report({
      code: 'mesh/ambiguous-egress',
      message: `egress "${egress.name}" is in meshes ${equals.map(({ name }) => `"${name}"`).join(' and ')}, and nothing says which of them signs`,
      place: memberPlace(last, egress) ?? last.place,
      help: 'list the destinations of each mesh as remote_ingress, or use an egress for each mesh',
    })
  }
}

/** The meshes that match a request of the upstream equally well; none when it is clear. */
function ambiguous(lists: Lists, upstream: UpstreamSpec, meshes: readonly Mesh[]): readonly Mesh[] {
  const byPath = new Map<string, Mesh[]>()
  let longest: string | undefined
  for (const mesh of meshes) {
    for (const path of pathsOn(lists(mesh), upstream)) {
      if (path.length > (longest?.length ?? -1) && coversAll(path, upstream)) longest = path
      const list = byPath.get(path) ?? []
      byPath.set(path, list)
      list.push(mesh)
    }
  }
  // Below a destination that covers everything, shorter ones are never the longest.
  const shared = [...byPath].find(([path, list]) => list.length > 1 && path.length >= (longest?.length ?? 0))
  if (shared !== undefined) return shared[1]
  const unlisted = meshes.filter((mesh) => !lists(mesh).restricts)
  return longest === undefined && unlisted.length > 1 ? unlisted : []
}

/** Where a mesh lists destinations, an egress should lead to one of them. */
export function checkDestinations(scope: Scope, { config }: Built): void {
  const lists = listsOf(config)
  for (const mesh of config.meshes.values()) {
    const listed = lists(mesh)
    const { remote, restricts, unresolved } = listed
    if (!mesh.enabled || unresolved || !restricts) continue
    for (const member of mesh.egress) {
      if (member.kind !== 'egress' || !member.egress.enabled) continue
      const { name, backend, pipeline } = member.egress
      const { upstream } = backend
      // An egress with a backend of its own may take what the pipeline sends elsewhere (spec 7.4 step 2).
      const sites = [upstream, config.pipelines.get(pipeline)?.backends[0]?.upstream]
      const leads = sites.some((site) => site !== undefined && pathsOn(listed, site).size > 0)
      if (upstream === undefined || leads) continue
      scope.report({
        code: 'mesh/destination',
        message: `egress "${name}" leads to ${upstream.origin}${upstream.basePath}, which is no destination of mesh "${mesh.name}": no token goes along`,
        place: member.place,
        help: `the mesh lists ${remote
          .slice(0, 3)
          .map(({ text }) => text)
          .join(', ')}${remote.length > 3 ? ' and others' : ''}`,
      })
    }
  }
}

/** The listed paths at a site that cover what an upstream is sent: all of it, or some of it below the base path. */
function pathsOn(listed: Destinations, upstream: UpstreamSpec): ReadonlySet<string> {
  return new Set(listed.pathsAt(upstream).filter((path) => coversAll(path, upstream) || covers(baseOf(upstream), path)))
}

function coversAll(path: string, upstream: UpstreamSpec): boolean {
  return covers(path, baseOf(upstream))
}

function baseOf({ basePath }: UpstreamSpec): string {
  return basePath === '' ? '/' : basePath
}

function memberPlace(mesh: Mesh, egress: Egress): Mesh['place'] | undefined {
  return mesh.egress.find((member) => member.kind === 'egress' && member.egress === egress)?.place
}
