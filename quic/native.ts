// Finds and loads the engine: a Node-API library that the build leaves in dist/.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TransportError } from './errors.ts'

/** An engine as the library has it. JSON texts are described by the types of engine.ts, listener.ts and upstream.ts. */
export type NativeEngine = {
  /** See docs/crossing.md: the bytes written to `out`; 0, nothing waits; -n, `out` must hold n bytes. */
  turn(answers: Uint8Array, length: number, out: Uint8Array): number
  listen(json: string): Promise<string>
  replaceTls(listener: number, json: string): void
  replaceLimits(listener: number, json: string): void
  drain(listener: number, graceMs: number): Promise<string>
  upstream(json: string): number
  closeUpstream(id: number): void
  stats(): string
  stop(graceMs: number): Promise<string>
}

export type NativeModule = {
  NativeEngine: new (optionsJson: string, wake: () => void) => NativeEngine
  errorTable(): string
}

const loaded = new Map<string, NativeModule>()

/** Where the engine lies: `path`, else the environment's HARMONY_ENGINE, else dist/ beside quic/. */
export function enginePath(path?: string): string {
  const chosen = path ?? process.env['HARMONY_ENGINE']
  return chosen ? resolve(chosen) : fileURLToPath(new URL('../dist/harmony-engine.node', import.meta.url))
}

/** Loads the engine, once for each file. */
export function loadNative(path?: string): NativeModule {
  const file = enginePath(path)
  const known = loaded.get(file)
  if (known !== undefined) return known
  if (!existsSync(file)) throw new TransportError(undefined, `the engine is missing at ${file}: run npm run build`)
  const module: { exports: Partial<NativeModule> } = { exports: {} }
  try {
    process.dlopen(module, file)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const text = `the engine at ${file} cannot be loaded (${reason}): run npm run build`
    throw new TransportError(undefined, text, { cause: error })
  }
  const { NativeEngine, errorTable } = module.exports
  if (NativeEngine === undefined || errorTable === undefined) {
    throw new TransportError(undefined, `the library at ${file} is no engine: run npm run build`)
  }
  const native = { NativeEngine, errorTable }
  loaded.set(file, native)
  return native
}
