// Which values of a file are secret: by their key, by the keys above them, by a name beside them.
import { looksSecret } from './mask.ts'
import { dig } from './path.ts'
import type { Path } from './path.ts'
import { schemas, singles } from './schema/index.ts'

/** Whether the last key of a path says that what is there is secret. Names that operators give tables do not count. */
export function saysSecret(path: Path, leaf: boolean): boolean {
  const last = path.at(-1)
  if (typeof last !== 'string' || !looksSecret(last)) return false
  return leaf || !(path.length === 2 && sections.has(path[0]))
}

/** Whether the value at a path of a file is never shown. */
export function isSecret(tree: unknown, path: Path): boolean {
  if (path.some((_, index) => saysSecret(path.slice(0, index + 1), index === path.length - 1))) return true
  // { name = "x-api-key", value = "..." }
  const name = dig(tree, [...path.slice(0, -1), 'name'])
  return path.at(-1) === 'value' && typeof name === 'string' && looksSecret(name)
}

/** Sections whose tables have names. */
const sections = new Set<unknown>(Object.keys(schemas).filter((key) => !singles.some((single) => single === key)))
