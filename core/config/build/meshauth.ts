// mesh_auth: an explicit mesh check or signature (spec 7.6).
import { parseUrlPattern } from '../../route/url.ts'
import { show } from '../mask.ts'
import type { MeshAuth } from '../middleware.ts'
import type { Mesh, MeshKey, UrlPattern } from '../model.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import { isElsewhere, meant } from './scope.ts'
import type { Scope } from './scope.ts'

type Source = Entry<Tables['middleware']>
type Options = Extract<Tables['middleware'], { type: 'mesh_auth' }>['options']

export function buildMeshAuth(
  scope: Scope,
  entry: Source,
  options: Options,
  meshes: ReadonlyMap<string, Mesh>,
): MeshAuth | undefined {
  const mesh = meshOf(scope, entry, options, meshes)
  if (mesh === undefined || !providerOf(scope, entry, options)) return undefined
  const destination = destinationOf(scope, entry, options)
  if (destination === false) return undefined
  const { direction } = options
  const keys = keysOf(scope, entry, options, mesh)
  if (keys === undefined) return undefined
  const key = direction === 'egress' ? keys.signing : keys.verification[0]
  // A remote provider has the keys; a disabled mesh has none on purpose.
  if (key === undefined && mesh.enabled && (options.provider ?? mesh.provider) === 'local') {
    const needed = direction === 'egress' ? 'sign with' : 'check tokens with'
    scope.report({
      code: 'middleware/mesh-key',
      message: `middleware "${entry.name}" of direction ${direction} has no key to ${needed}, and neither has mesh "${mesh.name}"`,
      place: entry.place,
      mark: 'key',
    })
    return undefined
  }
  return { mesh, direction, required: options.required, meshId: options.mesh_id ?? mesh.id, ...keys, destination }
}

function meshOf(scope: Scope, entry: Source, options: Options, meshes: ReadonlyMap<string, Mesh>): Mesh | undefined {
  const name = options.mesh_name
  const found = name === undefined ? (meshes.size === 1 ? [...meshes.values()][0] : undefined) : meshes.get(name)
  const who = `middleware "${entry.name}"`
  if (found === undefined) {
    if (name === undefined ? !scope.raw.complete : isElsewhere(scope, 'mesh', name)) return undefined
    const [message, place] =
      name === undefined
        ? [`${who} names no mesh, and there ${meshes.size === 0 ? 'is none' : `are ${meshes.size}`}`, entry.place]
        : [`${who} names mesh "${name}", which is not defined`, entry.at('options', 'mesh_name')]
    const mark = name === undefined ? 'key' : 'value'
    const help = meant(scope, name ?? '', () => [...meshes.values()]) ?? 'define it as [mesh.NAME]'
    scope.report({ code: 'reference/unknown-mesh', message, place, mark, help })
    return undefined
  }
  if (!found.enabled)
    scope.report({
      code: 'reference/unknown-mesh',
      message: `${who} names mesh "${found.name}", which is disabled: no token is valid`,
      place: name === undefined ? entry.place : entry.at('options', 'mesh_name'),
      mark: name === undefined ? 'key' : 'value',
      severity: 'warning',
    })
  return found
}

function providerOf(scope: Scope, entry: Source, { provider }: Options): boolean {
  if (provider === undefined || provider === 'local') return true
  if (scope.raw.find('provider', provider, entry.place.file) !== undefined || isElsewhere(scope, 'provider', provider))
    return true
  scope.report({
    code: 'reference/unknown-provider',
    message: `middleware "${entry.name}" names provider "${provider}", which is not defined`,
    place: entry.at('options', 'provider'),
    help: meant(scope, provider, () => scope.raw.all('provider')) ?? `define it as [provider.${provider}]`,
  })
  return false
}

/** False: it cannot be used. */
function destinationOf(scope: Scope, entry: Source, options: Options): UrlPattern | undefined | false {
  const text = options.destination_url
  if (text === undefined) return undefined
  const url = parseUrlPattern(text)
  if (!('problem' in url)) return url
  scope.report({
    code: 'url/malformed',
    message: `middleware "${entry.name}" has destination_url ${show(text)}: ${url.problem}`,
    place: entry.at('options', 'destination_url'),
  })
  return false
}

type Keys = Pick<MeshAuth, 'algorithm' | 'signing' | 'verification'>

/** Its own key, else those of the mesh; nothing when its own cannot be used. */
function keysOf(scope: Scope, entry: Source, options: Options, mesh: Mesh): Keys | undefined {
  const { jwt_secret: secret, jwt_key_path: path, direction } = options
  if (!mesh.enabled) return { algorithm: mesh.algorithm, signing: undefined, verification: [] }
  const name = (key: string): string => `middleware.${entry.name}.options.${key}`
  if (path !== undefined) {
    const setting = { key: name('jwt_key_path'), path, place: entry.at('options', 'jwt_key_path') }
    const key = direction === 'egress' ? scope.materials.rsaPrivate(setting) : scope.materials.rsaPublic(setting)
    return key && { algorithm: 'RS256', ...sides(key, direction) }
  }
  if (secret !== undefined) {
    const key = scope.materials.secret(name('jwt_secret'), secret, entry.at('options', 'jwt_secret'))
    return { algorithm: 'HS256', ...sides(key, direction) }
  }
  return { algorithm: mesh.algorithm, signing: mesh.signing, verification: mesh.verification }
}

function sides(key: MeshKey, direction: 'ingress' | 'egress'): Pick<Keys, 'signing' | 'verification'> {
  return direction === 'egress' ? { signing: key, verification: [] } : { signing: undefined, verification: [key] }
}
