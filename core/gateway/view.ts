// A request's head as the pipeline sees it: the client's own `Authorization` stands where the mesh token stood, and
// an upgrade has the method that it has over HTTP/1.1.
import type { Field, HeaderEdit } from '../../quic/index.ts'
import { edited, fieldValues } from '../pipeline/fields.ts'
import type { HeadView } from '../pipeline/exchange.ts'

/** The head with some fields changed; the head itself when nothing changes. */
export function viewOf(head: HeadView, edits: readonly HeaderEdit[]): HeadView {
  return edits.length === 0 && methodOf(head) === head.method ? head : new EditedHead(head, edits)
}

/**
 * The method that routes and rules are asked about. RFC 8441 4, RFC 9220 3: an upgrade comes as CONNECT over HTTP/2 and
 * HTTP/3, and leaves as GET over HTTP/1.1. What denies GET denies it over any of them.
 */
export function methodOf({ method, upgrade }: Pick<HeadView, 'method' | 'upgrade'>): string {
  return upgrade !== undefined && method === 'CONNECT' ? 'GET' : method
}

class EditedHead implements HeadView {
  readonly #head: HeadView
  readonly #edits: readonly HeaderEdit[]
  #list: readonly Field[] | undefined

  constructor(head: HeadView, edits: readonly HeaderEdit[]) {
    this.#head = head
    this.#edits = edits
  }

  get headers(): readonly Field[] {
    return (this.#list ??= edited(this.#head.headers, this.#edits))
  }

  header(name: string): string | undefined {
    return this.headerAll(name)[0]
  }

  headerAll(name: string): string[] {
    return fieldValues(this.headers, name)
  }

  get id(): number {
    return this.#head.id
  }
  get version() {
    return this.#head.version
  }
  get protocol() {
    return this.#head.protocol
  }
  get tls(): boolean {
    return this.#head.tls
  }
  get method(): string {
    return methodOf(this.#head)
  }
  get scheme(): string {
    return this.#head.scheme
  }
  get authority(): string {
    return this.#head.authority
  }
  get target(): string {
    return this.#head.target
  }
  get contentLength(): number | undefined {
    return this.#head.contentLength
  }
  get mayHaveBody(): boolean {
    return this.#head.mayHaveBody
  }
  get upgrade(): string | undefined {
    return this.#head.upgrade
  }
  get localPort(): number {
    return this.#head.localPort
  }
  get signal(): AbortSignal {
    return this.#head.signal
  }
}
