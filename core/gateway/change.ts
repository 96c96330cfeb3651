// What a new configuration changes, in one line for the log: names of what was added, removed and changed.
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/model.ts'

/** `pipelines +a -b ~c; meshes ~prod`; `nothing changed` when both say the same. */
export function describeChange(before: Config, after: Config): string {
  const parts = sections.flatMap(([name, section]) => {
    const changes = changesOf(section(before), section(after))
    return changes.length === 0 ? [] : [`${name} ${brief(changes)}`]
  })
  for (const [name, section] of settings)
    if (!isDeepStrictEqual(section(before), section(after))) parts.push(`${name} ~`)
  return parts.length === 0 ? 'nothing changed' : parts.join('; ')
}

const sections: readonly [string, (config: Config) => ReadonlyMap<string, unknown>][] = [
  ['networks', (config) => config.networks],
  ['pipelines', (config) => config.pipelines],
  ['ingress', (config) => config.ingresses],
  ['egress', (config) => config.egresses],
  ['meshes', (config) => config.meshes],
  ['remote ingress', (config) => config.remoteIngresses],
  ['providers', (config) => config.providers],
]

const settings: readonly [string, (config: Config) => unknown][] = [
  ['proxy', (config) => config.proxy],
  ['logging', (config) => config.logging],
  ['management', (config) => config.management],
]

/** Names shown for each section; the rest is counted. */
const shown = 8

function changesOf(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): string[] {
  const added = [...after.keys()].filter((name) => !before.has(name)).map((name) => `+${name}`)
  const removed = [...before.keys()].filter((name) => !after.has(name)).map((name) => `-${name}`)
  const changed = [...after]
    .filter(([name, value]) => before.has(name) && !isDeepStrictEqual(before.get(name), value))
    .map(([name]) => `~${name}`)
  return [...added, ...removed, ...changed]
}

function brief(changes: readonly string[]): string {
  const more = changes.length - shown
  return more > 0 ? `${changes.slice(0, shown).join(' ')} and ${more} more` : changes.join(' ')
}
