// What a file or folder looks like from outside: two traces differ when its content may have changed.
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

export type Trace = {
  readonly text: string
  /** Unix time in ms of the latest change; 0 when there is nothing. */
  readonly changedMs: number
}

/** Where events are listened for. */
export type Places = {
  /** Folders whose entries are watched. */
  readonly folders: ReadonlySet<string>
  /** Entries that matter by themselves. */
  readonly files: ReadonlySet<string>
  /** Folders that are read as a whole. */
  readonly listed: ReadonlySet<string>
}

/** What is read of a folder. */
const read = /\.(?:toml|json)$/

/** More are compared by their names alone. */
const maxStats = 10_000

/** A file by its identity, size and times; a folder by its files. Links are followed; what is missing has a trace too. */
export async function traceOf(path: string): Promise<Trace> {
  try {
    const own = await stat(path, { bigint: true })
    if (!own.isDirectory()) return { text: textOf(own), changedMs: Number(own.ctimeMs) }
    const names = (await readdir(path)).filter((name) => read.test(name)).toSorted()
    const files = await Promise.all(
      names.slice(0, maxStats).map(async (name) => {
        const { text, changedMs } = await fileOf(join(path, name))
        return { text: `${name} ${text}`, changedMs }
      }),
    )
    const text = [`${own.dev} ${own.ino}`, ...files.map((file) => file.text), ...names.slice(maxStats)].join('\n')
    return { text, changedMs: Math.max(Number(own.mtimeMs), ...files.map((file) => file.changedMs)) }
  } catch (error) {
    return missing(error)
  }
}

/** The folders in which the paths lie, as they are written and as links lead there. */
export async function places(paths: readonly string[]): Promise<Places> {
  const [folders, files, listed] = [new Set<string>(), new Set<string>(), new Set<string>()]
  await Promise.all(
    paths.map(async (path) => {
      const real = await realpath(path).catch(() => path)
      const isFolder = await stat(path).then(
        (found) => found.isDirectory(),
        () => false,
      )
      for (const way of [path, real]) {
        const parent = dirname(way)
        for (const folder of [parent, await realpath(parent).catch(() => parent)]) {
          folders.add(folder)
          files.add(join(folder, basename(way)))
        }
        if (isFolder) for (const set of [folders, listed]) set.add(way)
      }
    }),
  )
  return { folders, files, listed }
}

/** Whether an event of this path is worth a look. */
export function relevant({ folders, files, listed }: Places, path: string): boolean {
  if (folders.has(path) || files.has(path)) return true
  const name = basename(path)
  // the link that Kubernetes exchanges when a mounted ConfigMap or Secret changes
  if (name === '..data') return true
  return read.test(name) && listed.has(dirname(path))
}

type Stat = { dev: bigint; ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint; mode: bigint }

function textOf({ dev, ino, size, mtimeNs, ctimeNs, mode }: Stat): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs} ${mode}`
}

async function fileOf(path: string): Promise<Trace> {
  try {
    const own = await stat(path, { bigint: true })
    return { text: textOf(own), changedMs: Number(own.ctimeMs) }
  } catch (error) {
    return missing(error)
  }
}

function missing(error: unknown): Trace {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return { text: `none ${code}`, changedMs: 0 }
}
