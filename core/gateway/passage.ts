// One request between its route and its answer: the stages that need its exchange (5 to 11 of request.ts).
import type {
  BodyDecision,
  Decision,
  Failure,
  Forward,
  HeaderEdit,
  RequestHead,
  Respond,
  ResponseDecision,
  ResponseHead,
} from '../../quic/index.ts'
import type { EgressDecision } from '../mesh/egress.ts'
import type { Outcome } from '../mesh/ingress.ts'
import { inboundEdits, outboundEdits } from '../mesh/authorization.ts'
import type { Exchange } from '../pipeline/exchange.ts'
import { edited } from '../pipeline/fields.ts'
import type { Verdict } from '../pipeline/middleware.ts'
import { withRetries } from '../pipeline/retry.ts'
import type { Reach } from '../pipeline/service.ts'
import { refuse } from '../refusal/refusal.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { Found } from '../route/table.ts'
import type { Target } from '../route/path.ts'
import type { Account } from './account.ts'
import { answerOf, refusalOf } from './answer.ts'
import type { ClientFacts } from './forwarded.ts'
import type { Compiled, Generation, Served } from './generation.ts'
import { viewOf } from './view.ts'

/** What follows once the content, if it was asked for, is there. */
type Settled = BodyDecision

export class Passage {
  readonly id: string
  readonly #generation: Generation
  readonly #network: Served
  readonly #head: RequestHead
  readonly #client: ClientFacts
  readonly #account: Account

  constructor(generation: Generation, network: Served, head: RequestHead, client: ClientFacts, id: string) {
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
      retries: 0,
      ended: generation.hold(),
    }
    generation.accounts.add(head.id, this.#account)
  }

  /** The gateway's own answer; its reason goes to the log. */
  refuse(refusal: Refusal): Respond {
    this.#account.code = refusal.code
    this.#account.detail = refusal.detail
    return answerOf(refusal, this.id)
  }

  /** Stage 5: the mesh token, before a byte of the content is asked for or any middleware runs. */
  enter(found: Found, target: Target): Decision | Promise<Decision> {
    const { pipeline, endpoint, ingress, prefix, rest } = found
    this.#account.prefix = prefix
    this.#account.pipeline = pipeline.name
    this.#account.endpoint = endpoint.name
    this.#account.ingress = ingress?.name
    const compiled = this.#generation.compiled(pipeline)
    const fields = this.#head.headerAll('authorization')
    const outcome = this.#generation.ingress.check(found, fields, this.#generation.now())
    const admit = (checked: Outcome): Decision | Promise<Decision> => {
      if (checked.kind === 'refused') return this.refuse(refuse('mesh/required', checked.reason))
      const edits: HeaderEdit[] = inboundEdits(this.#head, checked.kind === 'context')
      const exchange: Exchange = {
        id: this.id,
        head: viewOf(this.#head, edits),
        clientAddress: this.#client.address,
        peerAddress: this.#client.peer,
        network: this.#network.network,
        pipeline,
        endpoint,
        ingress,
        prefix,
        path: rest,
        query: target.query,
        mesh: checked.kind === 'context' ? checked.context : undefined,
        edits,
        backend: pipeline.backends[0],
        metadata: new Map(),
        body: undefined,
        log: this.#generation.log,
      }
      this.#account.mesh = exchange.mesh
      return this.#content(compiled, exchange)
    }
    return outcome instanceof Promise ? outcome.then(admit) : admit(outcome)
  }

  /** Stage 6: declared lengths; then the content itself, where a middleware or the service reads it. */
  #content(compiled: Compiled, exchange: Exchange): Decision | Promise<Decision> {
    const { maxBodySize } = this.#generation.config.proxy.limits
    const { contentLength } = this.#head
    if (maxBodySize !== undefined && contentLength !== undefined && contentLength > maxBodySize) {
      return this.refuse(refuse('body/too-large', 'the declared length is over max_body_size'))
    }
    const wanted = Math.max(compiled.chain.wants(exchange) ?? -1, compiled.services.wants(exchange) ?? -1)
    if (wanted < 0 || !this.#head.mayHaveBody) return this.#left(compiled, exchange)
    return {
      kind: 'collect',
      maxBytes: maxBodySize === undefined ? wanted : Math.min(wanted, maxBodySize),
      onBody: (body) => {
        exchange.body = body
        return this.#left(compiled, exchange)
      },
    }
  }

  /** Stage 7. */
  #left(compiled: Compiled, exchange: Exchange): Settled | Promise<Settled> {
    const verdict = compiled.chain.runLeft(exchange)
    const next = (refused: Verdict): Settled | Promise<Settled> => {
      this.#account.mesh = exchange.mesh
      return refused === undefined ? this.#egress(compiled, exchange) : this.refuse(refused)
    }
    return verdict instanceof Promise ? verdict.then(next) : next(verdict)
  }

  /** Stages 8 and 9: may it leave, and what the backend makes of it. */
  #egress(compiled: Compiled, exchange: Exchange): Settled | Promise<Settled> {
    const chosen = this.#generation.egress.choose(exchange.pipeline, exchange.backend, exchange.mesh)
    if (chosen.kind === 'refused') return this.refuse(refuse(chosen.code, chosen.reason))
    this.#account.egress = chosen.egress?.name
    this.#account.backend = exchange.backend?.name
    const reach = compiled.services.reach(exchange, chosen.egress?.type === 'http3')
    const next = (reached: Reach): Settled | Promise<Settled> => this.#sign(compiled, exchange, chosen, reached)
    return reach instanceof Promise ? reach.then(next) : next(reach)
  }

  /** Stage 10. */
  #sign(compiled: Compiled, exchange: Exchange, chosen: EgressDecision, reach: Reach): Settled | Promise<Settled> {
    if (reach.kind === 'refuse') return this.refuse(reach.refusal)
    if (reach.kind === 'respond') return this.#respond(compiled, exchange, reach)
    const edits = [...exchange.edits, ...reach.edits]
    const signer = this.#generation.egress.signer(chosen, reach.origin, reach.target)
    if (signer === undefined) return this.#forward(compiled, exchange, reach, edits)
    const token = signer.mint(reach.origin, this.#generation.now())
    const next = (minted: string): Forward => {
      this.#account.signedFor = signer.mesh
      const own = edited(this.#head.headers, edits)
      return this.#forward(compiled, exchange, reach, [...edits, ...outboundEdits(own, minted)])
    }
    return typeof token === 'string' ? next(token) : token.then(next)
  }
}
