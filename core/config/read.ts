// Reads a configuration: the main file, then the folders it names; every finding of every file in one go (spec 1.3).
import { basename, dirname, relative, resolve, sep } from 'node:path'
import type { Report } from '../finding/finding.ts'
import { closest } from '../finding/typo.ts'
import { variable } from './env.ts'
import type { Env } from './env.ts'
import { listFolder, maxFiles, maxTotalBytes, readText } from './file.ts'
import type { Outcome } from './file.ts'
import { ambiguities, emptyEntries, finder } from './merge.ts'
import type { Role } from './merge.ts'
import { sourcesOf } from './place.ts'
import type { Source } from './place.ts'
import type { Raw, Sources } from './raw.ts'
import { collect } from './section.ts'
import type { Collected } from './section.ts'
import { parseToml } from './toml.ts'
import type { Tree } from './toml.ts'
import type { Substituted } from './veil.ts'

export type ReadOptions = {
  /** The main file: absolute, or relative to the working directory. */
  readonly file: string
  readonly env: Env
  readonly report: (report: Report) => void
}

export type Read = {
  /** None when the main file cannot be read or parsed. */
  readonly raw: Raw | undefined
  readonly sources: Sources
  /** What each file holds, by its name. */
  readonly texts: ReadonlyMap<string, string>
  readonly substituted: Substituted
}

/** More mistakes than anybody reads. */
const maxGuesses = 500
/** Files that are read at once. */
const batch = 16

const folders = [
  { key: 'pipelines_path', role: 'pipelines' },
  { key: 'transforms_path', role: 'transforms' },
  { key: 'mesh_path', role: 'mesh' },
] as const

/** Never rejects: whatever is wrong is reported. */
export async function readRaw({ file, env, report }: ReadOptions): Promise<Read> {
  const path = resolve(file)
  const directory = dirname(path)
  const main = basename(path)
  const files = new Map<string, Source>()
  const texts = new Map<string, string>()
  const sources = sourcesOf(files)
  const collected: Collected = { entries: emptyEntries(), broken: new Set(), tables: 0 }
  const guess = guesser()
  const substituted = new Map<string, string>()
  const substitute = (value: string, name: string): void => void substituted.set(value, `\${${name}}`)
  let totalBytes = 0
  let complete = true
  const full = (): boolean => totalBytes > maxTotalBytes

  /** The tree of a file that has been read; none when it could not be. */
  const take = (name: string, outcome: Outcome<string>): Tree | undefined => {
    const fail = (code: Report['code'], message: string, help: string | undefined): undefined => {
      complete = false
      report({ code, message, place: { file: name, path: [] }, help })
    }
    if (outcome.problem) return fail(outcome.problem.code, `${name} ${outcome.problem.what}`, outcome.problem.help)
    totalBytes += Buffer.byteLength(outcome.value)
    if (totalBytes > maxTotalBytes)
      return fail('file/too-large', 'the files together are larger than 64 MiB', undefined)
    const { tree, fault } = parseToml(outcome.value)
    files.set(name, { text: outcome.value, fault })
    texts.set(name, outcome.value)
    return fault ? fail(fault.code, fault.message, fault.help) : tree
  }

  const first = take(main, await readText(path))
  if (!first) return { raw: undefined, sources, texts, substituted }
  collect(first, new Set(['main']), { file: main, env, report, substitute, guess }, collected)
  const proxy = collected.entries.proxy[0]
  checkRequired(proxy, first, main, env, report)

  const paths: string[] = []
  const others = new Map<string, Set<Role>>()
  for (const { key, role } of folders) {
    const given = proxy?.value[key] ?? role
    const folder = resolve(directory, given)
    paths.push(folder)
    const listed = await listFolder(folder)
    const place = proxy?.at(key) ?? { file: main, path: [] }
    if (listed.problem) {
      complete = false
      const { code, what, help } = listed.problem
      report({ code, message: `${given} ${what}`, place, help })
    } else if (listed.value === undefined) {
      // Those that nobody asked for need not be there.
      const message = `${given} does not exist`
      if (isWritten(first, key)) report({ code: 'file/no-folder', message, place, help: `it would be ${folder}` })
    } else {
      for (const each of listed.value) others.set(each, (others.get(each) ?? new Set()).add(role))
    }
  }
  others.delete(path)

  if (others.size > maxFiles) {
    complete = false
    const message = `there are ${others.size} files: at most ${maxFiles} are read`
    report({ code: 'file/too-many', message, place: { file: main, path: [] } })
  }
  const queue = [...others].slice(0, maxFiles)
  for (let at = 0; at < queue.length && !full(); at += batch) {
    const part = queue.slice(at, at + batch)
    const outcomes = await Promise.all(part.map(async ([each]) => readText(each)))
    for (const [index, [each, roles]] of part.entries()) {
      const name = relative(directory, each).split(sep).join('/')
      const tree = take(name, outcomes[index] ?? { problem: { code: 'file/missing', what: 'does not exist' } })
      if (tree) collect(tree, roles, { file: name, env, report, substitute, guess }, collected)
    }
  }
  const { entries, broken } = collected
  for (const each of ambiguities(entries, main)) report(each)

  const raw: Raw = {
    directory,
    main,
    files: [main, ...queue.map(([each]) => relative(directory, each).split(sep).join('/'))],
    folders: [...new Set(paths)],
    all: (section) => entries[section],
    find: finder(entries, main),
    broken: (section, name) => broken.has(`${section} ${name}`),
    complete,
    proxy,
    management: entries.management[0],
    logging: entries.logging[0],
    storage: entries.storage[0],
  }
  return { raw, sources, texts, substituted }
}

/** The variables without which nothing starts (spec 1.5). */
function checkRequired(
  proxy: Raw['proxy'],
  tree: Tree,
  main: string,
  env: Env,
  report: (report: Report) => void,
): void {
  if (proxy === undefined && tree['proxy'] === undefined) {
    const message = 'there is no [proxy] table: it is required'
    const help = 'write [proxy], and in it `id = "..."`, the name of this gateway'
    report({ code: 'table/missing', message, place: { file: main, path: [] }, help })
  }
  for (const [index, name] of (proxy?.value.required_env_vars ?? []).entries()) {
    const value = variable(env, name)
    if (value !== undefined && value !== '') continue
    const state = value === undefined ? 'not set' : 'empty'
    const message = `the environment variable ${name} is ${state}, and the configuration requires it`
    const place = proxy?.at('required_env_vars', index) ?? { file: main, path: [] }
    report({ code: 'env/required', message, place })
  }
}

/** Guesses at what was meant, as often as it may help somebody: each takes a comparison with every candidate. */
function guesser(): (word: string, candidates: Iterable<string>) => string | undefined {
  let left = maxGuesses
  return (word, candidates) => (left-- > 0 ? closest(word, candidates) : undefined)
}

function isWritten(tree: Tree, key: string): boolean {
  const { proxy } = tree
  return typeof proxy === 'object' && proxy !== null && Object.hasOwn(proxy, key)
}
