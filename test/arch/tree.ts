// The files of the repository, as the architecture's tests read them.
import { globSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** Maps paths from the root to texts; folders that do not exist hold no files. */
export function texts(...patterns: string[]): Map<string, string> {
  const paths = globSync(patterns, { cwd: root, exclude: isOutput }).toSorted()
  return new Map(paths.map((path) => [path.split(sep).join('/'), text(path)]))
}

function isOutput(path: string): boolean {
  return path.split(sep).some((part) => part === 'node_modules' || part === 'target')
}

export function text(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
