// Which meshes list an ingress or an egress of this gateway. Names of ingresses and egresses are shared by all
// pipelines (spec 7.1, G18); a mesh that is disabled lists nothing.
import type { Config, Mesh } from '../config/model.ts'

/** By the name of an ingress or egress; each mesh once, in the order of their definition. */
export type Listing = ReadonlyMap<string, readonly Mesh[]>

export function meshesByIngress(config: Config): Listing {
  return listing(config, ({ ingress }) =>
    ingress.flatMap((member) => (member.kind === 'ingress' ? [member.ingress.name] : [])),
  )
}

export function meshesByEgress(config: Config): Listing {
  return listing(config, ({ egress }) =>
    egress.flatMap((member) => (member.kind === 'egress' ? [member.egress.name] : [])),
  )
}

function listing({ meshes }: Config, namesIn: (mesh: Mesh) => readonly string[]): Listing {
  const found = new Map<string, Mesh[]>()
  for (const mesh of meshes.values()) {
    if (!mesh.enabled) continue
    for (const name of new Set(namesIn(mesh))) {
      const known = found.get(name)
      if (known === undefined) found.set(name, [mesh])
      else known.push(mesh)
    }
  }
  return found
}
