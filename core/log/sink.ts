// Where lines end up. A reader that does not read must not stop the gateway: what waits is bounded, and what is beyond
// that is dropped and counted.
import { closeSync, constants, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { destination } from 'pino'

/** The part of a writable stream that is needed. It must not block: on Linux, files and pipes of Node do not. */
export type Output = {
  readonly writableLength: number
  /** Calls back when the text is out, or never will be. */
  write(text: string, written: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

export type Sink = {
  /** Takes a line with its newline. Never throws, never waits. */
  write(line: string): void
  /** Waits until all is written, for `ms` at most. */
  flush(ms: number): Promise<void>
  /** Opens the file again, under its name; throws when it cannot be opened, and goes on with the old one. */
  reopen?(): void
  close(): void
}

export type SinkOptions = {
  /** The most that waits, in bytes. */
  readonly maxBytes: number
  /** Told once lines get through again: how many did not. */
  readonly onDropped: (lines: number) => void
}

/** Lines of one turn of the event loop go out together. */
const batchCharacters = 16_384

/** Writes into a stream, such as that of stdout. Its errors (a reader that has gone) end the writing, quietly. */
export function streamSink(stream: Output, { maxBytes, onDropped }: SinkOptions): Sink {
  let batch = ''
  let scheduled = false
  let dropped = 0
  let gone = false
  const told = (): void => {
    // once for the whole jam, not for each write of it
    if (dropped === 0 || gone || stream.writableLength > maxBytes / 2) return
    const lines = dropped
    dropped = 0
    onDropped(lines)
  }
  const send = (): void => {
    if (batch === '' || gone) return
    const text = batch
    batch = ''
    stream.write(text, told)
  }
  stream.on('error', () => {
    gone = true
    batch = ''
  })
  return {
    write: (line) => {
      if (gone) return
      if (stream.writableLength + batch.length + line.length > maxBytes) {
        dropped += 1
        return
      }
      batch += line
      if (batch.length >= batchCharacters) send()
      else if (!scheduled) {
        scheduled = true
        setImmediate(() => {
          scheduled = false
          send()
        })
      }
    },
    flush: async (ms) => {
      send()
      await settled(ms, () => gone || stream.writableLength === 0)
    },
    close: send,
  }
}

/** Appends to a file; makes the folders above it. Throws when it cannot be opened. */
export function fileSink(path: string, { maxBytes, onDropped }: SinkOptions): Sink {
  let dropped = 0
  let pending = 0
  const open = () => {
    const stream = destination({ dest: openFile(path), sync: false, maxLength: maxBytes })
    stream.on('drop', () => (dropped += 1))
    // a full disk: what waits is tried again with the next line, and lines beyond the bound are dropped
    stream.on('error', () => undefined)
    stream.on('write', (bytes: number) => (pending = Math.max(0, pending - bytes)))
    stream.on('drain', () => {
      if (dropped === 0) return
      const lines = dropped
      dropped = 0
      onDropped(lines)
    })
    return stream
  }
  let current = open()
  return {
    write: (line) => {
      const before = dropped
      current.write(line)
      if (dropped === before) pending += Buffer.byteLength(line)
    },
    flush: async (ms) => settled(ms, () => pending === 0),
    reopen: () => {
      const old = current
      current = open()
      old.end()
    },
    close: () => current.end(),
  }
}

/** Appends, readable by its owner and group. A pipe without a reader is refused instead of waited for. */
function openFile(path: string): number {
  mkdirSync(dirname(path), { recursive: true })
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants
  const fd = openSync(path, O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY, 0o640)
  // 0 to 2 are for the process's own streams
  if (fd > 2) return fd
  const higher = openFile(path)
  closeSync(fd)
  return higher
}

async function settled(ms: number, done: () => boolean): Promise<void> {
  const end = performance.now() + ms
  while (!done() && performance.now() < end) await pause(5)
}
