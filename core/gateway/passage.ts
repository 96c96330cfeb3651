// One request between its route and its answer: the stages that need its exchange (5 to 11 of request.ts).
import type {
  BodyDecision,
  Decision,
  Failure,
  FailureDecision,
  Field,
  Forward,
  HeaderEdit,
  Respond,
  ResponseDecision,
  ResponseHead,
} from '../../quic/index.ts'
import { inbound, outbound } from '../mesh/authorization.ts'
import type { Choice } from '../mesh/egress.ts'
import type { Outcome } from '../mesh/gate.ts'
import { reasons } from '../mesh/reason.ts'
import type { Signer } from '../mesh/mint.ts'
import { defaultBackend } from '../mesh/way.ts'
import type { Arrival, Exchange } from '../pipeline/exchange.ts'
import { edited, fieldValues } from '../pipeline/fields.ts'
import type { Verdict } from '../pipeline/middleware.ts'
import { withRetries } from '../pipeline/retry.ts'
import type { Reach } from '../pipeline/service.ts'
import { targetOf } from '../pipeline/service/target.ts'
import { refuse } from '../refusal/refusal.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { Target } from '../route/path.ts'
import type { Route } from '../route/table.ts'
import type { Backend } from '../config/model.ts'
import type { Account } from './account.ts'
import { answerOf, pairs, refusalOf } from './answer.ts'
import { forwardingEdits, responseEdits } from './forwarded.ts'
import type { Client } from './forwarded.ts'
import type { Generation, Served } from './generation.ts'
import { viewOf } from './view.ts'

type ForwardReach = Extract<Reach, { kind: 'forward' }>
type RespondReach = Extract<Reach, { kind: 'respond' }>

export class Passage {
  readonly id: string
  readonly #generation: Generation
  readonly #network: Served
  readonly #head: Arrival
  readonly #client: Client
  readonly #account: Account

  constructor(generation: Generation, network: Served, head: Arrival, client: Client, id: string) {
    this.id = id
    this.#generation = generation
    this.#network = network
    this.#head = head
    this.#client = client
    this.#account = {
      requestId: id,
      network: network.network.name,
      clientAddress: client.address,
      method: head.method,
      authority: head.authority,
      target: head.target,
      prefix: undefined,
      pipeline: undefined,
      ingress: undefined,
      endpoint: undefined,
      backend: undefined,
      egress: undefined,
      mesh: undefined,
      signedFor: undefined,
      code: undefined,
      detail: undefined,
      ended: generation.hold(),
      room: undefined,
    }
    generation.accounts.add(head.id, this.#account)
  }

  /** The gateway's own answer; its reason goes to the log. */
  refuse(refusal: Refusal): Respond {
    const { pipeline } = this.#account
    if (refusal.code === 'policy/denied' && pipeline !== undefined) this.#generation.metrics.denial(pipeline)
    this.#account.code = refusal.code
    this.#account.detail = refusal.detail
    return answerOf(refusal, this.id)
  }

  /** Stages 5 to 11. */
  enter(route: Route, target: Target, rest: string, allow: string | undefined): Decision | Promise<Decision> {
    return this.#guarded(() => this.#enter(route, target, rest, allow))
  }

  /** What breaks in a stage is a 500 with the id, as every refusal has it; the error is for the log alone. */
  #guarded<T>(stage: () => T | Promise<T>): T | Respond | Promise<T | Respond> {
    const broken = (error: unknown): Respond => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.#generation.log.error({ event: 'decide-failed', requestId: this.id, reason }, 'a request was answered 500')
      return this.refuse(refuse('internal', 'the gateway failed: the error has a line of its own'))
    }
    try {
      const outcome = stage()
      return outcome instanceof Promise ? outcome.catch(broken) : outcome
    } catch (error) {
      return broken(error)
    }
  }

  /** Stage 5: the mesh token, before a byte of the content is asked for or any middleware runs. */
  #enter(route: Route, target: Target, rest: string, allow: string | undefined): Decision | Promise<Decision> {
    const { pipeline, endpoint, ingress, prefix } = route
    const account = this.#account
    account.prefix = prefix
    account.pipeline = pipeline.name
    account.endpoint = endpoint.name
    account.ingress = ingress?.name
    const generation = this.#generation
    const authorization = this.#head.headerAll('authorization')
    const admit = (outcome: Outcome): Decision | Promise<Decision> => {
      this.#count(route, outcome)
      if (outcome.kind === 'refused') {
        return this.refuse(refuse('mesh/required', `${outcome.code}: ${reasons[outcome.code]}`))
      }
      const context = outcome.kind === 'context' ? outcome.context : undefined
      account.mesh = context
      // who may not enter does not learn what is here
      if (allow !== undefined) {
        return this.refuse(refuse('route/method', 'the endpoint does not take this method', { allow }))
      }
      const edits: HeaderEdit[] = [...inbound(this.#head, context !== undefined)]
      return this.#left({
        id: this.id,
        head: viewOf(this.#head, edits),
        arrived: this.#head,
        clientAddress: this.#client.address,
        peerAddress: this.#client.peer,
        network: this.#network.network,
        pipeline,
        endpoint,
        ingress,
        prefix,
        path: rest,
        query: target.query,
        mesh: context,
        edits,
        backend: defaultBackend(pipeline),
        signer: undefined,
        metadata: new Map(),
        body: undefined,
        log: generation.log,
      })
    }
    const outcome = generation.ingress.check(route, authorization, generation.now())
    return outcome instanceof Promise ? outcome.then(admit) : admit(outcome)
  }

  /** Stages 6 and 7: the declared length, then the left chain as far as it needs no content. */
  #left(exchange: Exchange): Decision | Promise<Decision> {
    const { maxBodySize } = this.#generation.config.proxy.limits
    const { contentLength } = this.#head
    if (maxBodySize !== undefined && contentLength !== undefined && contentLength > maxBodySize) {
      return this.refuse(refuse('body/too-large', 'the declared length is over max_body_size'))
    }
    const proceed = (refused: Verdict): Decision | Promise<Decision> =>
      refused === undefined ? this.#content(exchange) : this.refuse(refused)
    const verdict = this.#generation.chain(exchange.pipeline).runAhead(exchange)
    return verdict instanceof Promise ? verdict.then(proceed) : proceed(verdict)
  }

  /** The content, where a middleware or the service reads it: nobody whom the chain has refused makes us hold it. */
  #content(exchange: Exchange): Decision | Promise<Decision> {
    const chain = this.#generation.chain(exchange.pipeline)
    const wanted = Math.max(chain.wants(exchange) ?? -1, this.#generation.services.wants(exchange) ?? -1)
    if (wanted < 0 || !this.#head.mayHaveBody) return this.#rest(exchange)
    // the engine's own answer to a longer one is bare
    if ((this.#head.contentLength ?? 0) > wanted)
      return this.refuse(refuse('body/too-large', `the declared length is over the ${wanted} bytes that are held`))
    this.#account.room = this.#generation.room.take(this.#client.address, this.#head.contentLength ?? wanted)
    if (this.#account.room === undefined)
      return this.refuse(refuse('body/no-room', 'as much content is held as may be, of all clients or of this one'))
    return {
      kind: 'collect',
      maxBytes: wanted,
      onBody: (body) => {
        exchange.body = body
        return this.#guarded(() => this.#rest(exchange))
      },
    }
  }

  /** The other part of the left chain. */
  #rest(exchange: Exchange): BodyDecision | Promise<BodyDecision> {
    const proceed = (refused: Verdict): BodyDecision | Promise<BodyDecision> => {
      this.#account.mesh = exchange.mesh
      return refused === undefined ? this.#egress(exchange) : this.refuse(refused)
    }
    const verdict = this.#generation.chain(exchange.pipeline).runRest(exchange)
    return verdict instanceof Promise ? verdict.then(proceed) : proceed(verdict)
  }

  /** Stages 8 and 9: may it leave, and what the backend makes of it. */
  #egress(exchange: Exchange): BodyDecision | Promise<BodyDecision> {
    const generation = this.#generation
    const { pipeline, backend, mesh } = exchange
    const path = pathAt(backend, exchange)
    const choice = backend === undefined ? undefined : generation.egress.choose(pipeline, backend, path, mesh)
    this.#account.backend = backend?.name
    this.#account.egress = choice?.egress?.name
    if (choice?.kind === 'refuse') return this.refuse(refuse(choice.code, choice.detail))
    if (choice !== undefined && choice.unlisted.length > 0) this.#unlisted(choice)
    const signer = exchange.signer ?? choice?.signer
    const proceed = (reach: Reach): BodyDecision | Promise<BodyDecision> => this.#sign(exchange, signer, reach)
    const reach = generation.services.reach(exchange, choice?.http3 ?? false)
    return reach instanceof Promise ? reach.then(proceed) : proceed(reach)
  }

  /** Decision 14: the destination is in no mesh's list, so nothing vouches for the request there. */
  #unlisted({ egress, unlisted }: Choice & { readonly kind: 'go' }): void {
    const { log, metrics } = this.#generation
    for (const mesh of unlisted) metrics.token(mesh, 'withheld')
    const fields = { event: 'mesh-unlisted', requestId: this.id, egress: egress?.name, meshes: unlisted }
    log.warn(fields, 'the destination is in no mesh of its egress: no token goes along')
  }

  /** Stage 10. */
  #sign(exchange: Exchange, signer: Signer | undefined, reach: Reach): BodyDecision | Promise<BodyDecision> {
    if (reach.kind === 'refuse') return this.refuse(reach.refusal)
    if (reach.kind === 'respond') return this.#respond(exchange, reach)
    // RFC 9110 9.3.8: the answer holds all that was sent, and what the gateway adds is not the client's to read
    const adds = signer !== undefined || isTold(exchange.backend)
    if (adds && (reach.method ?? this.#head.method) === 'TRACE')
      return this.refuse(refuse('route/method', 'TRACE would show what the gateway adds', { allow: untraced }))
    const edits = [...exchange.edits, ...reach.edits]
    const token = signer?.mint(reach.origin, this.#generation.now())
    if (signer === undefined || token === undefined) return this.#forward(exchange, reach, edits)
    const proceed = (minted: string): Forward => {
      this.#account.signedFor = signer.mesh
      this.#generation.metrics.token(signer.mesh, 'attached')
      const own = fieldValues(edited(this.#head.headers, edits), 'authorization')
      return this.#forward(exchange, reach, [...edits, ...outbound(minted, own)])
    }
    return typeof token === 'string' ? proceed(token) : token.then(proceed)
  }

  /** Stage 11. */
  #forward(exchange: Exchange, reach: ForwardReach, edits: readonly HeaderEdit[]): Forward {
    const generation = this.#generation
    const account = this.#account
    const { maxBodySize } = generation.config.proxy.limits
    const backend = account.backend ?? ''
    const own: HeaderEdit = { set: ['x-request-id', this.id] }
    const looks = reach.responseEdits !== undefined || generation.chain(exchange.pipeline).hasRight
    const forward: Forward = {
      kind: 'forward',
      upstream: reach.upstream,
      method: reach.method,
      target: reach.target,
      authority: reach.authority,
      edit: [...edits, ...forwardingEdits(this.#head, this.#client), own],
      maxBodyBytes: maxBodySize,
      responseEdit: [...responseEdits, own],
      // a response that nobody looks at passes without a call
      onResponse: looks ? (response) => this.#guarded(() => this.#response(exchange, reach, response)) : undefined,
    }
    return withRetries(forward, {
      method: reach.method ?? this.#head.method,
      max: reach.maxRetries,
      budget: reach.budget,
      signal: () => this.#head.signal,
      now: () => performance.now(),
      onRetry: (failure) => {
        generation.metrics.upstreamFailure(backend, failure.code)
        generation.metrics.retry(backend)
      },
      giveUp: (failure) => this.#failed(backend, failure, reach.http3Only ?? false),
    })
  }

  #failed(backend: string, failure: Failure, http3Only: boolean): FailureDecision {
    if (failure.fault === 'upstream' || failure.fault === 'config') {
      this.#generation.metrics.upstreamFailure(backend, failure.code)
    }
    if (http3Only && failure.code.startsWith('connect/'))
      return this.refuse(refuse('backend/no-http3', `${failure.code}: ${failure.detail}`))
    return this.refuse(refusalOf(failure))
  }

  /** What the check of a mesh came to, for the metrics. */
  #count({ ingress, guard }: Route, outcome: Outcome): void {
    const { metrics } = this.#generation
    if (outcome.kind === 'context') metrics.token(outcome.context.mesh, 'accepted')
    else if (outcome.code !== undefined && (ingress ?? guard) !== undefined) {
      metrics.untrusted(ingress?.name ?? guard?.ingresses[0]?.name ?? '', outcome.code)
    }
  }

  /** The way back: the service's own words, then the right chain. */
  #response(exchange: Exchange, reach: ForwardReach, response: ResponseHead): ResponseDecision {
    const chain = this.#generation.chain(exchange.pipeline)
    return {
      kind: 'pass',
      edit: [...(reach.responseEdits?.(response) ?? []), ...chain.runRight(exchange, response)],
    }
  }

  /** An answer of echo, management or an endpoint itself; the right chain sees a response of an upstream alone. */
  #respond(exchange: Exchange, reach: RespondReach): Respond {
    const headers: Field[] = [...pairs(reach.headers), ['x-request-id', exchange.id]]
    return { kind: 'respond', status: reach.status, headers, body: reach.body }
  }
}

/** What may be asked where TRACE may not. */
const untraced = 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE'

/** Whether a backend is told what the configuration holds for it: credentials, and the keys of APIs among its fields. */
function isTold(backend: Backend | undefined): boolean {
  return backend !== undefined && (backend.credentials !== undefined || backend.headers.length > 0)
}

/** The path of the target at a backend, without its query: what destinations of meshes are compared with. */
export function pathAt(backend: Backend | undefined, exchange: Exchange): string {
  const target = targetOf(backend?.upstream?.basePath ?? '', exchange)
  return exchange.query === '' ? target : target.slice(0, -exchange.query.length)
}
