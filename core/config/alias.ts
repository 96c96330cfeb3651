// What may be written elsewhere than where it belongs (spec 1.7, 1.8). Keys that only have another name are in the
// schema; here are those that move.
import type { Report } from '../finding/finding.ts'
import { pathText } from '../finding/locate.ts'
import type { Path } from './path.ts'
import { isTable } from './toml.ts'
import type { Tree } from './toml.ts'

export type Rearranged = {
  readonly tree: Tree
  /** From the path where a value belongs to the one where it was written. */
  readonly renames: readonly (readonly [belongs: Path, written: Path])[]
}

/** What a move reports; the file is added by the caller. */
export type Say = (report: Omit<Report, 'place'> & { readonly path: Path }) => void

/** The moves between tables of the main file. */
export function rearrangeMain(tree: Tree, say: Say): Rearranged {
  const copy: Record<string, unknown> = { ...tree }
  const renames: (readonly [Path, Path])[] = []

  /** Puts a value where it belongs, unless one is there; then that one holds. */
  const move = (written: Path, belongs: Path, value: unknown): void => {
    const [section, ...rest] = belongs
    const key = rest.at(-1)
    if (typeof section !== 'string' || typeof key !== 'string') return
    let table = copied(copy, section)
    for (const part of rest.slice(0, -1)) table = copied(table, String(part))
    const help = `write ${pathText(belongs)}`
    const message = `${pathText(written)} is now ${pathText(belongs)}`
    if (Object.hasOwn(table, key))
      say({
        code: 'key/deprecated',
        message: `${message}, which is set too and holds`,
        path: written,
        mark: 'key',
        help,
      })
    else {
      table[key] = value
      renames.push([belongs, written])
      say({ code: 'key/deprecated', message, path: written, mark: 'key', help })
    }
  }

  const { proxy, runbeam } = tree
  if (isTable(proxy) && proxy['log_level'] !== undefined) {
    copy['proxy'] = without(proxy, 'log_level')
    if (tree['logging'] === undefined) renames.push([['logging'], ['proxy']])
    move(['proxy', 'log_level'], ['logging', 'log_level'], proxy['log_level'])
  }
  if (isTable(runbeam)) {
    const provider = isTable(tree['provider']) ? tree['provider'] : {}
    if (provider['runbeam'] === undefined) renames.push([['provider', 'runbeam'], ['runbeam']])
    for (const [old, now] of [
      ['cloud_api_base_url', 'api'],
      ['poll_interval_secs', 'poll_interval_secs'],
    ] as const)
      if (runbeam[old] !== undefined) move(['runbeam', old], ['provider', 'runbeam', now], runbeam[old])
    // Absent means false: a gateway with this table and without `enabled` has never followed a provider.
    const enabled = runbeam['enabled'] ?? false
    const written = runbeam['enabled'] === undefined ? ['runbeam'] : ['runbeam', 'enabled']
    move(written, ['proxy', 'primary_provider'], enabled === true || enabled === 'true' ? 'runbeam' : 'local')
  }
  return { tree: copy, renames }
}

/** The moves inside one table; `base` is its path. */
export function rearrange(section: string, table: Tree, base: Path, say: Say): Rearranged {
  if (section === 'middleware') return inlineOptions(table, base, say)
  if (section === 'targets' || section === 'peers') return lift(table, base, ['url'], ['connection', 'host'], say)
  if (section === 'backends') return lift(table, base, ['options', 'authentication_ref'], ['authentication'], say)
  return { tree: table, renames: [] }
}

/** Options may stand in the table of the middleware itself (C12); those in `options` hold. */
function inlineOptions(table: Tree, base: Path, say: Say): Rearranged {
  const given = table['options'] ?? {}
  if (!isTable(given)) return { tree: table, renames: [] }
  const own: Record<string, unknown> = {}
  const options: Record<string, unknown> = { ...given }
  const renames: (readonly [Path, Path])[] = []
  for (const [key, value] of Object.entries(table)) {
    if (ownKeys.has(key)) own[key] = value
    else if (Object.hasOwn(given, key)) say(both([...base, key], [...base, 'options', key]))
    else {
      options[key] = value
      renames.push([
        [...base, 'options', key],
        [...base, key],
      ])
    }
  }
  return { tree: { ...own, options }, renames }
}

const ownKeys = new Set(['id', 'type', 'authentication', 'options'])

/** Takes a value from `from` to `to`; one that is there holds. */
function lift(table: Tree, base: Path, from: readonly string[], to: readonly string[], say: Say): Rearranged {
  const value = from.reduce<unknown>((at, key) => (isTable(at) ? at[key] : undefined), table)
  if (value === undefined) return { tree: table, renames: [] }
  const tree: Record<string, unknown> = { ...table }
  removeFrom(tree, from)
  const [first, ...rest] = to
  if (first === undefined) return { tree: table, renames: [] }
  const key = rest.at(-1) ?? first
  const renames: (readonly [Path, Path])[] = [
    [
      [...base, ...to],
      [...base, ...from],
    ],
  ]
  if (rest.length > 0 && tree[first] === undefined) renames.push([[...base, first], base])
  const holder = rest.length === 0 ? tree : copied(tree, first)
  if (!Object.hasOwn(holder, key)) {
    holder[key] = value
    return { tree, renames }
  }
  say(both([...base, ...from], [...base, ...to]))
  return { tree, renames: [] }
}

function both(path: Path, holds: Path): Parameters<Say>[0] {
  return {
    code: 'key/alias-conflict',
    severity: 'warning',
    message: `${pathText(path)} and ${pathText(holds)} are both set and mean the same: the second holds`,
    path,
    mark: 'key',
    help: 'remove one of them',
  }
}

function removeFrom(tree: Record<string, unknown>, path: readonly string[]): void {
  const [first, ...rest] = path
  if (first === undefined) return
  if (rest.length === 0) delete tree[first]
  else removeFrom(copied(tree, first), rest)
}

/** The table at a key, copied so that it can be changed; an empty one where there is none. */
function copied(tree: Record<string, unknown>, key: string): Record<string, unknown> {
  const found = tree[key]
  // What is no table stays, for the schema to find it.
  if (found !== undefined && !isTable(found)) return {}
  const copy: Record<string, unknown> = isTable(found) ? { ...found } : {}
  tree[key] = copy
  return copy
}

function without(table: Tree, key: string): Tree {
  return Object.fromEntries(Object.entries(table).filter(([name]) => name !== key))
}
