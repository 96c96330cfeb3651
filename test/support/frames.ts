// HTTP/2 written by hand (RFC 9113 section 4.1), for peers that do what no library would.
const frameKinds = { data: 0, headers: 1, reset: 3, settings: 4 } as const
const endHeaders = 0x4
const ack = 0x1

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

function frame(kind: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(kind, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const settings = frame(frameKinds.settings, 0, 0)
export const settingsAck = frame(frameKinds.settings, ack, 0)

/** A head in RFC 7541 without Huffman: indexed fields by their number, others by name and value. */
export function headers(stream: number, fields: (number | [string, string])[], flags = 0): Buffer {
  const block = fields.flatMap((field) => {
    if (typeof field === 'number') return [Buffer.from([0x80 | field])]
    const [name, value] = field.map((text) => Buffer.from(text))
    return [Buffer.from([0, name?.length ?? 0]), name ?? '', Buffer.from([value?.length ?? 0]), value ?? '']
  })
  return frame(frameKinds.headers, endHeaders | flags, stream, Buffer.concat(block.map((part) => Buffer.from(part))))
}

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
