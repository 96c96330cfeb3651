// Paths of keys in a file.
import { isTable } from './toml.ts'

export type Path = readonly (string | number)[]

/** What stands at a path of a tree; undefined when nothing does. */
export function dig(tree: unknown, path: Path): unknown {
  let value = tree
  for (const part of path) {
    if (typeof part === 'number') value = Array.isArray(value) ? value[part] : undefined
    else value = isTable(value) && Object.hasOwn(value, part) ? value[part] : undefined
  }
  return value
}
