// Paths of keys in messages and look-ups.
import { shorten } from './mask.ts'
import { isTable } from './toml.ts'

export type Path = readonly (string | number)[]

/** `mesh.prod.ingress[0]`; keys that are not bare stand in quotes. */
export function pathText(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`
      const key = /^[A-Za-z0-9_-]+$/.test(part) ? shorten(part) : JSON.stringify(shorten(part))
      return index === 0 ? key : `.${key}`
    })
    .join('')
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
