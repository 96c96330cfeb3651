// Everything that one configuration compiles to. It is immutable: a request is decided against one generation from
// its first byte to its last, whatever is loaded meanwhile.
import type { Config, Network, Pipeline } from '../config/model.ts'
import type { Log } from '../log/log.ts'
import { createEgressChoice } from '../mesh/egress.ts'
import type { EgressChoice } from '../mesh/egress.ts'
import { createIngressCheck } from '../mesh/ingress.ts'
import type { IngressCheck } from '../mesh/ingress.ts'
import type { Chain, Chains } from '../pipeline/chain.ts'
import type { ManagementFacts } from '../pipeline/service/facts.ts'
import { buildServices } from '../pipeline/services.ts'
import type { Services } from '../pipeline/services.ts'
import { compileRoutes } from '../route/table.ts'
import type { Routes } from '../route/table.ts'
import type { Accounts } from './account.ts'
import { createClients } from './forwarded.ts'
import type { Clients } from './forwarded.ts'
import type { Metrics } from './metrics.ts'
import type { Room } from './room.ts'
import type { Lease, Upstreams } from './upstreams.ts'

/** A network as requests meet it. */
export type Served = { readonly network: Network; readonly routes: Routes; readonly forceHttps: boolean }

/** What is there before and after a generation. */
export type Lasting = {
  readonly now: () => number
  readonly log: Log
  readonly accounts: Accounts
  readonly metrics: Metrics
  readonly room: Room
  readonly chains: Chains
  readonly upstreams: Upstreams
  readonly management: ManagementFacts
}

export class Generation {
  readonly number: number
  readonly config: Config
  readonly loadedAtMs: number
  readonly now: () => number
  readonly log: Log
  readonly accounts: Accounts
  readonly metrics: Metrics
  readonly room: Room
  readonly clients: Clients
  readonly ingress: IngressCheck
  readonly egress: EgressChoice
  readonly services: Services
  readonly #networks: ReadonlyMap<string, Served>
  readonly #chains: ReadonlyMap<string, Chain>
  readonly #lease: Lease
  #exchanges = 0
  #retired = false

  /** Throws when something in it cannot be built; nothing stays open then. */
  constructor(number: number, config: Config, lasting: Lasting) {
    this.number = number
    this.config = config
    this.loadedAtMs = lasting.now()
    this.now = lasting.now
    this.log = lasting.log
    this.accounts = lasting.accounts
    this.metrics = lasting.metrics
    this.room = lasting.room
    this.clients = createClients(config.proxy)
    this.ingress = createIngressCheck(config)
    this.egress = createEgressChoice(config)
    this.#chains = lasting.chains.build(config)
    this.#networks = new Map(
      [...config.networks.values()].map((network) => [
        network.name,
        { network, routes: compileRoutes(config, network), forceHttps: network.tcp?.forceHttps ?? false },
      ]),
    )
    this.#lease = lasting.upstreams.lease()
    try {
      this.services = buildServices(config, { open: this.#lease.open, management: lasting.management })
    } catch (error) {
      this.#lease.release()
      throw error
    }
  }

  /** None when a reload took the network away between the socket and the decision. */
  network(name: string): Served | undefined {
    return this.#networks.get(name)
  }

  chain(pipeline: Pipeline): Chain {
    const chain = this.#chains.get(pipeline.name)
    if (chain === undefined) throw new Error(`pipeline ${pipeline.name} is not of this generation`)
    return chain
  }

  /** An exchange begins; the returned function ends it. */
  hold(): () => void {
    this.#exchanges += 1
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#exchanges -= 1
      this.#settle()
    }
  }

  /** Takes no more requests: what it alone holds is closed with its last exchange. */
  retire(): void {
    this.#retired = true
    this.#settle()
  }

  #settle(): void {
    if (this.#retired && this.#exchanges === 0) this.#lease.release()
  }
}
