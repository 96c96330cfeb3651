// A request's head as the pipeline sees it: the client's own `Authorization` stands where the mesh token stood.
import type { Field, HeaderEdit } from '../../quic/index.ts'
import { edited } from '../pipeline/fields.ts'
import type { HeadView } from '../pipeline/exchange.ts'

/** The head with some fields changed; the head itself when nothing changes. */
export function viewOf(head: HeadView, edits: readonly HeaderEdit[]): HeadView {
  return edits.length === 0 ? head : new EditedHead(head, edits)
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
    const wanted = name.toLowerCase()
    return this.headers.filter(([field]) => field === wanted).map(([, value]) => value)
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
    return this.#head.method
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
