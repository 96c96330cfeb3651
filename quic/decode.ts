// Reads what the engine says to JavaScript. The buffer is used again for the next batch, so
// nothing that leaves here points into it.
import { Buffer } from 'node:buffer'
import { TransportError } from './errors.ts'
import type { ErrorCode } from './errors.ts'
import type { EngineEvent } from './event.ts'
import { RequestHead, ResponseHead, readFields } from './head.ts'
import type { Field, HeadOwner, Version } from './head.ts'
import type { ExchangeRecord } from './record.ts'

/** What the engine can say. */
export type Receiver = HeadOwner & {
  head(head: RequestHead): void
  collected(id: number, body: Uint8Array, trailers: readonly Field[]): void
  response(id: number, head: ResponseHead): void
  failure(id: number, failure: WireFailure): void
  want(id: number, bytes: number): void
  gone(id: number, code: string): void
  record(record: ExchangeRecord): void
  event(event: EngineEvent): void
}

/** A failure as it crosses; the table of codes knows the rest. */
export type WireFailure = {
  readonly code: ErrorCode
  readonly detail: string
  readonly wireCode: number | undefined
  readonly replayable: boolean
  readonly upstream: number
}

const kinds = { head: 1, collected: 2, response: 3, failure: 4, want: 5, gone: 6, record: 7, event: 8 } as const
/** length, kind and id */
const envelope = 13

/** A batch of messages, read one by one. What is malformed throws: the two sides no longer agree. */
export class Batch {
  #bytes: Buffer
  #view: DataView
  #at = 0
  #end = 0
  /** Where the message under way ends. */
  #limit = 0

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** The buffer that the engine writes into. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** Exchanges the buffer; what was not read is lost. */
  resize(size: number): void {
    this.#bytes = Buffer.allocUnsafeSlow(size)
    this.#view = new DataView(this.#bytes.buffer)
    this.fill(0)
  }

  /** Begins with the `length` bytes that the engine has written. */
  fill(length: number): void {
    if (length > this.#bytes.length) throw malformed('batch', 'is longer than its buffer')
    this.#at = 0
    this.#end = length
  }

  get empty(): boolean {
    return this.#at === this.#end
  }

  /** Hands the next message to the receiver. */
  next(receiver: Receiver): void {
    const start = this.#at
    if (this.#end - start < envelope) throw malformed('message', 'is cut off')
    const limit = start + 4 + this.#view.getUint32(start, true)
    if (limit > this.#end || limit < start + envelope) throw malformed('message', 'has a wrong length')
    const kind = this.#view.getUint8(start + 4)
    const id = this.#view.getFloat64(start + 5, true)
    this.#at = start + envelope
    this.#limit = limit
    // whatever a receiver does, the next call begins at the next message
    try {
      this.#read(kind, id, receiver)
    } finally {
      this.#at = limit
    }
  }

  #read(kind: number, id: number, receiver: Receiver): void {
    switch (kind) {
      case kinds.head:
        return receiver.head(this.#head(id, receiver))
      case kinds.collected: {
        const length = this.#length()
        const body = new Uint8Array(this.#bytes.subarray(this.#at, this.#at + length))
        this.#at += length
        const start = this.#at
        this.#skipFields()
        this.#complete('collected')
        const trailers =
          this.#limit - start === 4 ? [] : readFields(this.#bytes.toString('latin1', start, this.#limit), 0)
        return receiver.collected(id, body, trailers)
      }
      case kinds.response: {
        const status = this.#u16()
        const version = this.#u8()
        const contentLength = this.#f64()
        const start = this.#at
        this.#skipFields()
        this.#complete('response')
        const text = this.#bytes.toString('latin1', start, this.#limit)
        return receiver.response(id, new ResponseHead(status, version, contentLength, text))
      }
      case kinds.failure: {
        const failure: WireFailure = {
          // codes come from the engine's own table
          code: this.#latin1() as ErrorCode,
          detail: this.#utf8(),
          wireCode: present(this.#f64()),
          replayable: this.#u8() !== 0,
          upstream: this.#u32(),
        }
        this.#complete('failure')
        return receiver.failure(id, failure)
      }
      case kinds.want: {
        const bytes = this.#u32()
        this.#complete('want')
        return receiver.want(id, bytes)
      }
      case kinds.gone: {
        const code = this.#latin1()
        this.#complete('gone')
        return receiver.gone(id, code)
      }
      case kinds.record:
        return receiver.record(this.#record(id))
      case kinds.event: {
        const json = this.#utf8()
        this.#complete('event')
        return receiver.event(event(json))
      }
      default:
        throw malformed('message', `is of unknown kind ${kind}`)
    }
  }

  #head(id: number, owner: HeadOwner): RequestHead {
    const connection = this.#f64()
    const listener = this.#u32()
    const version = this.#u8()
    const flags = this.#u8()
    const contentLength = this.#f64()
    const start = this.#at
    // method, scheme, authority, target, upgrade, remote address and port, local address and
    // port, server name, certificate
    for (let part = 0; part < 6; part++) this.#skip(this.#length())
    this.#skip(2)
    this.#skip(this.#length())
    this.#skip(2)
    this.#skip(this.#length())
    this.#skip(this.#length())
    const fields = this.#at - start
    this.#skipFields()
    this.#complete('head')
    const text = this.#bytes.toString('latin1', start, this.#limit)
    return new RequestHead(owner, id, connection, listener, version, flags, contentLength, text, fields)
  }

  #record(id: number): ExchangeRecord {
    // property by property, in the order of the message
    const record: ExchangeRecord = {
      id,
      connection: this.#f64(),
      listener: this.#u32(),
      upstream: this.#u32() || undefined,
      // the engine sends 0, 10, 11, 20 or 30 alone
      protocolIn: this.#u8() as Version,
      protocolOut: (this.#u8() || undefined) as Version | undefined,
      status: this.#u16(),
      bytesIn: this.#f64(),
      bytesOut: this.#f64(),
      acceptedMs: this.#f64(),
      decidedMs: present(this.#f64()),
      connectedMs: present(this.#f64()),
      firstByteMs: present(this.#f64()),
      endMs: present(this.#f64()),
      attempts: this.#u16(),
      reused: this.#u8() !== 0,
      // codes come from the engine's own table
      code: (this.#latin1() || undefined) as ErrorCode | undefined,
      detail: this.#utf8(),
      wireCode: present(this.#f64()),
      upstreamAddress: this.#latin1(),
    }
    this.#complete('record')
    return record
  }

  // --- values: none reaches past its message ---

  #u8(): number {
    this.#need(1)
    return this.#view.getUint8(this.#at++)
  }

  #u16(): number {
    this.#need(2)
    const number = this.#view.getUint16(this.#at, true)
    this.#at += 2
    return number
  }

  #u32(): number {
    this.#need(4)
    const number = this.#view.getUint32(this.#at, true)
    this.#at += 4
    return number
  }

  #f64(): number {
    this.#need(8)
    const number = this.#view.getFloat64(this.#at, true)
    this.#at += 8
    return number
  }

  /** The length of `bytes`, all of which are there. */
  #length(): number {
    const length = this.#u32()
    this.#need(length)
    return length
  }

  #latin1(): string {
    const length = this.#length()
    if (length === 0) return ''
    const text = this.#bytes.toString('latin1', this.#at, this.#at + length)
    this.#at += length
    return text
  }

  #utf8(): string {
    const length = this.#length()
    if (length === 0) return ''
    const text = this.#bytes.toString('utf8', this.#at, this.#at + length)
    this.#at += length
    return text
  }

  #skipFields(): void {
    for (let left = this.#u32(); left > 0; left--) {
      this.#skip(this.#length())
      this.#skip(this.#length())
    }
  }

  #skip(length: number): void {
    this.#need(length)
    this.#at += length
  }

  #need(length: number): void {
    if (this.#limit - this.#at < length) throw malformed('message', 'is cut off')
  }

  #complete(what: string): void {
    if (this.#at !== this.#limit) throw malformed(what, 'has a wrong length')
  }
}

function present(number: number): number | undefined {
  return number < 0 ? undefined : number
}

function event(json: string): EngineEvent {
  try {
    // the engine's events are objects with a type; the types follow its source
    return JSON.parse(json) as EngineEvent
  } catch (error) {
    throw new TransportError(undefined, 'the engine sent an event that is not JSON', { cause: error })
  }
}

function malformed(what: string, how: string): TransportError {
  return new TransportError(undefined, `the engine sent a malformed batch: a ${what} ${how}`)
}
