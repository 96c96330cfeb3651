// Tells when the files of a configuration have changed. Events of the file system say when to look; what is found by
// looking decides. So a storm of events is one change, an event without a change is none, and a change that no event
// told of (network and bind mounts, links outside of what is watched) is seen by the next look all the same.
import { watch } from 'chokidar'
import type { FSWatcher } from 'chokidar'
import { places, relevant, traceOf } from './trace.ts'
import type { Places } from './trace.ts'

export type WatchOptions = {
  /** Unix time in ms when the reading of the files began: what has changed since is told. Default: now. */
  readonly since?: number | undefined
  /** Quiet time after an event, in ms. Default 200 (spec 10). */
  readonly debounceMs?: number | undefined
  /** The longest that a storm may put off the look, in ms. Default 2,000. */
  readonly maxWaitMs?: number | undefined
  /** Between two looks without an event, in ms. Default 5,000. */
  readonly pollMs?: number | undefined
  /** Told of what the file system refuses, such as more watches. Looking goes on. */
  readonly onError?: ((error: unknown) => void) | undefined
}

export type Watching = {
  /** Events are told from now on. */
  readonly ready: Promise<void>
  /** Watches these from now on; what is among them for the first time is told when it changed after the last telling. */
  update(paths: readonly string[]): void
  /** No call begins after it. */
  close(): Promise<void>
}

const defaults = { debounceMs: 200, maxWaitMs: 2_000, pollMs: 5_000 }

/** File systems are as exact as the kernel's tick: a file may look that much older than it is. */
const tickMs = 20

/**
 * Watches files and folders, absolute, existing or not. `onChange` is called once for each change, one call after the
 * other: what changes during a call causes one more after it.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: () => void | Promise<void>,
  options: WatchOptions = {},
): Watching {
  const watching = new Watcher(paths, onChange, options)
  return { ready: watching.ready, update: (next) => watching.update(next), close: async () => watching.close() }
}

class Watcher {
  readonly ready: Promise<void>
  readonly #onChange: () => void | Promise<void>
  readonly #options: { readonly onError: (error: unknown) => void } & typeof defaults
  #chokidar: FSWatcher | undefined
  readonly #poll: NodeJS.Timeout
  /** What each path looked like when its change was told last. */
  readonly #seen = new Map<string, string>()
  #paths: readonly string[]
  #places: Places = { folders: new Set(), files: new Set(), listed: new Set() }
  #timer: NodeJS.Timeout | undefined
  /** When the oldest event came that no look has answered. */
  #touchedAt: number | undefined
  #looking: Promise<void> | undefined
  #since: number
  #closed = false

  constructor(paths: readonly string[], onChange: () => void | Promise<void>, options: WatchOptions) {
    this.#paths = paths
    this.#onChange = onChange
    this.#since = options.since === undefined ? Date.now() : options.since - tickMs
    this.#options = {
      debounceMs: options.debounceMs ?? defaults.debounceMs,
      maxWaitMs: options.maxWaitMs ?? defaults.maxWaitMs,
      pollMs: options.pollMs ?? defaults.pollMs,
      onError: options.onError ?? (() => undefined),
    }
    this.#poll = setInterval(() => void this.#compare(), this.#options.pollMs).unref()
    this.ready = this.#start()
  }

  update(paths: readonly string[]): void {
    this.#paths = paths
    for (const path of this.#seen.keys()) if (!paths.includes(path)) this.#seen.delete(path)
    void this.#compare()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#poll)
    clearTimeout(this.#timer)
    await this.#chokidar?.close()
  }

  async #start(): Promise<void> {
    this.#places = await places(this.#paths)
    await this.#compare()
    if (this.#closed) return
    const chokidar = watch([...this.#places.folders], {
      // folders that hold nothing of interest are not entered. A depth would lose folders that come back
      ignored: (path) => !relevant(this.#places, path),
      ignoreInitial: true,
      // the places that links lead to are watched by themselves
      followSymlinks: false,
      atomic: false,
      ignorePermissionErrors: true,
      // what listens keeps the process alive, not what watches
      persistent: false,
    })
    this.#chokidar = chokidar
    chokidar.on('all', () => this.#touch())
    chokidar.on('error', (error) => this.#options.onError(error))
    await new Promise<void>((resolve) => chokidar.once('ready', () => resolve()))
    // what changed before events came
    await this.#compare()
  }

  /** An event: look when it has been quiet for a while. */
  #touch(): void {
    if (this.#closed) return
    const now = performance.now()
    this.#touchedAt ??= now
    const { debounceMs, maxWaitMs } = this.#options
    const waitMs = Math.min(debounceMs, Math.max(0, this.#touchedAt + maxWaitMs - now))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), waitMs).unref()
  }

  /** Looks, and tells; one at a time. */
  async #look(): Promise<void> {
    // the look under way ends with a comparison
    if (this.#looking !== undefined) return
    this.#touchedAt = undefined
    this.#looking = this.#tell()
    await this.#looking
    this.#looking = undefined
    await this.#compare()
  }

  async #tell(): Promise<void> {
    const started = Date.now() - tickMs
    const changes = await this.#changes()
    if (this.#closed || changes.size === 0) return
    for (const [path, trace] of changes) this.#seen.set(path, trace)
    this.#since = started
    try {
      await this.#onChange()
    } catch (error) {
      this.#options.onError(error)
    }
  }

  /** Whether something has changed that was not told: then it is told after a quiet time. */
  async #compare(): Promise<void> {
    await this.#follow()
    const changes = await this.#changes()
    if (changes.size > 0 && this.#looking === undefined) this.#touch()
  }

  /** What looks otherwise than when it was told. What is looked at for the first time is remembered. */
  async #changes(): Promise<Map<string, string>> {
    const changes = new Map<string, string>()
    await Promise.all(
      this.#paths.map(async (path) => {
        const { text, changedMs } = await traceOf(path)
        const before = this.#seen.get(path)
        if (before === undefined && changedMs < this.#since) this.#seen.set(path, text)
        else if (before !== text) changes.set(path, text)
      }),
    )
    return changes
  }

  /** Watches the places where the paths lie now: links may lead elsewhere than before. */
  async #follow(): Promise<void> {
    const before = this.#places
    const next = await places(this.#paths)
    // before the start there is nothing to change
    if (this.#closed || this.#chokidar === undefined) return
    this.#places = next
    const added = [...next.folders].filter((folder) => !before.folders.has(folder))
    // chokidar would ignore such a path from now on: one that may come back stays
    const removed = [...before.folders].filter((folder) => !next.folders.has(folder) && !next.files.has(folder))
    if (removed.length > 0) this.#chokidar.unwatch(removed)
    if (added.length > 0) this.#chokidar.add(added)
  }
}
