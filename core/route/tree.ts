// A tree of path prefixes, segment by segment: a lookup takes as many steps as the longest prefix on the path's way
// has segments, however many prefixes there are and however long the path is.
import type { Target } from './path.ts'

export type Tree<T> = {
  /** What stands at the prefix that ends here. */
  value: T | undefined
  /** Whether a mesh's token stands before what is here. */
  guarded: boolean
  children: Map<string, Tree<T>> | undefined
}

export type Found<V> = {
  readonly value: V
  /** Segments of the prefix. */
  readonly depth: number
  /** Where in the key the prefix ends; 0 for `/`. */
  readonly end: number
}

export function tree<T>(): Tree<T> {
  return { value: undefined, guarded: false, children: undefined }
}

/** The place of a prefix, made when it is not there; `prefix` is a key without a slash at its end. */
export function place<T>(root: Tree<T>, prefix: string): Tree<T> {
  let node = root
  for (const segment of prefix === '/' ? [] : prefix.slice(1).split('/')) {
    const children = (node.children ??= new Map<string, Tree<T>>())
    const next = children.get(segment) ?? tree<T>()
    children.set(segment, next)
    node = next
  }
  return node
}

/** The longest prefix of a path at which `pick` finds something. */
export function longest<T, V>(
  root: Tree<T>,
  key: string,
  pick: (value: T, port: number) => V | undefined,
  port: number,
): Found<V> | undefined {
  let node = root
  let value = node.value === undefined ? undefined : pick(node.value, port)
  let [depth, end, at] = [0, 0, 0]
  for (let passed = 1; node.children !== undefined && at < key.length; passed++) {
    const next = key.indexOf('/', at + 1)
    const stop = next < 0 ? key.length : next
    const child = node.children.get(key.substring(at + 1, stop))
    if (child === undefined) break
    node = child
    at = stop
    const picked = node.value === undefined ? undefined : pick(node.value, port)
    if (picked === undefined) continue
    value = picked
    depth = passed
    end = at
  }
  return value === undefined ? undefined : { value, depth, end }
}

/** How many guarded prefixes a path has. */
export function guards<T>(root: Tree<T>, key: string): number {
  let node = root
  let count = node.guarded ? 1 : 0
  for (let at = 0; node.children !== undefined && at < key.length;) {
    const next = key.indexOf('/', at + 1)
    const stop = next < 0 ? key.length : next
    const child = node.children.get(key.substring(at + 1, stop))
    if (child === undefined) break
    node = child
    at = stop
    if (node.guarded) count++
  }
  return count
}

/** What follows a prefix of `depth` segments in the path as it came, without the slash between them. */
export function after(target: Target, found: Found<unknown>): string {
  const { path, key } = target
  let end = found.end
  if (path !== key) {
    // a key has its slashes where the path has them, though not at the same index
    end = 0
    for (let left = found.depth; left > 0; left--) {
      const next = path.indexOf('/', end + 1)
      end = next < 0 ? path.length : next
    }
  }
  return path.substring(end + 1)
}
