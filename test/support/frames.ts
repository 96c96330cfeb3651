// HTTP/2 written by hand (RFC 9113 section 4.1), for peers that do what no library would.
export const frameKinds = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const
export const endStream = 0x1
export const endHeaders = 0x4
const ack = 0x1

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export function frame(kind: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(kind, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const settings = frame(frameKinds.settings, 0, 0)
export const settingsAck = frame(frameKinds.settings, ack, 0)

/** Bytes are what a value is made of: text stands for ISO 8859-1. */
export type Line = number | readonly [name: string, value: string]

/** Field lines in RFC 7541 without Huffman: indexed ones by their number, others by name and value. */
export function block(fields: readonly Line[]): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1')
    return Buffer.concat([integer(bytes.length), bytes])
  }
  const lines = fields.map((field) =>
    typeof field === 'number'
      ? Buffer.from([0x80 | field])
      : Buffer.concat([Buffer.from([0]), text(field[0]), text(field[1])]),
  )
  return Buffer.concat(lines)
}

/** RFC 7541 section 5.1 with a prefix of seven bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value])
  const bytes = [127]
  let rest = value - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return Buffer.from([...bytes, rest])
}

/** A whole head in one frame. */
export const headers = (stream: number, fields: readonly Line[], flags = 0): Buffer =>
  frame(frameKinds.headers, endHeaders | flags, stream, block(fields))

/** RFC 7541 appendix A. */
export const indexed = { methodPost: 3, path: 4, schemeHttp: 6, status200: 8 } as const

export const data = (stream: number, content: string, flags = 0): Buffer =>
  frame(frameKinds.data, flags, stream, Buffer.from(content))

export function reset(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(code)
  return frame(frameKinds.reset, 0, stream, payload)
}

/** Whether a client's bytes, from its preface on, hold the head of a request. */
export function hasHeaders(bytes: Buffer): boolean {
  let at = preface.length
  while (at + 9 <= bytes.length) {
    if (bytes[at + 3] === frameKinds.headers) return true
    at += 9 + bytes.readUIntBE(at, 3)
  }
  return false
}
