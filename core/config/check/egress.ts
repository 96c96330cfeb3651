// Egresses: whether requests can leave through them (spec 7.4, decisions 1 and 15).
import { listsOf } from '../../mesh/destination.ts'
import type { Lists } from '../../mesh/destination.ts'
import { meshesByEgress, meshesByIngress } from '../../mesh/listing.ts'
import type { Listing } from '../../mesh/listing.ts'
import { defaultBackend, pathsFor } from '../../mesh/way.ts'
import type { Built } from '../build/index.ts'
import type { Scope } from '../build/scope.ts'
import type { Backend, Config, Egress, Mesh, Pipeline } from '../model.ts'
import { below } from '../path.ts'

export function checkEgresses(scope: Scope, { config }: Built): void {
  const listing = meshesByEgress(config)
  const inward = meshesByIngress(config)
  const lists = listsOf(config)
  for (const pipeline of config.pipelines.values()) {
    const given = contextsOf(pipeline, inward)
    const earlier: Egress[] = []
    const backend = defaultBackend(pipeline)
    for (const egress of pipeline.egresses) {
      if (!egress.enabled) {
        checkDisabled(scope, egress, pipeline, backend)
        continue
      }
      const meshes = listing.get(egress.name) ?? []
      const reason = unreachable(lists, pipeline, egress, backend, meshes) ?? hidden(egress, meshes, earlier, listing)
      if (reason !== undefined)
        scope.report({
          code: 'egress/never-selected',
          message: `egress "${egress.name}" is never taken: ${reason}`,
          place: egress.place,
          mark: 'key',
        })
      else {
        earlier.push(egress)
        checkPlain(scope, egress)
      }
      checkContext(scope, egress, meshes, given)
      if (reason === undefined) checkUnlisted(scope, config, egress, pipeline, meshes)
    }
  }
}

/** Why requests of the pipeline do not go where the egress leads. */
function unreachable(
  lists: Lists,
  pipeline: Pipeline,
  egress: Egress,
  backend: Backend | undefined,
  meshes: readonly Mesh[],
): string | undefined {
  if (backend === undefined || pathsFor(lists, pipeline, egress, backend, meshes) !== 'none') return undefined
  const isOwn = pipeline.backends.some(({ name }) => name === egress.backend.name)
  // What a reference stands for may be that place.
  if (!isOwn && backend.upstream !== undefined && meshes.some((mesh) => lists(mesh).unresolved)) return undefined
  return `requests of pipeline "${pipeline.name}" go to backend "${backend.name}", this one leads to "${egress.backend.name}"`
}

/** Which egress before it takes all that it could take: to the same backend, for the same meshes, and no stricter. */
function hidden(
  egress: Egress,
  meshes: readonly Mesh[],
  earlier: readonly Egress[],
  listing: Listing,
): string | undefined {
  const other = earlier.find(
    (one) =>
      one.backend === egress.backend &&
      (one.mode === 'default' || egress.mode === 'mesh') &&
      sameMeshes(listing.get(one.name) ?? [], meshes),
  )
  return other && `egress "${other.name}" before it leads to the same backend`
}

function sameMeshes(a: readonly Mesh[], b: readonly Mesh[]): boolean {
  return a.length === b.length && a.every((mesh) => b.includes(mesh))
}

/** What is disabled is not there, and a backend without an egress asks nothing of requests. */
function checkDisabled(scope: Scope, egress: Egress, pipeline: Pipeline, backend: Backend | undefined): void {
  if (egress.mode !== 'mesh' || backend !== egress.backend) return
  if (pipeline.egresses.some((other) => other.enabled && other.backend === backend)) return
  scope.report({
    code: 'egress/disabled',
    message: `egress "${egress.name}" has mode "mesh" and is disabled: requests without context of a mesh reach backend "${backend.name}" too`,
    place: below(egress.place, 'enabled'),
    help: 'enable it, or take the backend out of the pipeline',
  })
}

function checkPlain(scope: Scope, egress: Egress): void {
  const { upstream } = egress.backend
  if (egress.type !== 'http3' || upstream === undefined || upstream.scheme === 'https') return
  scope.report({
    code: 'egress/http3-plain',
    message: `egress "${egress.name}" has type "http3", and backend "${egress.backend.name}" leads to ${upstream.origin}: must be https`,
    place: below(egress.place, 'type'),
  })
}

function checkContext(scope: Scope, egress: Egress, meshes: readonly Mesh[], given: ReadonlySet<string>): void {
  if (egress.mode !== 'mesh' || !scope.whole || scope.doubts.members) return
  const opens = meshes.length === 0 ? given.size > 0 : meshes.some(({ name }) => given.has(name))
  if (opens) return
  const of = meshes.length === 0 ? 'a mesh' : `mesh ${meshes.map(({ name }) => `"${name}"`).join(' or ')}`
  scope.report({
    code: 'egress/no-context',
    message: `egress "${egress.name}" has mode "mesh", and nothing in pipeline "${egress.pipeline}" gives context of ${of}: every request gets 403`,
    place: below(egress.place, 'mode'),
    help: 'list an ingress of the pipeline under ingress of the mesh',
  })
}

/** Where there are meshes, an egress that none of them lists has mostly been forgotten in one. */
function checkUnlisted(
  scope: Scope,
  config: Config,
  egress: Egress,
  pipeline: Pipeline,
  meshes: readonly Mesh[],
): void {
  if (meshes.length > 0 || egress.mode === 'mesh' || !scope.whole || scope.doubts.members) return
  if (![...config.meshes.values()].some(({ enabled }) => enabled)) return
  if (pipeline.left.some((one) => one.type === 'mesh_auth' && one.direction === 'egress')) return
  scope.report({
    code: 'egress/no-mesh',
    message: `egress "${egress.name}" is listed by no enabled mesh: what leaves through it is not signed`,
    place: egress.place,
    mark: 'key',
    help: 'list it under egress of a mesh',
  })
}

/** The enabled meshes whose context requests of a pipeline can have: of its ingresses, and of its mesh_auth. */
function contextsOf(pipeline: Pipeline, meshes: Listing): ReadonlySet<string> {
  const given = new Set<string>()
  for (const ingress of pipeline.ingresses)
    if (ingress.enabled) for (const { name } of meshes.get(ingress.name) ?? []) given.add(name)
  for (const middleware of pipeline.left)
    if (middleware.type === 'mesh_auth' && middleware.direction === 'ingress' && middleware.mesh.enabled)
      given.add(middleware.mesh.name)
  return given
}
