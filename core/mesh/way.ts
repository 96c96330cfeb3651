// Where the requests of a pipeline go, and by which of its egresses they may leave (spec 7.4 steps 1 and 2).
import type { Backend, Egress, Mesh, Pipeline } from '../config/model.ts'
import { Prefixes } from './destination.ts'
import type { Lists } from './destination.ts'

/** The backend of a request before any egress is asked: the first one, else that of the first enabled egress. */
export function defaultBackend(pipeline: Pipeline): Backend | undefined {
  return pipeline.backends[0] ?? pipeline.egresses.find(({ enabled }) => enabled)?.backend
}

/** For which paths of a backend an egress counts; `meshes` are those that list it. */
export function pathsFor(
  lists: Lists,
  pipeline: Pipeline,
  egress: Egress,
  { name, upstream: site }: Backend,
  meshes: readonly Mesh[],
): Prefixes<true> | 'all' | 'none' {
  if (egress.backend.name === name) return 'all'
  // an egress with a backend that is not the pipeline's takes what goes to the same place
  if (site === undefined || pipeline.backends.some((backend) => backend.name === egress.backend.name)) return 'none'
  const paths = meshes.flatMap((mesh) => lists(mesh).pathsAt(site))
  const { upstream } = egress.backend
  if (upstream?.origin === site.origin) paths.push(upstream.basePath === '' ? '/' : upstream.basePath)
  return paths.length === 0 ? 'none' : new Prefixes(paths.map((path) => [path, true]))
}
