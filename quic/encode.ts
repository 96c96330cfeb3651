// Writes what JavaScript says to the engine, message after message, into one growing buffer.
import { Buffer } from 'node:buffer'
import type { Forward, HeaderEdit, Pass, ResetReason } from './decision.ts'
import type { Field, HeaderInit } from './head.ts'

const initial = 65_536
/** A buffer that has grown past this is let go once it is empty, so that one large answer costs memory once. */
const retained = 1_048_576
/** Up to here a loop over characters is faster than a call into the runtime. */
const short = 48

const kinds = { respond: 1, forward: 2, collect: 3, reset: 4, chunk: 5, end: 6, fail: 7, pass: 8, inform: 9 } as const
const flags = {
  response: 1,
  failure: 2,
  body: 4,
  method: 8,
  target: 16,
  authority: 32,
  limit: 64,
  edited: 128,
} as const
const ops = { clear: 0, remove: 1, set: 2, append: 3 } as const
const reasons: Readonly<Record<ResetReason, number>> = {
  'no-error': 0,
  cancel: 1,
  internal: 2,
  refused: 3,
  malformed: 4,
  'excessive-load': 5,
  connect: 6,
}

// RFC 9110 5.6.2: the characters of a token, each with its lower case; 0 for all others
const token = new Uint8Array(256)
for (const c of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") token[c.charCodeAt(0)] = c.charCodeAt(0)
for (let c = 65; c <= 90; c++) token[c] = c + 32

// RFC 9110 5.5: what a value may hold; obs-text keeps bytes of any encoding alive
const value = /^[\t\x20-\x7e\x80-\xff]*$/
// RFC 9112 3.2: a target ends at the first space
const target = /^[\x21-\x7e\x80-\xff]+$/
// RFC 3986 3.2: ASCII alone
const authority = /^[\x21-\x7e]+$/
const method = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * Answers on their way to the engine. A method that throws (`TypeError`: the message names the
 * part that cannot be sent, never a field's value) leaves nothing of its message behind.
 */
export class Answers {
  bytes: Buffer = Buffer.allocUnsafeSlow(initial)
  length = 0
  #view = new DataView(this.bytes.buffer)
  #start = 0

  /** Forgets what the engine has taken. */
  clear(): void {
    this.length = 0
    if (this.bytes.length > retained) this.#replace(Buffer.allocUnsafeSlow(initial))
  }

  /** An answer with content that is known, or none. */
  respond(id: number, status: number, headers: HeaderInit | undefined, body: Uint8Array | string | undefined): void {
    this.#begin(kinds.respond, id)
    try {
      this.#status('status', status, 200, 599)
      this.#fields('headers', headers)
      if (body === undefined) this.#u8(0)
      else {
        this.#u8(1)
        this.#content(body)
      }
      this.#finish()
    } catch (error) {
      throw this.#abandon(error)
    }
  }

  /** The beginning of an answer whose content follows in chunks. */
  respondStream(id: number, status: number, headers: HeaderInit | undefined): void {
    this.#begin(kinds.respond, id)
    try {
      this.#status('status', status, 200, 599)
      this.#fields('headers', headers)
      this.#u8(2)
      this.#finish()
    } catch (error) {
      throw this.#abandon(error)
    }
  }

  /** `upstream` is the upstream's id; `body`, the content to send when the decision names none. */
  forward(id: number, upstream: number, decision: Forward, body: Uint8Array | undefined): void {
    const content = decision.body ?? body
    const { maxBodyBytes } = decision
    if (maxBodyBytes !== undefined && (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 0)) {
      throw new TypeError(`maxBodyBytes is ${String(maxBodyBytes)}: must be 0 to ${Number.MAX_SAFE_INTEGER}`)
    }
    // it bounds what the client sends, not what the policy sends in its place
    const limited = maxBodyBytes !== undefined && decision.body === undefined
    const { responseEdit = none } = decision
    this.#begin(kinds.forward, id)
    try {
      this.#u32(upstream)
      this.#u8(
        (decision.onResponse === undefined ? 0 : flags.response) |
          (decision.onFailure === undefined ? 0 : flags.failure) |
          (content === undefined ? 0 : flags.body) |
          (decision.method === undefined ? 0 : flags.method) |
          (decision.target === undefined ? 0 : flags.target) |
          (decision.authority === undefined ? 0 : flags.authority) |
          (limited ? flags.limit : 0) |
          (responseEdit.length > 0 ? flags.edited : 0),
      )
      if (content !== undefined) this.#content(content)
      if (decision.method !== undefined) this.#matching('method', decision.method, method)
      if (decision.target !== undefined) this.#matching('target', decision.target, target)
      if (decision.authority !== undefined) this.#matching('authority', decision.authority, authority)
      if (limited) this.#f64(maxBodyBytes)
      this.#edits(decision)
      if (responseEdit.length > 0) {
        this.#u32(responseEdit.length)
        for (const edit of responseEdit) this.#edit('responseEdit', edit)
      }
      this.#finish()
    } catch (error) {
      throw this.#abandon(error)
    }
  }

  collect(id: number, maxBytes: number): void {
    if (!Number.isInteger(maxBytes) || maxBytes < 0 || maxBytes > 0x7fff_ffff) {
      throw new TypeError(`maxBytes is ${String(maxBytes)}: must be 0 to 2147483647`)
    }
    this.#begin(kinds.collect, id)
    this.#f64(maxBytes)
    this.#finish()
  }

  reset(id: number, reason: ResetReason): void {
    const code = Object.hasOwn(reasons, reason) ? reasons[reason] : undefined
    if (code === undefined) {
      throw new TypeError(`reason is ${String(reason)}: must be one of ${Object.keys(reasons).join(', ')}`)
    }
    this.#begin(kinds.reset, id)
    this.#u8(code)
    this.#finish()
  }

  chunk(id: number, content: Uint8Array): void {
    this.#begin(kinds.chunk, id)
    this.#content(content)
    this.#finish()
  }

  end(id: number, trailers: HeaderInit | undefined): void {
    this.#begin(kinds.end, id)
    try {
      this.#fields('trailers', trailers)
      this.#finish()
    } catch (error) {
      throw this.#abandon(error)
    }
  }

  fail(id: number): void {
    this.#begin(kinds.fail, id)
    this.#finish()
  }

  /** Without a decision the response passes as it is. */
  pass(id: number, decision: Pass | undefined): void {
    this.#begin(kinds.pass, id)
    try {
      if (decision?.status === undefined) this.#u16(0)
      else this.#status('status', decision.status, 200, 599)
      if (decision === undefined) this.#u32(0)
      else this.#edits(decision)
      this.#finish()
    } catch (error) {
      throw this.#abandon(error)
    }
  }

  inform(id: number, status: number, headers: HeaderInit | undefined): void {
    this.#begin(kinds.inform, id)
    try {
      this.#status('status', status, 102, 199)
      this.#fields('headers', headers)
      this.#finish()
    } catch (error) {
      throw this.#abandon(error)
    }
  }

  // --- messages ---

  #begin(kind: number, id: number): void {
    this.#reserve(13)
    const at = this.length
    this.#start = at
    this.bytes[at + 4] = kind
    this.#view.setFloat64(at + 5, id, true)
    this.length = at + 13
  }

  #finish(): void {
    this.#view.setUint32(this.#start, this.length - this.#start - 4, true)
  }

  #abandon(error: unknown): unknown {
    this.length = this.#start
    return error
  }

  // --- fields ---

  #fields(part: string, init: HeaderInit | undefined): void {
    const at = this.length
    this.#u32(0)
    if (init === undefined) return
    let count = 0
    if (isList(init)) {
      for (const field of init) {
        this.#field(part, field)
        count += 1
      }
    } else {
      for (const name of Object.keys(init)) {
        const values = init[name]
        if (Array.isArray(values)) {
          for (const each of values) this.#pair(part, name, each)
          count += values.length
        } else {
          // a value that is no string either is refused where it is written
          this.#pair(part, name, values as string)
          count += 1
        }
      }
    }
    this.#view.setUint32(at, count, true)
  }

  #edits(decision: Forward | Pass): void {
    const at = this.length
    this.#u32(0)
    let count = 0
    if (decision.headers !== undefined) {
      const init = decision.headers
      this.#u8(ops.clear)
      this.#u32(0)
      this.#u32(0)
      const fields = isList(init) ? init : listed(init)
      for (const field of fields) {
        this.#u8(ops.append)
        this.#field('headers', field)
      }
      count = 1 + fields.length
    }
    if (decision.edit !== undefined) {
      for (const edit of decision.edit) this.#edit('edit', edit)
      count += decision.edit.length
    }
    this.#view.setUint32(at, count, true)
  }

  #edit(part: string, edit: HeaderEdit): void {
    if ('set' in edit) {
      this.#u8(ops.set)
      this.#field(part, edit.set)
    } else if ('append' in edit) {
      this.#u8(ops.append)
      this.#field(part, edit.append)
    } else if ('remove' in edit) {
      this.#u8(ops.remove)
      this.#name(part, edit.remove)
      this.#u32(0)
    } else throw new TypeError(`${part} holds an unknown change: must be remove, set or append`)
  }

  #field(part: string, field: Field): void {
    if (!Array.isArray(field) || field.length !== 2) {
      throw new TypeError(`${part} holds a field that is no pair: must be [name, value]`)
    }
    this.#pair(part, field[0], field[1])
  }

  #pair(part: string, name: string, text: string): void {
    this.#name(part, name)
    if (typeof text !== 'string') throw new TypeError(`${part}.${name} is no string: must be text`)
    const length = text.length
    this.#reserve(length + 4)
    const { bytes, length: start } = this
    this.#view.setUint32(start, length, true)
    const at = start + 4
    if (length <= short) {
      for (let index = 0; index < length; index++) {
        const c = text.charCodeAt(index)
        if ((c < 32 && c !== 9) || c === 127 || c > 255) throw badValue(part, name)
        bytes[at + index] = c
      }
    } else {
      if (!value.test(text)) throw badValue(part, name)
      bytes.write(text, at, length, 'latin1')
    }
    this.length = at + length
  }

  #name(part: string, name: string): void {
    if (typeof name !== 'string' || name === '') throw new TypeError(`${part} holds a field without a name`)
    const length = name.length
    this.#reserve(length + 4)
    const { bytes, length: start } = this
    this.#view.setUint32(start, length, true)
    const at = start + 4
    for (let index = 0; index < length; index++) {
      const lower = token[name.charCodeAt(index)]
      if (!lower) throw new TypeError(`${part} holds a field name that is no token: ${JSON.stringify(name)}`)
      bytes[at + index] = lower
    }
    this.length = at + length
  }

  // --- values ---

  #status(part: string, status: number, min: number, max: number): void {
    if (!Number.isInteger(status) || status < min || status > max) {
      throw new TypeError(`${part} is ${String(status)}: must be ${min} to ${max}`)
    }
    this.#u16(status)
  }

  #matching(part: string, text: string, rule: RegExp): void {
    if (typeof text !== 'string' || !rule.test(text)) {
      throw new TypeError(`${part} cannot be sent: must be text without spaces and control characters`)
    }
    this.#reserve(text.length + 4)
    this.#view.setUint32(this.length, text.length, true)
    this.bytes.write(text, this.length + 4, text.length, 'latin1')
    this.length += 4 + text.length
  }

  #content(content: Uint8Array | string): void {
    if (typeof content === 'string') {
      // no UTF-16 unit takes more than three bytes of UTF-8
      this.#reserve(content.length * 3 + 4)
      const written = this.#utf8(content, this.length + 4)
      this.#view.setUint32(this.length, written, true)
      this.length += 4 + written
    } else {
      const length = content.length
      this.#reserve(length + 4)
      this.#view.setUint32(this.length, length, true)
      this.bytes.set(content, this.length + 4)
      this.length += 4 + length
    }
  }

  #utf8(text: string, at: number): number {
    const { bytes } = this
    const length = text.length
    if (length > short) return bytes.write(text, at, 'utf8')
    for (let index = 0; index < length; index++) {
      const c = text.charCodeAt(index)
      if (c > 127) return bytes.write(text, at, 'utf8')
      bytes[at + index] = c
    }
    return length
  }

  #u8(number: number): void {
    this.#reserve(1)
    this.bytes[this.length] = number
    this.length += 1
  }

  #u16(number: number): void {
    this.#reserve(2)
    this.#view.setUint16(this.length, number, true)
    this.length += 2
  }

  #u32(number: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.length, number, true)
    this.length += 4
  }

  #f64(number: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.length, number, true)
    this.length += 8
  }

  #reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(grown, 0, 0, this.length)
    this.#replace(grown)
  }

  #replace(bytes: Buffer): void {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

const none: readonly HeaderEdit[] = []

function badValue(part: string, name: string): TypeError {
  return new TypeError(`${part}.${name} holds a character that cannot be sent: must be U+0020 to U+00FF or tab`)
}

// Array.isArray does not narrow readonly arrays
function isList(init: HeaderInit): init is readonly Field[] {
  return Array.isArray(init)
}

function listed(init: Readonly<Record<string, string | readonly string[]>>): Field[] {
  return Object.entries(init).flatMap(([name, values]) =>
    typeof values === 'string' ? [[name, values] as const] : values.map((each) => [name, each] as const),
  )
}
