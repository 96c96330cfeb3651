// All files together: which table may stand in which file, and what a name means in each of them (spec 1.4).
import type { Report } from '../finding/finding.ts'
import { dig } from './path.ts'
import type { Entry, Section } from './raw.ts'
import { schemas } from './schema/index.ts'
import type { Tables } from './schema/index.ts'
import { shapeOf } from './schema/shape.ts'
import type { Shape } from './schema/shape.ts'
import { isTable } from './toml.ts'

/** What a file is read as. A folder may be named for two things; then its files may hold what either may. */
export type Role = 'main' | 'pipelines' | 'transforms' | 'mesh'

const anywhere: readonly Role[] = ['main', 'pipelines', 'transforms', 'mesh']
const notMesh: readonly Role[] = ['main', 'pipelines', 'transforms']
const mainAlone: readonly Role[] = ['main']

const places: Readonly<Record<Section, readonly Role[]>> = {
  proxy: mainAlone,
  management: mainAlone,
  logging: mainAlone,
  storage: mainAlone,
  runbeam: mainAlone,
  provider: mainAlone,
  network: notMesh,
  targets: notMesh,
  peers: notMesh,
  services: notMesh,
  middleware_types: notMesh,
  authentications: notMesh,
  policies: notMesh,
  rules: notMesh,
  pipelines: anywhere,
  endpoints: notMesh,
  backends: notMesh,
  middleware: notMesh,
  mesh: anywhere,
  remote_ingress: anywhere,
}

/** Whether a table of this section counts in a file of these roles. */
export function belongs(section: Section, roles: ReadonlySet<Role>): boolean {
  return places[section].some((role) => roles.has(role))
}

/** In words, for a help text. */
export function home(section: Section): string {
  if (places[section] === mainAlone) return 'the main file'
  return places[section] === notMesh ? 'the main file or a pipeline file' : 'any file'
}

export type Entries = { readonly [S in Section]: Entry<Tables[S]>[] }

export function emptyEntries(): Entries {
  return {
    proxy: [],
    management: [],
    logging: [],
    storage: [],
    runbeam: [],
    provider: [],
    network: [],
    targets: [],
    peers: [],
    services: [],
    middleware_types: [],
    authentications: [],
    policies: [],
    rules: [],
    pipelines: [],
    endpoints: [],
    backends: [],
    middleware: [],
    mesh: [],
    remote_ingress: [],
  }
}

export type Finder = <S extends Section>(section: S, name: string, file: string) => Entry<Tables[S]> | undefined

/** Looks names up: in the file that uses them, then in the main file, then in the first other one that has them. */
export function finder(entries: Entries, main: string): Finder {
  const index = new Map<Section, Map<string, Entry<unknown>[]>>()
  return (section, name, file) => {
    let names = index.get(section)
    if (!names) index.set(section, (names = byName(entries[section])))
    const found = names.get(name) ?? []
    const entry = found.find(inFile(file)) ?? found.find(inFile(main)) ?? found[0]
    // The index of a section is made of the entries of that section.
    return entry as Entry<Tables[typeof section]> | undefined
  }
}

/**
 * Names that are used in a file which does not define them, nor does the main file, while several others do and mean
 * different things by them (C06): whichever is taken, somebody may have meant another.
 */
export function ambiguities(entries: Entries, main: string): Report[] {
  const unclear = new Map<string, Entry<unknown>[]>()
  for (const section of sectionsOf(entries))
    for (const [name, found] of byName<unknown>(entries[section]))
      if (found.length > 1 && !found.some(inFile(main)) && differ(found)) unclear.set(`${section} ${name}`, found)
  if (unclear.size === 0) return []

  const reports: Report[] = []
  for (const section of sectionsOf(entries))
    for (const entry of entries[section])
      references(shapeOf(schemas[section]), entry.value, undefined, [], (named, name, path) => {
        const found = unclear.get(`${named} ${name}`)
        if (!found || found.some(inFile(entry.place.file))) return
        const files = [...new Set(found.map(({ place }) => place.file))]
        reports.push({
          code: 'name/ambiguous',
          message: `${named}.${name} is defined differently in ${files.slice(0, 3).join(', ')}: the first is used here`,
          place: entry.at(...path),
          help: 'define it in this file or in the main file, or give each its own name',
        })
      })
  return reports
}

type Visit = (section: string, name: string, path: (string | number)[]) => void

/** Every name in a value that the schema says is the name of a table. */
function references(
  shape: Shape,
  value: unknown,
  above: string | undefined,
  path: (string | number)[],
  visit: Visit,
): void {
  const names = shape.note.names ?? above
  if (shape.kind === 'either') {
    const option = shape.options.find(({ kind }) => kindsOf(value).includes(kind))
    if (option) references(option, value, names, path, visit)
  } else if (typeof value === 'string') {
    if (names !== undefined) visit(names, value, path)
  } else if (shape.kind === 'list' && Array.isArray(value)) {
    for (const [index, item] of value.entries()) references(shape.item, item, names, [...path, index], visit)
  } else if (typeof value !== 'object' || value === null) {
    return
  } else if (shape.kind === 'table') {
    for (const [key, field] of shape.fields)
      references(field.shape, dig(value, [key]), undefined, [...path, key], visit)
  } else if (shape.kind === 'named') {
    for (const [key, item] of Object.entries(value)) references(shape.item, item, undefined, [...path, key], visit)
  } else if (shape.kind === 'variant') {
    const option = shape.options.get(String(dig(value, [shape.key])))
    if (option) references(option, value, undefined, path, visit)
  }
}

/** Which kinds of shape a value may be of. */
function kindsOf(value: unknown): readonly Shape['kind'][] {
  if (Array.isArray(value)) return ['list']
  return isTable(value) ? ['table', 'variant', 'named'] : ['string']
}

function byName<T>(entries: readonly Entry<T>[]): Map<string, Entry<T>[]> {
  return Map.groupBy(entries, ({ name }) => name)
}

function inFile(file: string): (entry: Entry<unknown>) => boolean {
  return ({ place }) => place.file === file
}

function differ(entries: readonly Entry<unknown>[]): boolean {
  const [first, ...others] = entries.map(({ value }) => JSON.stringify(value))
  return others.some((other) => other !== first)
}

function sectionsOf(entries: Entries): Section[] {
  // The keys of this type are the sections, and nothing else is put in.
  return Object.keys(entries) as Section[]
}
