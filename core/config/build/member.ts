// The members of a mesh: names of this gateway, entries of the catalogue, references to resources of others (spec 8).
import { parseReference } from '../../reference/parse.ts'
import type { Reference } from '../../reference/reference.ts'
import type { Place } from '../../finding/finding.ts'
import type { EgressMember, IngressMember, Provider, RemoteIngress } from '../model.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import type { Doors } from './door.ts'
import { isElsewhere, meant, unknown } from './scope.ts'
import type { Named, Scope } from './scope.ts'

type Source = Entry<Tables['mesh']>
type List = 'ingress' | 'egress'

/** What members can be. */
export type World = {
  readonly doors: Doors
  readonly remotes: ReadonlyMap<string, RemoteIngress>
  readonly providers: ReadonlyMap<string, Provider>
}

export function ingressMembers(scope: Scope, mesh: Source, world: World): IngressMember[] {
  const { doors, remotes } = world
  return members<IngressMember>(scope, mesh, 'ingress', world, (name, place) => {
    const ingress = doors.ingresses.get(name)
    if (ingress !== undefined) return ingress.built && { kind: 'ingress', ingress: ingress.built, place }
    const remote = remotes.get(name)
    if (remote !== undefined) return { kind: 'catalogue', remote, place }
    if (isElsewhere(scope, 'ingress', name) || isElsewhere(scope, 'remote_ingress', name)) return undefined
    scope.doubts.members = true
    const who = `mesh "${mesh.name}" lists ingress "${name}", which`
    const egress: Named | undefined = doors.egresses.get(name)
    scope.report({
      code: 'reference/unknown-ingress',
      message: egress === undefined ? `${who} no pipeline defines` : `${who} is an egress`,
      place,
      help:
        egress === undefined
          ? (meant(scope, name, () => [...doors.ingresses.values(), ...remotes.values()]) ??
            `define it as [pipelines.NAME.mesh.ingress.${name}], or the one of a partner as [remote_ingress.${name}]`)
          : 'list it under egress',
    })
    return undefined
  })
}

export function egressMembers(scope: Scope, mesh: Source, world: World): EgressMember[] {
  const { doors, remotes } = world
  return members<EgressMember>(scope, mesh, 'egress', world, (name, place) => {
    const egress = doors.egresses.get(name)
    if (egress !== undefined) return egress.built && { kind: 'egress', egress: egress.built, place }
    // C62: what a partner lets in is a destination; the catalogue holds nothing else.
    if (remotes.has(name)) return { kind: 'reference', reference: { text: name, kind: 'local', name }, place }
    if (isElsewhere(scope, 'egress', name) || isElsewhere(scope, 'remote_ingress', name)) return undefined
    scope.doubts.members = true
    const who = `mesh "${mesh.name}" lists egress "${name}", which`
    const isIngress = doors.ingresses.has(name)
    scope.report({
      code: 'reference/unknown-egress',
      message: isIngress ? `${who} is an ingress` : `${who} no pipeline defines`,
      place,
      help: isIngress
        ? 'list it under ingress'
        : (meant(scope, name, () => [...doors.egresses.values()]) ??
          `define it as [pipelines.NAME.mesh.egress.${name}]`),
    })
    return undefined
  })
}

/** What a mesh refers to at a provider. */
type ReferenceMember = { readonly kind: 'reference'; readonly reference: Reference; readonly place: Place }

function members<M extends IngressMember | EgressMember>(
  scope: Scope,
  mesh: Source,
  list: List,
  world: World,
  local: (name: string, place: Place) => M | undefined,
): (M | ReferenceMember)[] {
  const seen = new Set<string>()
  const found: (M | ReferenceMember)[] = []
  for (const [index, text] of mesh.value[list].entries()) {
    const place = mesh.at(list, index)
    // A name with dots is no reference, and still the name of something (C08).
    const dotted = (list === 'ingress' ? world.doors.ingresses : world.doors.egresses).has(text) && text.includes('.')
    const reference = dotted ? ({ kind: 'local', name: text, text } as const) : parseReference(text)
    if ('problem' in reference) {
      scope.report({
        code: 'reference/malformed',
        message: `mesh "${mesh.name}" lists ${list} ${JSON.stringify(text)}, which ${reference.problem}`,
        place,
      })
      continue
    }
    const key = reference.kind === 'local' ? reference.name : text
    if (seen.has(key)) {
      const message = `mesh "${mesh.name}" lists ${list} "${key}" more than once`
      scope.report({ code: 'mesh/duplicate-member', message, place })
      continue
    }
    seen.add(key)
    const member =
      reference.kind === 'local' ? local(reference.name, place) : remote(scope, mesh, list, world, reference, place)
    if (member !== undefined) found.push(member)
  }
  return found
}

function remote(
  scope: Scope,
  mesh: Source,
  list: List,
  { providers }: World,
  reference: Exclude<Reference, { kind: 'local' }>,
  place: Place,
): ReferenceMember | undefined {
  const { provider, text } = reference
  const who = `mesh "${mesh.name}" lists ${list} "${text}"`
  if (!providers.has(provider)) {
    if (isElsewhere(scope, 'provider', provider)) return undefined
    const use = { name: provider, who: `${who} of`, file: mesh.place.file, place }
    const candidates = () => scope.raw.all('provider')
    unknown(scope, { code: 'reference/unknown-provider', kind: 'provider', use, candidates, table: 'provider' })
    return undefined
  }
  if (reference.kind === 'typed' && reference.type !== 'ingress' && reference.type !== list) {
    const allowed = list === 'ingress' ? 'an ingress' : 'an ingress or egress'
    scope.report({
      code: 'reference/type',
      message: `${who}, which is of type ${reference.type}: must be ${allowed}`,
      place,
      help: reference.type === 'egress' ? 'list it under egress' : undefined,
    })
    return undefined
  }
  const off = providers.get(provider)?.enabled === false ? `provider "${provider}" is disabled` : undefined
  const local = scope.raw.proxy?.value.primary_provider === 'local' ? 'proxy.primary_provider is "local"' : undefined
  const why = off ?? local
  if (why !== undefined)
    scope.report({
      code: 'reference/inactive',
      message: `${who}, and ${why}: it is never resolved, requests that need it get 503`,
      place,
    })
  return { kind: 'reference', reference, place }
}
