// Paths of keys in a file.
import type { Place } from '../finding/finding.ts'
import { isTable } from './toml.ts'

export type Path = readonly (string | number)[]

/** The place of what stands below another. */
export function below({ file, path }: Place, ...more: Path): Place {
  return { file, path: [...path, ...more] }
}

/** What stands at a path of a tree; undefined when nothing does. */
export function dig(tree: unknown, path: Path): unknown {
  let value = tree
  for (const part of path) {
    if (typeof part === 'number') value = Array.isArray(value) ? value[part] : undefined
    else value = isTable(value) && Object.hasOwn(value, part) ? value[part] : undefined
  }
  return value
}
