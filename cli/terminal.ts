// The process's streams as commands see them: text out, text in, colours where a terminal shows them.
import { styleText } from 'node:util'
import type { Paint, Style } from '../core/index.ts'

export type Terminal = {
  /** The result of a command, and nothing else. */
  out(text: string): void
  /** Progress and errors. */
  err(text: string): void
  /** The value as one JSON document. */
  json(value: unknown): void
  /** All of stdin as text; undefined when it is longer than `maxBytes` or no text. */
  input(maxBytes: number): Promise<string | undefined>
  /** Colours for one of the streams; none when it is no terminal (or NO_COLOR), some all the same with FORCE_COLOR. */
  paint(stream: 'out' | 'err'): Paint
  /** Waits until all that was printed is out, or nobody reads it. */
  flushed(): Promise<void>
  /** Stdout is not waited for any more. */
  leave(): void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly process: NodeJS.Process
}

const styles = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  title: ['bold'],
  gutter: ['blue'],
  help: ['bold', 'cyan'],
} as const satisfies Record<Style, readonly string[]>

/** The streams of a process. A reader that leaves early (`harmony check | head`) ends the printing, quietly. */
export function terminal(process: NodeJS.Process): Terminal {
  const gone = new Set<NodeJS.WriteStream>()
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => gone.add(stream))
  const write = (stream: NodeJS.WriteStream, text: string): void => {
    if (!gone.has(stream)) stream.write(text)
  }
  const out = (text: string): void => write(process.stdout, text)
  const drained = async (stream: NodeJS.WriteStream): Promise<void> => {
    if (gone.has(stream) || stream.writableLength === 0) return
    await new Promise<void>((resolve) => {
      stream.once('error', () => resolve())
      stream.write('', () => resolve())
    })
  }
  return {
    out,
    err: (text) => write(process.stderr, text),
    json: (value) => out(`${escaped(JSON.stringify(value, undefined, 2))}\n`),
    input: async (maxBytes) => readAll(process.stdin, maxBytes),
    paint: (name) => {
      const stream = name === 'out' ? process.stdout : process.stderr
      return (style, text) => styleText([...styles[style]], text, { stream })
    },
    flushed: async () => {
      await Promise.all([drained(process.stdout), drained(process.stderr)])
    },
    leave: () => gone.add(process.stdout),
    env: process.env,
    cwd: process.cwd(),
    process,
  }
}

async function readAll(stream: NodeJS.ReadStream, maxBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    // without an encoding, chunks are bytes
    const bytes = chunk as Buffer
    length += bytes.length
    if (length > maxBytes) return undefined
    chunks.push(bytes)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    return undefined
  }
}

/** JSON escapes the lowest control characters itself; the others it may, and a terminal obeys them too. */
function escaped(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Words of others, made safe to print: a terminal obeys control characters. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const hidden = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g
  return text.replace(hidden, '\ufffd')
}
