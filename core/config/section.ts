// The tables of one file: which sections they are of, whether they may stand here, and what they are called.
import { pathText } from '../finding/locate.ts'
import { rearrangeMain } from './alias.ts'
import { makeEntry } from './entry.ts'
import type { FileContext, Made } from './entry.ts'
import { show } from './mask.ts'
import { belongs, home } from './merge.ts'
import type { Entries, Role } from './merge.ts'
import { dig } from './path.ts'
import type { Section } from './raw.ts'
import { nameForms } from './schema/field.ts'
import { schemas, singles } from './schema/index.ts'
import { isTable } from './toml.ts'
import type { Tree } from './toml.ts'

export type Collected = {
  readonly entries: Entries
  /** `section name` of what was left out. */
  readonly broken: Set<string>
  tables: number
}

type File = Pick<FileContext, 'file' | 'env' | 'report' | 'substitute' | 'guess'>

/** Of all files together: ten times what the largest gateways have. */
export const maxTables = 100_000

/** Puts every table of a file where it belongs. */
export function collect(tree: Tree, roles: ReadonlySet<Role>, file: File, collected: Collected): void {
  const say: Parameters<typeof rearrangeMain>[1] = ({ path, ...report }) => {
    file.report({ ...report, place: { file: file.file, path } })
  }
  const arranged = roles.has('main') ? rearrangeMain(tree, say) : { tree, renames: [] }
  const context: FileContext = { ...file, tree, moved: arranged.renames }
  for (const [key, value] of Object.entries(arranged.tree)) {
    const place = { file: file.file, path: [key] }
    if (!isSection(key)) {
      const guess = file.guess(key, Object.keys(schemas))
      const help = guess === undefined ? undefined : `did you mean "${guess}"?`
      const message = `${JSON.stringify(pathText([key]).replaceAll('"', ''))} is not a table of the configuration`
      file.report({ code: 'table/unknown', message, place, mark: 'key', help })
    } else if (!belongs(key, roles)) {
      const message = `[${key}] has no effect in this file`
      file.report({ code: 'table/misplaced', message, place, mark: 'key', help: `move it to ${home(key)}` })
    } else if (isSingle(key)) {
      add(key, [key], value, context, collected)
    } else if (isTable(value)) {
      for (const [name, table] of Object.entries(value)) {
        checkName(key, name, context)
        add(key, [key, name], table, context, collected)
      }
    } else {
      const message = `${key} is ${show(value, true)}: must be tables with a name each`
      file.report({ code: 'value/type', message, place, mark: 'key', help: `write [${key}.NAME]` })
    }
  }
}

function add(section: Section, path: readonly string[], value: unknown, file: FileContext, collected: Collected): void {
  const { entries, broken } = collected
  if (++collected.tables > maxTables) {
    const place = { file: file.file, path }
    const message = `there are more than ${maxTables} tables: those from here on are not read`
    if (collected.tables === maxTables + 1) file.report({ code: 'file/too-many', message, place, mark: 'key' })
    broken.add(`${section} ${String(path.at(-1))}`)
    return
  }
  const { entry, removed } = put(section, path, value, file, entries)
  if (!entry) broken.add(`${section} ${String(path.at(-1))}`)
  if (section !== 'pipelines') return
  for (const direction of ['ingress', 'egress']) {
    const names = entry ? removed.filter(([first, second]) => first === 'mesh' && second === direction) : []
    for (const [, , name] of names) broken.add(`${direction} ${String(name)}`)
    const below = entry ? undefined : dig(value, ['mesh', direction])
    if (isTable(below)) for (const name of Object.keys(below)) broken.add(`${direction} ${name}`)
    for (const name of Object.keys(entry?.value && isTable(value) ? (dig(value, ['mesh', direction]) ?? {}) : {}))
      checkMemberName(path, direction, name, file)
  }
}

function put<S extends Section>(
  section: S,
  path: readonly string[],
  value: unknown,
  file: FileContext,
  entries: Entries,
): Made<S> {
  const made = makeEntry(section, path, value, file)
  if (made.entry) entries[section].push(made.entry)
  return made
}

/** Spec 1.6. */
function checkName(section: Section, name: string, file: FileContext): void {
  const { pattern, rule } = nameForms.table
  if (pattern.test(name)) return
  const path = [section, name]
  const message = `${pathText(path)} has a name that is not allowed: ${rule}`
  file.report({ code: 'name/form', message, place: { file: file.file, path }, mark: 'key' })
}

function checkMemberName(above: readonly string[], direction: string, name: string, file: FileContext): void {
  const path = [...above, 'mesh', direction, name]
  const place = { file: file.file, path }
  const { pattern, rule } = nameForms.member
  if (!pattern.test(name)) {
    const message = `${pathText(path)} has a name that is not allowed: ${rule}`
    file.report({ code: 'name/form', message, place, mark: 'key' })
  } else if (name.includes('.')) {
    const message = `${pathText(path)} has a dot in its name: no mesh can list it`
    const help = 'in a reference, dots stand between its parts: use - or _'
    file.report({ code: 'name/dotted', message, place, mark: 'key', help })
  }
}

function isSection(key: string): key is Section {
  return Object.hasOwn(schemas, key)
}

function isSingle(key: string): boolean {
  return singles.some((single) => single === key)
}
