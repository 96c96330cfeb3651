// Reads configuration files: bounded, regular ones only, and never one that could make the reader wait.
import { constants } from 'node:fs'
import { open, opendir } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { FindingCode } from '../finding/table.ts'

/** What is wrong, in words that follow the name of the file. */
export type Problem = { readonly code: FindingCode; readonly what: string; readonly help?: string }

export type Outcome<T> = { readonly value: T; readonly problem?: undefined } | { readonly problem: Problem }

/** 8 MiB: a hundred thousand routes are less. */
export const maxFileBytes = 8 * 1024 * 1024
/** Of all files together. */
export const maxTotalBytes = 64 * 1024 * 1024
export const maxFiles = 10_000
/** Names of a folder that are looked at, of whatever kind. */
const maxNames = 100_000

/** The text of a file, without a byte order mark. */
export async function readText(path: string): Promise<Outcome<string>> {
  let file: FileHandle | undefined
  try {
    // Without O_NONBLOCK, opening a pipe that nobody writes to would never end.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = await file.stat()
    if (stat.isDirectory()) return failed('file/not-regular', 'is a folder', 'name the file in it: FOLDER/config.toml')
    if (!stat.isFile()) return failed('file/not-regular', 'is not a regular file')
    if (stat.size > maxFileBytes) return tooLarge
    const bytes = await readBounded(file, stat.size)
    return bytes === undefined ? tooLarge : decode(bytes)
  } catch (error) {
    return { problem: problemOf(error) }
  } finally {
    await file?.close().catch(() => undefined)
  }
}

/** The names of the configuration files in a folder, sorted; none when it does not exist. */
export async function listFolder(path: string): Promise<Outcome<readonly string[] | undefined>> {
  const names: string[] = []
  try {
    let count = 0
    for await (const { name } of await opendir(path)) {
      if (++count > maxNames) return failed('file/too-many', `has more than ${maxNames} entries`)
      // Names with a dot in front are those of editors and of Kubernetes, not the operator's.
      if (name.endsWith('.toml') && !name.startsWith('.')) names.push(name)
    }
  } catch (error) {
    const problem = problemOf(error)
    return problem.code === 'file/missing' ? { value: undefined } : { problem }
  }
  return { value: names.toSorted(byCodeUnit).map((name) => join(path, name)) }
}

const tooLarge: { readonly problem: Problem } = failed('file/too-large', 'is larger than 8 MiB')

/** Everything, or nothing when the file is larger than it said and than is allowed. */
async function readBounded(file: FileHandle, size: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let total = 0
  // One byte more than it should have: the file may have grown since.
  let chunk = Buffer.alloc(size + 1)
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, total)
    if (bytesRead === 0) return Buffer.concat(chunks, total)
    total += bytesRead
    if (total > maxFileBytes) return undefined
    chunks.push(chunk.subarray(0, bytesRead))
    chunk = bytesRead === chunk.length ? Buffer.alloc(65_536) : chunk.subarray(bytesRead)
  }
}

function decode(bytes: Buffer): Outcome<string> {
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return failed('file/encoding', 'is UTF-16, not UTF-8', 'save it as UTF-8')
  try {
    return { value: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return failed('file/encoding', 'is not UTF-8 text', 'save it as UTF-8; binary data has no place in it')
  }
}

function problemOf(error: unknown): Problem {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return { code: 'file/missing', what: 'does not exist' }
  const [what, help] = (typeof code === 'string' ? reasons[code] : undefined) ?? ['cannot be read']
  return { code: 'file/unreadable', what, ...(help === undefined ? {} : { help }) }
}

const reasons: Readonly<Record<string, readonly [what: string, help?: string]>> = {
  EACCES: ['may not be read by this user', 'let the user that runs the gateway read it'],
  EPERM: ['may not be read by this user', 'let the user that runs the gateway read it'],
  ELOOP: ['is a loop of symbolic links'],
  ENAMETOOLONG: ['has too long a path'],
  ENOTDIR: ['is below something that is not a folder'],
  EMFILE: ['cannot be opened: this process has too many files open'],
  ENFILE: ['cannot be opened: this machine has too many files open'],
  ENXIO: ['is not a regular file'],
  ERR_INVALID_ARG_VALUE: ['is not a path'],
}

function failed(code: FindingCode, what: string, help?: string): { readonly problem: Problem } {
  return { problem: { code, what, ...(help === undefined ? {} : { help }) } }
}

/** By code unit: the order does not depend on the machine's language. */
function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
