// The heads of requests and responses as a policy sees them. A head keeps its message as one
// ISO 8859-1 string (every byte survives) and cuts it only where somebody looks.
import { TransportError } from './errors.ts'
import type { ErrorCode } from './errors.ts'

/** One field: its name in lower case, and its value, one character for each byte. */
export type Field = readonly [name: string, value: string]

/**
 * Header or trailer fields to send: name and value pairs in order, or an object (a list of values
 * repeats the field). Names are tokens and leave in lower case. Values are ISO 8859-1 text, one
 * character for each byte; control characters other than tab are refused.
 */
export type HeaderInit = readonly Field[] | Readonly<Record<string, string | readonly string[]>>

/** Protocol families. */
export type Protocol = 'h1' | 'h2' | 'h3'

/** Protocol versions: 1.0, 1.1, 2 and 3. */
export type Version = 10 | 11 | 20 | 30

/** What a request head asks of the engine. */
export type HeadOwner = { inform(id: number, status: number, headers: HeaderInit | undefined): void }

class Head {
  #text: string
  #fields: number
  #list: readonly Field[] | undefined

  constructor(text: string, fields: number) {
    this.#text = text
    this.#fields = fields
  }

  /** Every field in order, repeats included. */
  get headers(): readonly Field[] {
    return (this.#list ??= readFields(this.#text, this.#fields))
  }

  /** The first value of a field, by a name in any case. */
  header(name: string): string | undefined {
    const text = this.#text
    const wanted = name.toLowerCase()
    let at = this.#fields + 4
    for (let left = u32(text, this.#fields); left > 0; left--) {
      const value = at + 4 + u32(text, at)
      const end = value + 4 + u32(text, value)
      if (value - at - 4 === wanted.length && text.startsWith(wanted, at + 4)) return text.substring(value + 4, end)
      at = end
    }
    return undefined
  }

  /** Every value of a field, in order. */
  headerAll(name: string): string[] {
    const wanted = name.toLowerCase()
    const values: string[] = []
    for (const field of this.headers) if (field[0] === wanted) values.push(field[1])
    return values
  }
}

/** The head of a request, given to the policy. It stays valid for as long as it is kept. */
export class RequestHead extends Head {
  /** The exchange: a positive integer, unique in an engine's life. */
  readonly id: number
  readonly connection: number
  readonly listener: number
  readonly version: Version
  /** Bytes of content that the request declares; unknown without. */
  readonly contentLength: number | undefined
  readonly method: string
  readonly scheme: string
  readonly authority: string
  /** The request target as it came: path and query, or `*`. */
  readonly target: string
  #flags: number
  #text: string
  #rest: number
  #owner: HeadOwner
  #controller: AbortController | undefined
  #gone: string | undefined
  #owes = true

  /** `text` begins at the method; `fields` is where the fields begin in it. */
  constructor(
    owner: HeadOwner,
    id: number,
    connection: number,
    listener: number,
    version: number,
    flags: number,
    contentLength: number,
    text: string,
    fields: number,
  ) {
    super(text, fields)
    this.id = id
    this.connection = connection
    this.listener = listener
    // the engine sends 10, 11, 20 or 30 alone
    this.version = version as Version
    this.contentLength = contentLength < 0 ? undefined : contentLength
    let start = 4
    let end = start + u32(text, 0)
    this.method = text.substring(start, end)
    start = end + 4
    end = start + u32(text, end)
    this.scheme = text.substring(start, end)
    start = end + 4
    end = start + u32(text, end)
    this.authority = text.substring(start, end)
    start = end + 4
    end = start + u32(text, end)
    this.target = text.substring(start, end)
    this.#rest = end
    this.#flags = flags
    this.#text = text
    this.#owner = owner
  }

  get protocol(): Protocol {
    return this.version === 30 ? 'h3' : this.version === 20 ? 'h2' : 'h1'
  }

  /** Whether the connection is encrypted. */
  get tls(): boolean {
    return (this.#flags & 1) !== 0
  }

  /** False when it is certain that no content follows. */
  get mayHaveBody(): boolean {
    return (this.#flags & 2) !== 0
  }

  /** Whether the client waits for 100 (Continue); the engine sends it when the content is first read. */
  get expectsContinue(): boolean {
    return (this.#flags & 4) !== 0
  }

  /** The protocol asked for by `upgrade` (HTTP/1.1) or `:protocol` (HTTP/2 and 3). */
  get upgrade(): string | undefined {
    return this.#part(0) || undefined
  }

  get remoteAddress(): string {
    return this.#part(1)
  }

  get remotePort(): number {
    return this.#port(2)
  }

  get localAddress(): string {
    return this.#part(2)
  }

  get localPort(): number {
    return this.#port(3)
  }

  /** The name that the client asked for in TLS (SNI). */
  get serverName(): string | undefined {
    return this.#part(3) || undefined
  }

  /** The client's certificate in DER, when the listener asks for one and the client has shown it. */
  get clientCertificate(): Uint8Array | undefined {
    const der = this.#part(4)
    return der === '' ? undefined : Buffer.from(der, 'latin1')
  }

  /** Aborted when the client leaves, or the exchange ends, while the policy still owes or streams an answer. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#gone !== undefined) this.#controller.abort(departure(this.#gone))
    }
    return this.#controller.signal
  }

  /**
   * Sends an interim response, such as 103 (Early Hints), before the answer. Ignored once the
   * answer is given, and by HTTP/1.0. `status` is 102 to 199.
   */
  inform(status: number, headers?: HeaderInit): void {
    if (this.#owes) this.#owner.inform(this.id, status, headers)
  }

  /** Tells the head whether the policy owes an answer. For the engine. */
  static owes(head: RequestHead, owes: boolean): void {
    head.#owes = owes
  }

  /** Tells the signal that the exchange ended early. For the engine. */
  static end(head: RequestHead, code: string): void {
    head.#owes = false
    head.#gone = code
    head.#controller?.abort(departure(code))
  }

  // upgrade, remote address, remote port, local address, local port, server name, certificate
  #start(index: number): number {
    let at = this.#rest
    for (let passed = 0; passed < index; passed++) {
      at += 4 + u32(this.#text, at)
      if (passed === 1 || passed === 2) at += 2
    }
    return at
  }

  #part(index: number): string {
    const at = this.#start(index)
    return this.#text.substring(at + 4, at + 4 + u32(this.#text, at))
  }

  #port(next: number): number {
    const at = this.#start(next) - 2
    return this.#text.charCodeAt(at) | (this.#text.charCodeAt(at + 1) << 8)
  }
}

/** The head of an upstream's final response. */
export class ResponseHead extends Head {
  readonly status: number
  readonly version: Version
  /** Bytes of content that the response declares; unknown without. */
  readonly contentLength: number | undefined

  constructor(status: number, version: number, contentLength: number, text: string) {
    super(text, 0)
    this.status = status
    // the engine sends 10, 11, 20 or 30 alone
    this.version = version as Version
    this.contentLength = contentLength < 0 ? undefined : contentLength
  }

  get protocol(): Protocol {
    return this.version === 30 ? 'h3' : this.version === 20 ? 'h2' : 'h1'
  }
}

/** Reads `fields` out of a message's text. */
export function readFields(text: string, start: number): Field[] {
  const fields: Field[] = []
  let at = start + 4
  for (let left = u32(text, start); left > 0; left--) {
    const value = at + 4 + u32(text, at)
    const end = value + 4 + u32(text, value)
    fields.push([text.substring(at + 4, value), text.substring(value + 4, end)])
    at = end
  }
  return fields
}

function departure(code: string): TransportError {
  // codes come from the engine's own table
  return new TransportError(code as ErrorCode, 'the exchange ended')
}

function u32(text: string, at: number): number {
  return (
    text.charCodeAt(at) |
    (text.charCodeAt(at + 1) << 8) |
    (text.charCodeAt(at + 2) << 16) |
    (text.charCodeAt(at + 3) << 24)
  )
}
