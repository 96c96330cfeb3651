// The hash of a configuration: tells two apart in logs and metrics, and nothing more.
import { createHash } from 'node:crypto'

/**
 * Of the files and the key material, by name. Truncated to 32 bits: whoever knows all of a configuration but a weak
 * secret must not be able to try secrets against it.
 */
export function configHash(...parts: readonly ReadonlyMap<string, string | Uint8Array>[]): string {
  const hash = createHash('sha256')
  for (const part of parts)
    for (const [name, content] of [...part].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      // The length keeps the end of one from passing for the beginning of the next.
      hash.update(`${JSON.stringify(name)} ${content.length} `).update(content)
  return hash.digest('hex').slice(0, 8)
}
