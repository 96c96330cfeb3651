// Ingresses: whether two claim a URL, and whether they are as closed as they look.
import { meshesByIngress } from '../../mesh/listing.ts'
import { overlappingIngresses } from '../../route/overlap.ts'
import { spot } from '../../finding/locate.ts'
import type { Built } from '../build/index.ts'
import type { Scope } from '../build/scope.ts'
import type { Config, Ingress } from '../model.ts'
import { below } from '../path.ts'

export function checkUrls(scope: Scope, { config }: Built): void {
  for (const { network, first, firstUrl, second, secondUrl } of overlappingIngresses(config)) {
    const same = firstUrl.text === secondUrl.text ? '' : ` as ${firstUrl.text}`
    scope.report({
      code: 'ingress/overlap',
      message: `ingress "${second.name}" has URL ${secondUrl.text}, which ingress "${first.name}" has already${same} on network "${network}"`,
      place: below(second.place, 'urls', second.urls.indexOf(secondUrl)),
      help: `the other is defined at ${spot(first.place, scope.sources)}; the scheme of a URL does not count`,
    })
  }
}

export function checkModes(scope: Scope, { config }: Built): void {
  const meshes = meshesByIngress(config)
  for (const ingress of config.ingresses.values()) {
    if (!ingress.enabled) continue
    const { name, mode } = ingress
    const listing = (meshes.get(name) ?? []).map((mesh) => mesh.name)
    // A mesh that could not be read, or one with a name in it that means nothing, may be the one that lists it.
    if (mode === 'mesh' && listing.length === 0 && scope.whole && !scope.doubts.members)
      scope.report({
        code: 'ingress/no-mesh',
        message: `ingress "${name}" has mode "mesh", and no enabled mesh lists it: every request gets 403`,
        place: below(ingress.place, 'mode'),
        help: `list it under ingress of a mesh`,
      })
    if (mode === 'default' && listing.length > 0 && !asks(config, ingress))
      scope.report({
        code: 'ingress/default-mode',
        message: `ingress "${name}" is in ${listing.length === 1 ? 'mesh' : 'meshes'} ${quoted(listing)}, and its mode is "default": requests without a token are served too`,
        place: ingress.place,
        mark: 'key',
        help: 'set mode = "mesh" to ask for a token',
      })
    if (mode === 'mesh' && ingress.enforce === 'url')
      scope.report({
        code: 'ingress/enforce-url',
        message: `ingress "${name}" has enforce "url": endpoint "${ingress.endpoint.name}" answers without a token on its own path`,
        place: below(ingress.place, 'enforce'),
      })
  }
}

/** Whether an explicit mesh_auth asks for a token, whatever the mode of the ingress is. */
function asks({ pipelines }: Config, { pipeline }: Ingress): boolean {
  const left = pipelines.get(pipeline)?.left ?? []
  return left.some((one) => one.type === 'mesh_auth' && one.direction === 'ingress' && one.required)
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(' and ')
}
