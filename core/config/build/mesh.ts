// [mesh.<name>]: keys and settings. Its members are in member.ts.
import type { Mesh, MeshKey, Provider } from '../model.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import { readLink } from './link.ts'
import { egressMembers, ingressMembers } from './member.ts'
import type { World } from './member.ts'
import { isElsewhere, unknown } from './scope.ts'
import type { Scope } from './scope.ts'

type Source = Entry<Tables['mesh']>

export function buildMeshes(
  scope: Scope,
  world: World & { readonly providers: ReadonlyMap<string, Provider> },
): ReadonlyMap<string, Mesh> {
  const meshes = new Map<string, Mesh>()
  for (const entry of scope.raw.all('mesh')) {
    const { name, value, place } = entry
    if (meshes.has(name)) continue
    // A disabled mesh is as good as absent: nothing of it is read, nothing that is wrong with it matters.
    const quiet = value.enabled ? scope : { ...scope, doubts: { ...scope.doubts }, report: () => undefined }
    checkProvider(quiet, entry, world.providers)
    meshes.set(name, {
      name,
      id: value.id ?? name,
      type: value.type,
      provider: value.provider,
      ...keysOf(scope, entry),
      leewaySecs: value.leeway_secs,
      verifyAudience: value.verify_audience,
      jwksUrl: value.jwks_url,
      ingress: ingressMembers(quiet, entry, world),
      egress: egressMembers(quiet, entry, world),
      enabled: value.enabled,
      description: value.description,
      place,
    })
  }
  return meshes
}

function checkProvider(scope: Scope, entry: Source, providers: ReadonlyMap<string, Provider>): void {
  const { name, value, place } = entry
  const { provider } = value
  if (!providers.has(provider) && !isElsewhere(scope, 'provider', provider)) {
    const use = { name: provider, who: `mesh "${name}" names`, file: place.file, place: entry.at('provider') }
    const candidates = () => [...scope.raw.all('provider'), { name: 'local', place }]
    unknown(scope, { code: 'reference/unknown-provider', kind: 'provider', use, candidates, table: 'provider' })
  }
  if (provider === 'local') return
  if (value.jwks_url !== undefined) readLink(scope, value.jwks_url, entry.at('jwks_url'))
  if (value.id === undefined)
    scope.report({
      code: 'mesh/no-id',
      message: `mesh "${name}" has no id: provider "${provider}" will be asked for "${name}"`,
      place,
      mark: 'key',
      help: 'set id to the one that the provider shows',
    })
}

type Keys = Pick<Mesh, 'algorithm' | 'signing' | 'verification'>

/** Of a local mesh: RS256 as soon as there is an RSA key, else HS256, never both (spec 7.5, G15). */
function keysOf(scope: Scope, entry: Source): Keys {
  const { value, name } = entry
  const none: Keys = { algorithm: 'HS256', signing: undefined, verification: [] }
  if (value.provider !== 'local' || !value.enabled) return none
  const { jwt_private_key_path: privatePath, jwt_public_key_path: publicPath, jwt_secret: secret } = value
  if (privatePath === undefined && publicPath === undefined && secret === undefined) {
    scope.report({
      code: 'mesh/no-key',
      message: `mesh "${name}" has no key: must have jwt_secret, or RSA keys`,
      place: entry.place,
      mark: 'key',
      help: 'add jwt_secret = "${NAME}", or jwt_private_key_path and jwt_public_key_path',
    })
    return none
  }
  return privatePath === undefined && publicPath === undefined ? secretKeys(scope, entry) : rsaKeys(scope, entry)
}

function secretKeys(scope: Scope, entry: Source): Keys {
  const { jwt_secret: secret, previous_jwt_secret: previous } = entry.value
  const key = (name: string, value: string): MeshKey =>
    scope.materials.secret(`mesh.${entry.name}.${name}`, value, entry.at(name))
  const current = secret === undefined ? undefined : key('jwt_secret', secret)
  const before = previous === undefined ? undefined : key('previous_jwt_secret', previous)
  if (entry.value.previous_jwt_public_key_paths.length > 0)
    unused(scope, entry, 'previous_jwt_public_key_paths', 'HS256')
  return { algorithm: 'HS256', signing: current, verification: present(current, before) }
}

function rsaKeys(scope: Scope, entry: Source): Keys {
  const { value, name } = entry
  const setting = (key: string, path: string, ...index: number[]) => ({
    key: `mesh.${name}.${key}`,
    path,
    place: entry.at(key, ...index),
  })
  const { jwt_private_key_path: privatePath, jwt_public_key_path: publicPath } = value
  const { materials } = scope
  const signing =
    privatePath === undefined ? undefined : materials.rsaPrivate(setting('jwt_private_key_path', privatePath))
  const current = publicPath === undefined ? undefined : materials.rsaPublic(setting('jwt_public_key_path', publicPath))
  const before = value.previous_jwt_public_key_paths.map((path, index) =>
    materials.rsaPublic(setting('previous_jwt_public_key_paths', path, index)),
  )
  for (const key of ['jwt_secret', 'previous_jwt_secret'] as const)
    if (value[key] !== undefined) unused(scope, entry, key, 'RS256')
  return { algorithm: 'RS256', signing, verification: present(current, ...before) }
}

function unused(scope: Scope, entry: Source, key: string, algorithm: string): void {
  scope.report({
    code: 'mesh/unused-key',
    message: `mesh.${entry.name}.${key} is not used: the algorithm of the mesh is ${algorithm}`,
    place: entry.at(key),
    mark: 'key',
    help: 'remove it, or the other keys',
  })
}

/** Each key once: a rotation that has ended may name the same file twice. */
function present(...keys: readonly (MeshKey | undefined)[]): readonly MeshKey[] {
  return [...new Map(keys.filter((key) => key !== undefined).map((key) => [key.kid, key])).values()]
}
