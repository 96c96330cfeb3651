// Clients that write bytes, and tell what came back: for what no library would send.
import net from 'node:net'
import { until } from './deadline.ts'
import { endHeaders, frameKinds, preface, settings } from './frames.ts'

export type Wire = {
  socket: net.Socket
  write(bytes: Uint8Array | string): void
  /** What came so far, in ISO 8859-1. */
  text(): string
  bytes(): Buffer
  /** The other side has ended or cut the connection. */
  closed(): boolean
  end(): void
  destroy(): void
}

/** A TCP connection; text is written as ISO 8859-1. */
export async function connect(port: number): Promise<Wire> {
  const chunks: Buffer[] = []
  let closed = false
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => (closed = true))
  socket.on('end', () => (closed = true))
  socket.on('close', () => (closed = true))
  await until(5_000, 'a connection', () => !socket.connecting)
  const bytes = (): Buffer => Buffer.concat(chunks)
  return {
    socket,
    write: (data) => socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data),
    text: () => bytes().toString('latin1'),
    bytes,
    closed: () => closed,
    end: () => socket.end(),
    destroy: () => socket.destroy(),
  }
}

/** The final statuses of the HTTP/1.1 answers that came; bodies must not look like status lines. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((found) => Number(found[1])).filter((status) => status >= 200)
}

export type Frame = { kind: number; flags: number; stream: number; payload: Buffer }

/** An HTTP/2 connection with prior knowledge; our SETTINGS are sent, theirs are acknowledged by the caller or not. */
export async function connectHttp2(port: number): Promise<Wire & { frames(): Frame[] }> {
  const wire = await connect(port)
  wire.write(Buffer.concat([preface, settings]))
  return { ...wire, frames: () => framesOf(wire.bytes()) }
}

function framesOf(bytes: Buffer): Frame[] {
  const list: Frame[] = []
  for (let at = 0; at + 9 <= bytes.length;) {
    const length = bytes.readUIntBE(at, 3)
    if (at + 9 + length > bytes.length) break
    list.push({
      kind: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, at + 9 + length),
    })
    at += 9 + length
  }
  return list
}

/** What came of a stream over HTTP/2, or of its connection: `200`, `reset 1`, `goaway 1`; nothing yet: undefined. */
export function outcome(frames: Frame[], stream: number): string | undefined {
  for (const frame of frames) {
    if (frame.kind === frameKinds.goaway) {
      const code = frame.payload.readUInt32BE(4)
      if (code !== 0) return `goaway ${code}`
    }
    if (frame.stream !== stream) continue
    if (frame.kind === frameKinds.reset) return `reset ${frame.payload.readUInt32BE(0)}`
    if (frame.kind === frameKinds.headers && (frame.flags & endHeaders) !== 0) return String(statusOf(frame.payload))
  }
  return undefined
}

/** `:status` is the first field of a first answer: indexed, or with an indexed name (RFC 7541 section 6). */
function statusOf(head: Buffer): number {
  const known = [200, 204, 206, 304, 400, 404, 500][head.readUInt8(0) - 0x88]
  if (known !== undefined) return known
  const length = head.readUInt8(1) & 0x7f
  const text = head.subarray(2, 2 + length)
  if ((head.readUInt8(1) & 0x80) === 0) return Number(text.toString())
  // RFC 7541 appendix B: `0` to `2` are 00000 to 00010, `3` to `9` are 011001 to 011111.
  let bits = [...text].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  let digits = ''
  while (digits.length < 3) {
    const short = Number.parseInt(bits.slice(0, 5), 2)
    const size = short <= 2 ? 5 : 6
    digits += short <= 2 ? short : Number.parseInt(bits.slice(0, 6), 2) - 0b011001 + 3
    bits = bits.slice(size)
  }
  return Number(digits)
}
