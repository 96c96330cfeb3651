// Reads a file of key material: bounded, and never one that could make the reader wait.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { FindingCode } from '../../finding/table.ts'

type Failure = { readonly code: FindingCode; readonly what: string }
type Outcome =
  | { readonly content: Buffer; readonly failure?: undefined }
  | { readonly content?: undefined; readonly failure: Failure }

/** 1 MiB: a bundle of every public authority is a quarter of that. */
const maxBytes = 1024 * 1024

/** The content, or what is wrong in words that follow `names <path>, `. */
export function readBounded(path: string): Outcome {
  let descriptor: number | undefined
  try {
    // Without O_NONBLOCK, opening a pipe that nobody writes to would never end.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = fstatSync(descriptor)
    if (stat.isDirectory()) return unreadable('which is a directory')
    if (!stat.isFile()) return unreadable('which is not a regular file')
    if (stat.size > maxBytes) return tooLarge()
    // One byte more than it may have: the file may have grown since.
    const buffer = Buffer.alloc(Math.min(stat.size, maxBytes) + 1)
    let length = 0
    while (length < buffer.length) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, length)
      if (count === 0) return { content: buffer.subarray(0, length) }
      length += count
    }
    return unreadable('which changed while it was read')
  } catch (error) {
    return { failure: failureOf(error) }
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function unreadable(what: string): Outcome {
  return { failure: { code: 'material/unreadable', what } }
}

function tooLarge(): Outcome {
  return { failure: { code: 'material/too-large', what: 'which is larger than 1 MiB' } }
}

function failureOf(error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR') return { code: 'material/missing', what: 'which does not exist' }
  const reasons: Readonly<Record<string, string>> = {
    EACCES: 'which this user may not read',
    EPERM: 'which this user may not read',
    ELOOP: 'which is a loop of symbolic links',
    ENAMETOOLONG: 'which is too long a path',
    ENXIO: 'which is not a regular file',
    ERR_INVALID_ARG_VALUE: 'which is not a path',
  }
  const known = typeof code === 'string' ? reasons[code] : undefined
  return { code: 'material/unreadable', what: known ?? 'which cannot be read' }
}
