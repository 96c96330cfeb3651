// The exchanges that wait for JavaScript: calls the policy, carries its decisions to the engine,
// and remembers an exchange for only as long as the policy still owes something.
import type {
  BodyDecision,
  Collect,
  Decide,
  Decision,
  FailureDecision,
  Forward,
  Pass,
  Respond,
  ResponseDecision,
} from './decision.ts'
import type { Receiver, WireFailure } from './decode.ts'
import type { Answers } from './encode.ts'
import type { ErrorTable, Failure } from './errors.ts'
import type { EngineEvent, Stage } from './event.ts'
import { RequestHead } from './head.ts'
import type { Field, HeaderInit, ResponseHead } from './head.ts'
import type { ExchangeRecord } from './record.ts'
import { Source, discard } from './source.ts'
import type { Outlet } from './source.ts'
import { Upstream } from './upstream.ts'

/** Who is told what happens. */
export type Observers = {
  readonly onRecord?: ((batch: readonly ExchangeRecord[]) => void) | undefined
  readonly onEvent?: ((event: EngineEvent) => void) | undefined
}

type AnyDecision = Decision | Pass | undefined
type Answer = Decision | BodyDecision | ResponseDecision | FailureDecision

/** An exchange of which the policy owes something: a decision, or what a hook or a stream will give. */
type Owed = {
  readonly head: RequestHead
  onBody: Collect['onBody'] | undefined
  onResponse: Forward['onResponse']
  onFailure: Forward['onFailure']
  collected: Uint8Array | undefined
  source: Source | undefined
  trailers: Respond['trailers']
  over: boolean
}

const allowed: Readonly<Record<Exclude<Stage, 'source'>, readonly string[]>> = {
  decide: ['respond', 'forward', 'collect', 'reset'],
  body: ['respond', 'forward', 'reset'],
  response: ['pass', 'respond', 'forward', 'reset'],
  failure: ['respond', 'forward', 'reset'],
}

export class Exchanges implements Receiver, Outlet {
  #answers: Answers
  /** Whose upstreams may be forwarded to. */
  #owner: object
  #table: ErrorTable
  #observers: Observers
  /** Called when an answer was written. */
  #written: () => void
  #owed = new Map<number, Owed>()
  #policies = new Map<number, Decide>()
  /** Requests of a listener whose `listen` has not returned yet. */
  #early: Owed[] = []
  #starting = 0
  #records: ExchangeRecord[] = []

  constructor(owner: object, answers: Answers, table: ErrorTable, observers: Observers, written: () => void) {
    this.#owner = owner
    this.#answers = answers
    this.#table = table
    this.#observers = observers
    this.#written = written
  }

  /** How many exchanges are remembered. */
  get owed(): number {
    return this.#owed.size
  }

  // --- listeners ---

  /** A listener is being started: requests of a listener not known yet may come. */
  starting(): void {
    this.#starting += 1
  }

  /** It has started, or not. */
  started(listener: number | undefined, decide: Decide): void {
    this.#starting -= 1
    if (listener !== undefined) this.#policies.set(listener, decide)
    const early = this.#early
    this.#early = []
    for (const owed of early) {
      if (owed.over) continue
      this.#owed.delete(owed.head.id)
      this.head(owed.head)
    }
  }

  /** Its last request has been decided. */
  ended(listener: number): void {
    this.#policies.delete(listener)
  }

  // --- from the engine ---

  head(head: RequestHead): void {
    const decide = this.#policies.get(head.listener)
    if (decide === undefined) return this.#stray(head)
    let answer
    try {
      answer = decide(head)
    } catch (error) {
      return this.#failed(head, 'decide', error)
    }
    this.#take(head, undefined, 'decide', answer)
  }

  collected(id: number, body: Uint8Array, trailers: readonly Field[]): void {
    const owed = this.#owed.get(id)
    const onBody = owed?.onBody
    if (owed === undefined || onBody === undefined) return this.#unasked(id, 500)
    owed.onBody = undefined
    owed.collected = body
    this.#ask(owed, 'body', () => onBody(body, trailers))
  }

  response(id: number, response: ResponseHead): void {
    const owed = this.#owed.get(id)
    const onResponse = owed?.onResponse
    if (owed === undefined || onResponse === undefined) {
      this.#answers.pass(id, undefined)
      return this.#written()
    }
    owed.onResponse = undefined
    owed.onFailure = undefined
    this.#ask(owed, 'response', () => onResponse(response))
  }

  failure(id: number, wire: WireFailure): void {
    const owed = this.#owed.get(id)
    const onFailure = owed?.onFailure
    const entry = this.#table.get(wire.code)
    const status = entry?.status || 502
    if (owed === undefined || onFailure === undefined) return this.#unasked(id, status)
    owed.onResponse = undefined
    owed.onFailure = undefined
    const failure: Failure = { ...wire, fault: entry?.fault ?? 'internal', retry: entry?.retry ?? false, status }
    this.#ask(owed, 'failure', () => onFailure(failure))
  }

  want(id: number, bytes: number): void {
    this.#owed.get(id)?.source?.want(bytes)
  }

  gone(id: number, code: string): void {
    this.#over(id, code)
  }

  record(record: ExchangeRecord): void {
    if (this.#owed.size > 0) this.#over(record.id, record.code ?? '')
    if (this.#observers.onRecord !== undefined) this.#records.push(record)
  }

  event(event: EngineEvent): void {
    try {
      this.#observers.onEvent?.(event)
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }

  /** Delivers the records that have come together. */
  deliver(): void {
    if (this.#records.length === 0) return
    const batch = this.#records
    this.#records = []
    try {
      this.#observers.onRecord?.(batch)
    } catch (error) {
      this.event({ type: 'observer-failed', error })
    }
  }

  /** The engine has stopped: nothing will be asked for any more. */
  close(): void {
    for (const id of this.#owed.keys()) this.#over(id, 'drain/cut')
    this.#policies.clear()
    this.deliver()
  }

  // --- to the engine ---

  inform(id: number, status: number, headers: HeaderInit | undefined): void {
    this.#answers.inform(id, status, headers)
    this.#written()
  }

  chunk(id: number, content: Uint8Array): void {
    this.#answers.chunk(id, content)
    this.#written()
  }

  end(id: number): void {
    const owed = this.#owed.get(id)
    if (owed === undefined) return
    try {
      this.#answers.end(id, owed.trailers?.())
    } catch (error) {
      return this.fail(id, error)
    }
    this.#owed.delete(id)
    this.#written()
  }

  fail(id: number, error: unknown): void {
    const owed = this.#owed.get(id)
    if (owed === undefined) return
    this.#owed.delete(id)
    this.#answers.fail(id)
    this.#written()
    this.event({ type: 'decide-failed', listener: owed.head.listener, exchange: id, stage: 'source', error })
  }

  // --- decisions ---

  #ask(owed: Owed, stage: Stage, call: () => Answer | Promise<Answer>): void {
    RequestHead.owes(owed.head, true)
    let answer
    try {
      answer = call()
    } catch (error) {
      return this.#failed(owed.head, stage, error)
    }
    this.#take(owed.head, owed, stage, answer)
  }

  /** Carries out an answer, now or when it is there. The path of an answer that is there makes no closure. */
  #take(head: RequestHead, owed: Owed | undefined, stage: Stage, answer: Answer | Promise<Answer>): void {
    if (isLater(answer)) {
      const waiting = owed ?? this.#owe(head)
      answer.then(
        (decision) => this.#late(waiting, stage, decision),
        (error: unknown) => {
          // a policy that stops because its client left has not failed
          if (!waiting.over) this.#failed(head, stage, error)
        },
      )
      return
    }
    try {
      this.#carry(head, owed, stage, answer)
    } catch (error) {
      this.#failed(head, stage, error)
    }
  }

  #late(owed: Owed, stage: Stage, decision: AnyDecision): void {
    if (!owed.over) return this.#take(owed.head, owed, stage, decision)
    // what nobody will read still has to be told so
    if (decision?.kind === 'respond' && isStream(decision.body)) discard(decision.body)
  }

  #carry(head: RequestHead, owed: Owed | undefined, stage: Stage, decision: AnyDecision): void {
    const { id } = head
    const kind = decision === undefined && stage === 'response' ? 'pass' : decision?.kind
    if (stage === 'source' || kind === undefined || !allowed[stage].includes(kind)) throw unknown(stage, kind)
    switch (decision?.kind) {
      case 'respond':
        return this.#respond(head, owed, decision)
      case 'forward': {
        this.#answers.forward(id, Upstream.idFor(decision.upstream, this.#owner), decision, contentOf(owed))
        this.#answered(head)
        if (decision.onResponse !== undefined || decision.onFailure !== undefined) {
          const waiting = owed ?? this.#owe(head)
          waiting.onResponse = decision.onResponse
          waiting.onFailure = decision.onFailure
        } else if (owed !== undefined) this.#owed.delete(id)
        return
      }
      case 'collect': {
        if (typeof decision.onBody !== 'function') throw new TypeError('onBody is no function')
        this.#answers.collect(id, decision.maxBytes)
        this.#answered(head)
        const waiting = owed ?? this.#owe(head)
        waiting.onBody = decision.onBody
        return
      }
      case 'reset':
        this.#answers.reset(id, decision.reason)
        break
      case 'pass':
      case undefined:
        this.#answers.pass(id, decision)
        break
    }
    this.#answered(head)
    if (owed !== undefined) this.#owed.delete(id)
  }

  #respond(head: RequestHead, owed: Owed | undefined, decision: Respond): void {
    const { id } = head
    const { body } = decision
    if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
      if (decision.trailers === undefined) {
        this.#answers.respond(id, decision.status, decision.headers, body)
        this.#answered(head)
        if (owed !== undefined) this.#owed.delete(id)
        return
      }
      // trailers follow content that came in chunks
      return this.#stream(head, owed, decision, once(body))
    }
    if (!isStream(body)) throw new TypeError('body is no content: must be a string, a Uint8Array or an async iterable')
    this.#stream(head, owed, decision, body)
  }

  #stream(
    head: RequestHead,
    owed: Owed | undefined,
    decision: Respond,
    body: AsyncIterable<Uint8Array | string>,
  ): void {
    try {
      this.#answers.respondStream(head.id, decision.status, decision.headers)
    } catch (error) {
      discard(body)
      throw error
    }
    this.#answered(head)
    const streaming = owed ?? this.#owe(head)
    streaming.trailers = decision.trailers
    streaming.source = new Source(head.id, body, this)
  }

  #answered(head: RequestHead): void {
    RequestHead.owes(head, false)
    this.#written()
  }

  /** The policy threw, or gave what cannot be sent: a bare 500 for the client, the error for the operator. */
  #failed(head: RequestHead, stage: Stage, error: unknown): void {
    this.#owed.delete(head.id)
    this.#answers.respond(head.id, 500, undefined, undefined)
    this.#answered(head)
    this.event({ type: 'decide-failed', listener: head.listener, exchange: head.id, stage, error })
  }

  /** A request of a listener that is not known yet, or no longer. */
  #stray(head: RequestHead): void {
    if (this.#starting > 0) {
      this.#early.push(this.#owe(head))
      return
    }
    this.#answers.respond(head.id, 503, undefined, undefined)
    this.#answered(head)
  }

  /** A question for which no hook waits. */
  #unasked(id: number, status: number): void {
    this.#owed.delete(id)
    this.#answers.respond(id, status, undefined, undefined)
    this.#written()
  }

  #owe(head: RequestHead): Owed {
    const owed: Owed = {
      head,
      onBody: undefined,
      onResponse: undefined,
      onFailure: undefined,
      collected: undefined,
      source: undefined,
      trailers: undefined,
      over: false,
    }
    this.#owed.set(head.id, owed)
    return owed
  }

  #over(id: number, code: string): void {
    const owed = this.#owed.get(id)
    if (owed === undefined) return
    this.#owed.delete(id)
    owed.over = true
    if (code !== '') RequestHead.end(owed.head, code)
    owed.source?.close()
  }
}

function contentOf(owed: Owed | undefined): Uint8Array | undefined {
  // a request without content is forwarded without
  return owed?.collected === undefined || owed.collected.length === 0 ? undefined : owed.collected
}

function isLater(answer: Answer | Promise<Answer>): answer is Promise<Answer> {
  return typeof (answer as { then?: unknown } | undefined)?.then === 'function'
}

function isStream(body: unknown): body is AsyncIterable<Uint8Array | string> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body
}

async function* once(body: Uint8Array | string | undefined): AsyncGenerator<Uint8Array | string> {
  if (body !== undefined) yield body
}

function unknown(stage: Stage, kind: unknown): TypeError {
  const words = stage === 'source' ? [] : allowed[stage]
  return new TypeError(`the answer's kind is ${String(kind)}: must be one of ${words.join(', ')}`)
}
