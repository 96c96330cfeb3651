// The head of a request that nobody sent, as the engine would give it to the gateway.
import type { Arrival } from '../../pipeline/exchange.ts'
import { fieldValues } from '../../pipeline/fields.ts'
import type { Field } from '../../../quic/index.ts'

export type Parts = Pick<
  Arrival,
  'method' | 'scheme' | 'authority' | 'target' | 'headers' | 'tls' | 'version' | 'localPort' | 'remoteAddress'
>

export class UnsentHead implements Arrival {
  readonly id = 1
  readonly version: Parts['version']
  readonly tls: boolean
  readonly method: string
  readonly scheme: string
  readonly authority: string
  readonly target: string
  readonly headers: readonly Field[]
  readonly localPort: number
  readonly remoteAddress: string
  readonly #controller = new AbortController()

  /** Names of fields are in lower case; their values have one character for each byte. */
  constructor(parts: Parts) {
    this.version = parts.version
    this.tls = parts.tls
    this.method = parts.method
    this.scheme = parts.scheme
    this.authority = parts.authority
    this.target = parts.target
    this.headers = parts.headers
    this.localPort = parts.localPort
    this.remoteAddress = parts.remoteAddress
  }

  get protocol(): Arrival['protocol'] {
    return this.version === 30 ? 'h3' : this.version === 20 ? 'h2' : 'h1'
  }

  header(name: string): string | undefined {
    return this.headerAll(name)[0]
  }

  headerAll(name: string): string[] {
    return fieldValues(this.headers, name)
  }

  get contentLength(): number | undefined {
    const value = this.header('content-length')
    return value === undefined ? undefined : Number(value)
  }

  get mayHaveBody(): boolean {
    return (this.contentLength ?? 0) > 0 || this.header('transfer-encoding') !== undefined
  }

  get upgrade(): string | undefined {
    return this.version < 20 ? this.header('upgrade') : undefined
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }
}
