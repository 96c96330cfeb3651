// One table of one file: rearranged, canonical, checked against its schema; what is wrong is reported and left out.
import * as v from 'valibot'
import type { Place, Report } from '../finding/finding.ts'
import { pathText } from '../finding/locate.ts'
import { rearrange } from './alias.ts'
import { canonical } from './canonical.ts'
import type { Context } from './canonical.ts'
import type { Env } from './env.ts'
import { reportOf } from './issue.ts'
import { show } from './mask.ts'
import type { Path } from './path.ts'
import type { Entry, Section } from './raw.ts'
import { flatten, repair, shapeAt } from './repair.ts'
import type { Found, Mended } from './repair.ts'
import { middlewareTypes, otherMiddleware, typeSpellings } from './schema/middleware/index.ts'
import { schemas } from './schema/index.ts'
import type { Tables } from './schema/index.ts'
import { shapeOf } from './schema/shape.ts'
import type { Shape } from './schema/shape.ts'
import { isTable } from './toml.ts'
import type { Tree } from './toml.ts'

export type FileContext = {
  readonly file: string
  /** The file as it was written. */
  readonly tree: Tree
  readonly env: Env
  /** What was moved between tables. */
  readonly moved: readonly (readonly [belongs: Path, written: Path])[]
  report(report: Report): void
  /** Told of what is put in place of a variable. */
  substitute(value: string, name: string): void
  guess(word: string, candidates: Iterable<string>): string | undefined
}

export type Made<S extends Section> = {
  /** None when too little of it is right. */
  readonly entry: Entry<Tables[S]> | undefined
  /** The paths of its parts that were left out, from the table. */
  readonly removed: readonly Path[]
}

/** The table at `path`, where it belongs; `value` is what stands there. */
export function makeEntry<S extends Section>(section: S, path: Path, value: unknown, file: FileContext): Made<S> {
  const name = String(path.at(-1))
  const renames = new Map(file.moved.map(([belongs, written]) => [JSON.stringify(belongs), written]))
  const at = placeFinder(file.file, path, renames)
  if (!isTable(value)) {
    const { path: written } = at()
    const message = `${pathText(written)} is ${show(value)}: must be a table`
    file.report({ code: 'value/type', message, place: at(), help: `write [${pathText(written)}] on a line of its own` })
    return { entry: undefined, removed: [] }
  }
  const context: Context = { ...file, renames, holes: [] }
  const { tree, renames: moves } = rearrange(section, value, path, ({ path: written, ...report }) => {
    file.report({ ...report, place: { file: file.file, path: written } })
  })
  for (const [belongs, written] of moves) renames.set(JSON.stringify(belongs), written)
  const schema = schemaOf(section, tree)
  const shape = shapeOf(schema)
  const written = at().path
  const origin = { belongs: path, written: samePath(path, written) ? path : written }
  const checked = canonical(shape, named(section, name, tree, schema), origin, context)
  misnamed(section, name, checked, at, file)

  const parsed = v.safeParse(schema, checked)
  const holes = new Set(context.holes.map((hole) => JSON.stringify(hole.slice(path.length))))
  const issues = parsed.success ? [] : parsed.issues.flatMap((issue) => flatten(issue))
  // Of several issues with one value, the first is the one that matters.
  const wrong = [
    ...new Map(issues.toReversed().map((found) => [JSON.stringify(found.path), found])).values(),
  ].toReversed()
  for (const found of wrong.slice(0, maxWrong)) {
    if (holes.has(JSON.stringify(found.path))) continue
    const part = shapeAt(shape, checked, found.path)
    file.report(reportOf(found.issue, part, file.tree, file.file, at(...found.path).path))
  }
  const left = parsed.success ? { value: parsed.output, removed: [] } : mend(schema, shape, checked, wrong)
  if (!left) return { entry: undefined, removed: [] }
  // The value comes from the schema of this section: that is its type.
  return { entry: { name, value: left.value as Tables[S], place: at(), at }, removed: left.removed }
}

/** Wrong parts of one table that are looked at: nobody reads more, and a hostile file could have a million. */
const maxWrong = 500

function mend(schema: v.GenericSchema, shape: Shape, value: unknown, wrong: readonly Found[]): Mended | undefined {
  if (wrong.length > maxWrong) return undefined
  const paths = wrong.map(({ path }) => path)
  return repair(schema, shape, value, paths)
}

/** The `id` of these is the name of the table (spec 1.6); it need not be written. */
const identified = new Set<Section>(['authentications', 'policies', 'rules'])

function named(section: Section, name: string, tree: Tree, schema: v.GenericSchema): Tree {
  if (schema === otherMiddleware) return { ...tree, type: 'other', named: tree['type'] }
  return identified.has(section) && tree['id'] === undefined ? { id: name, ...tree } : tree
}

function misnamed(section: Section, name: string, value: unknown, at: Finder, file: FileContext): void {
  const id = identified.has(section) && isTable(value) ? value['id'] : name
  if (typeof id !== 'string' || id === name) return
  const place = at('id')
  const message = `${pathText(place.path)} is ${show(id)}: must be "${name}", as the table is called`
  file.report({ code: 'name/id', message, place, help: 'leave it out, or rename the table' })
}

/** A middleware of a type that is not known here is nobody's mistake yet: it may be unused, or registered. */
function schemaOf(section: Section, { type }: Tree): v.GenericSchema {
  if (section !== 'middleware' || typeof type !== 'string' || type.includes('${')) return schemas[section]
  return middlewareTypes.includes(typeSpellings[type] ?? type) ? schemas.middleware : otherMiddleware
}

type Finder = (...path: (string | number)[]) => Place

function placeFinder(file: string, base: Path, renames: ReadonlyMap<string, Path>): Finder {
  return (...path) => {
    const whole = [...base, ...path]
    for (let length = renames.size === 0 ? 0 : whole.length; length > 0; length--) {
      const written = renames.get(JSON.stringify(whole.slice(0, length)))
      if (written) return { file, path: [...written, ...whole.slice(length)] }
    }
    return { file, path: whole }
  }
}

function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index])
}
