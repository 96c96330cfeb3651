// The crossing's format once more, written plainly after docs/crossing.md, to hold the real encoder
// and decoder against.
import { Buffer } from 'node:buffer'

export type Pair = [name: string, value: string]

/** Puts bytes together. */
export class Writer {
  #parts: Buffer[] = []

  u8(number: number): this {
    return this.raw(Buffer.of(number))
  }

  u16(number: number): this {
    const part = Buffer.alloc(2)
    part.writeUInt16LE(number)
    return this.raw(part)
  }

  u32(number: number): this {
    const part = Buffer.alloc(4)
    part.writeUInt32LE(number)
    return this.raw(part)
  }

  f64(number: number): this {
    const part = Buffer.alloc(8)
    part.writeDoubleLE(number)
    return this.raw(part)
  }

  bytes(content: Uint8Array | string): this {
    const part = typeof content === 'string' ? Buffer.from(content, 'latin1') : Buffer.from(content)
    return this.u32(part.length).raw(part)
  }

  fields(pairs: readonly Pair[]): this {
    this.u32(pairs.length)
    for (const [name, value] of pairs) this.bytes(name).bytes(value)
    return this
  }

  raw(part: Buffer): this {
    this.#parts.push(part)
    return this
  }

  get done(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/** What a head message holds. */
export type HeadParts = {
  connection: number
  listener: number
  protocol: number
  flags: number
  contentLength: number
  method: string
  scheme: string
  authority: string
  target: string
  upgrade: string
  remoteAddress: string
  remotePort: number
  localAddress: string
  localPort: number
  serverName: string
  certificate: Uint8Array
  fields: Pair[]
}

export const plainHead: HeadParts = {
  connection: 1,
  listener: 1,
  protocol: 11,
  flags: 0,
  contentLength: -1,
  method: 'GET',
  scheme: 'http',
  authority: 'example.test',
  target: '/',
  upgrade: '',
  remoteAddress: '127.0.0.1',
  remotePort: 40_000,
  localAddress: '127.0.0.1',
  localPort: 80,
  serverName: '',
  certificate: new Uint8Array(),
  fields: [],
}

function message(kind: number, id: number, content: Writer): Buffer {
  const inner = new Writer().u8(kind).f64(id).raw(content.done).done
  return new Writer().u32(inner.length).raw(inner).done
}

/** Messages as the engine writes them. */
export const engine = {
  head(id: number, parts: Partial<HeadParts> = {}): Buffer {
    const head = { ...plainHead, ...parts }
    const content = new Writer()
      .f64(head.connection)
      .u32(head.listener)
      .u8(head.protocol)
      .u8(head.flags)
      .f64(head.contentLength)
      .bytes(head.method)
      .bytes(head.scheme)
      .bytes(head.authority)
      .bytes(head.target)
      .bytes(head.upgrade)
      .bytes(head.remoteAddress)
      .u16(head.remotePort)
      .bytes(head.localAddress)
      .u16(head.localPort)
      .bytes(head.serverName)
      .bytes(head.certificate)
      .fields(head.fields)
    return message(1, id, content)
  },
  collected: (id: number, body: Uint8Array | string, trailers: readonly Pair[] = []) =>
    message(2, id, new Writer().bytes(body).fields(trailers)),
  response: (id: number, status: number, fields: readonly Pair[] = []) =>
    message(3, id, new Writer().u16(status).u8(20).f64(-1).fields(fields)),
  failure: (id: number, code: string, replayable = true) =>
    message(4, id, new Writer().bytes(code).bytes('what happened').f64(-1).u8(Number(replayable)).u32(7)),
  want: (id: number, bytes: number) => message(5, id, new Writer().u32(bytes)),
  gone: (id: number, code = 'client/cancelled') => message(6, id, new Writer().bytes(code)),
  record(id: number, code = ''): Buffer {
    const content = new Writer()
      .f64(3)
      .u32(1)
      .u32(7)
      .u8(30)
      .u8(11)
      .u16(code === '' ? 200 : 0)
      .f64(10)
      .f64(20)
    for (const time of [1_700_000_000_000.5, 0.25, -1, 2.5, 3]) content.f64(time)
    content
      .u16(2)
      .u8(1)
      .bytes(code)
      .bytes(code === '' ? '' : 'why')
      .f64(code === '' ? -1 : 0x10c)
      .bytes('[::1]:443')
    return message(7, id, content)
  },
  event: (json: string) => message(8, 0, new Writer().bytes(json)),
  unknown: (kind: number) => message(kind, 1, new Writer()),
}

/** An answer as it left JavaScript. */
export type Said = {
  kind: string
  id: number
  status?: number
  fields?: Pair[]
  body?: Buffer | 'stream' | undefined
  upstream?: number
  flags?: number
  method?: string
  target?: string
  authority?: string
  edits?: [op: number, name: string, value: string][]
  responseEdits?: [op: number, name: string, value: string][]
  maxBytes?: number
  reason?: number
}

class Reader {
  #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get over(): boolean {
    return this.#at === this.#bytes.length
  }

  raw(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new Error('cut off')
    const part = Buffer.from(this.#bytes.subarray(this.#at, this.#at + length))
    this.#at += length
    return part
  }

  u8 = (): number => this.raw(1).readUInt8()
  u16 = (): number => this.raw(2).readUInt16LE()
  u32 = (): number => this.raw(4).readUInt32LE()
  f64 = (): number => this.raw(8).readDoubleLE()
  bytes = (): Buffer => this.raw(this.u32())
  text = (): string => this.bytes().toString('latin1')
  fields = (): Pair[] => Array.from({ length: this.u32() }, (): Pair => [this.text(), this.text()])
  edits = (): [number, string, string][] =>
    Array.from({ length: this.u32() }, (): [number, string, string] => [this.u8(), this.text(), this.text()])
}

/** Reads a batch of answers; throws when it is not well formed. */
export function readAnswers(batch: Uint8Array): Said[] {
  const outer = new Reader(Buffer.from(batch))
  const said: Said[] = []
  while (!outer.over) {
    const inner = new Reader(outer.bytes())
    said.push(readAnswer(inner))
    if (!inner.over) throw new Error('an answer is longer than its content')
  }
  return said
}

function readAnswer(from: Reader): Said {
  const kind = from.u8()
  const id = from.f64()
  switch (kind) {
    case 1: {
      const status = from.u16()
      const fields = from.fields()
      const body = from.u8()
      return {
        kind: 'respond',
        id,
        status,
        fields,
        body: body === 0 ? undefined : body === 1 ? from.bytes() : 'stream',
      }
    }
    case 2: {
      const said: Said = { kind: 'forward', id, upstream: from.u32(), flags: from.u8() }
      const flags = said.flags ?? 0
      if (flags & 4) said.body = from.bytes()
      if (flags & 8) said.method = from.text()
      if (flags & 16) said.target = from.text()
      if (flags & 32) said.authority = from.text()
      if (flags & 64) said.maxBytes = from.f64()
      said.edits = from.edits()
      if (flags & 128) said.responseEdits = from.edits()
      return said
    }
    case 3:
      return { kind: 'collect', id, maxBytes: from.f64() }
    case 4:
      return { kind: 'reset', id, reason: from.u8() }
    case 5:
      return { kind: 'chunk', id, body: from.bytes() }
    case 6:
      return { kind: 'end', id, fields: from.fields() }
    case 7:
      return { kind: 'fail', id }
    case 8:
      return { kind: 'pass', id, status: from.u16(), edits: from.edits() }
    case 9:
      return { kind: 'inform', id, status: from.u16(), fields: from.fields() }
    default:
      throw new Error(`unknown kind ${kind}`)
  }
}
