// The sockets of a gateway, and how a new configuration changes them: what stays keeps its socket and its
// connections, what is new is opened before anything else changes, what is gone drains (spec 10).
import type {
  Decide,
  Decision,
  Engine,
  ListenOptions,
  Listener,
  ListenerLimits,
  RequestHead,
  ServerTls,
} from '../../quic/index.ts'
import type { Config, Identity, NetworkLimits, QuicBind, TcpBind } from '../config/model.ts'
import type { Generation } from './generation.ts'

/** One socket that a configuration asks for. */
type Bind = {
  readonly transport: 'tcp' | 'quic'
  readonly network: string
  readonly address: string
  readonly port: number
  readonly tls: Identity | undefined
  readonly limits: NetworkLimits
}

/** What a socket's requests are decided by; it is asked anew for every request. */
export type Door = {
  /** The network that the socket serves. */
  network: string
  /** The last generation that had the socket, once it drains: what is still on its way in belongs there. */
  last: Generation | undefined
}

/** Decides about a request that came in through a door. */
type DecideAt = (door: Door, head: RequestHead) => Decision | Promise<Decision>

type Open = { readonly listener: Listener; readonly door: Door; bind: Bind }

/** Where a gateway listens, for the ready line. */
export type Listening = {
  readonly network: string
  readonly address: string
  readonly port: number
  readonly protocols: readonly ('http/1.1' | 'h2' | 'h3')[]
  readonly tls: boolean
}

/** A bind that failed, by its network and address. */
export class BindError extends Error {
  override readonly name = 'BindError'
}

/** What changes when a prepared set is taken. */
export type Prepared = {
  /** Takes the new set; nothing in it can fail. What is gone drains with the generation `before`. */
  commit(before: Generation | undefined): void
  /** Closes what was opened. */
  abandon(): Promise<void>
  /** `listeners +1 -1`, or empty. */
  readonly change: string
}

export class Listeners {
  readonly #engine: Pick<Engine, 'listen'>
  readonly #decide: DecideAt
  readonly #graceMs: number
  #open = new Map<string, Open>()

  constructor(engine: Pick<Engine, 'listen'>, decide: DecideAt, graceMs: number) {
    this.#engine = engine
    this.#decide = decide
    this.#graceMs = graceMs
  }

  /**
   * Opens what a configuration needs beyond what is open. Throws `BindError`, with everything as it was, when an
   * address cannot be bound or a certificate cannot be used.
   */
  async prepare(config: Config): Promise<Prepared> {
    const wanted = new Map(bindsOf(config).map((bind) => [keyOf(bind), bind]))
    const gone = [...this.#open].filter(([key]) => !wanted.has(key))
    const fresh = [...wanted].filter(([key]) => !this.#open.has(key))
    const kept = [...wanted].flatMap(([key, bind]) => {
      const open = this.#open.get(key)
      return open === undefined ? [] : [{ open, bind }]
    })
    const renewed = kept.filter(({ open, bind }) => !sameIdentity(open.bind.tls, bind.tls))
    // a port that changes hands must be free before it can be bound again
    const first = gone.filter(([, { bind }]) => fresh.some(([, other]) => clash(bind, other)))
    const rest = gone.filter((one) => !first.includes(one))
    const drains = first.map(async ([key, open]) => {
      this.#open.delete(key)
      await this.#drain(open)
    })
    const opening = Promise.withResolvers<void>()
    const opened = new Map<string, Open>()
    const done: Open[] = []
    const undo = async (): Promise<void> => {
      opening.resolve()
      await Promise.all([...opened.values()].map(async ({ listener }) => listener.drain({ graceMs: 0 })))
      for (const { listener, bind } of done) if (bind.tls) await listener.replaceTls(tlsOf(bind.tls))
      for (const [key, { bind }] of first) this.#open.set(key, await this.#listen(bind, undefined, true))
    }
    try {
      for (const [key, bind] of fresh) opened.set(key, await this.#listen(bind, opening.promise, first.length > 0))
      for (const { open, bind } of renewed) {
        if (bind.tls === undefined) continue
        await open.listener.replaceTls(tlsOf(bind.tls))
        done.push(open)
      }
    } catch (error) {
      await undo()
      throw error
    }
    return {
      change: [
        fresh.length > 0 ? `+${fresh.length}` : '',
        gone.length > 0 ? `-${gone.length}` : '',
        renewed.length > 0 ? `${renewed.length} with a new certificate` : '',
      ]
        .filter((part) => part !== '')
        .join(' '),
      commit: (before) => {
        for (const { open, bind } of kept) {
          if (!sameLimits(open.bind.limits, bind.limits)) void open.listener.replaceLimits(limitsOf(bind.limits))
          open.bind = bind
          open.door.network = bind.network
        }
        for (const [key, open] of opened) this.#open.set(key, open)
        opening.resolve()
        for (const [, { door }] of gone) door.last = before
        for (const [key, open] of rest) {
          this.#open.delete(key)
          drains.push(this.#drain(open))
        }
        const release = before?.hold()
        void Promise.all(drains).then(release)
      },
      abandon: undo,
    }
  }

  /** Where it listens now. */
  get listening(): readonly Listening[] {
    return [...this.#open.values()].map(({ listener, bind }) => ({
      network: bind.network,
      address: listener.address,
      port: bind.transport === 'quic' ? (listener.quicPort ?? listener.port) : listener.port,
      protocols: bind.transport === 'quic' ? ['h3'] : ['http/1.1', 'h2'],
      tls: bind.tls !== undefined,
    }))
  }

  async #listen(bind: Bind, opening: Promise<void> | undefined, patient: boolean): Promise<Open> {
    const door: Door = { network: bind.network, last: undefined }
    // who comes before the configuration is taken is decided about once it is
    let waits = opening
    void opening?.then(() => (waits = undefined))
    const decide: Decide = (head) => waits?.then(() => this.#decide(door, head)) ?? this.#decide(door, head)
    const end = performance.now() + rebindMs
    for (;;) {
      try {
        return { listener: await this.#engine.listen(optionsOf(bind), decide), door, bind }
      } catch (error) {
        if (!patient || performance.now() > end) throw bindError(bind, error)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  /** Lets what is under way finish; never rejects. */
  async #drain({ listener }: Open): Promise<void> {
    // what an engine that stops meanwhile says of it is of no use to anyone
    await listener.drain({ graceMs: this.#graceMs }).catch(() => undefined)
  }
}

/** How long a port that changes hands may take to become free. */
const rebindMs = 2_000

const wildcard: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

function bindsOf(config: Config): Bind[] {
  const binds: Bind[] = []
  for (const { name: network, tcp, http3, limits } of config.networks.values()) {
    if (tcp !== undefined) binds.push({ ...at(tcp), transport: 'tcp', network, limits })
    if (http3 !== undefined) binds.push({ ...at(http3), transport: 'quic', network, limits })
  }
  return binds
}

function at({ address, port, tls }: TcpBind | QuicBind): Pick<Bind, 'address' | 'port' | 'tls'> {
  return { address, port, tls }
}

// plain and encrypted sockets cannot become each other
function keyOf({ transport, address, port, tls }: Bind): string {
  return `${transport} ${address} ${port} ${tls === undefined ? 'plain' : 'tls'}`
}

function clash(one: Bind, other: Bind): boolean {
  if (one.transport !== other.transport || one.port !== other.port) return false
  return one.address === other.address || [one.address, other.address].some((address) => wildcard.has(address))
}

function optionsOf(bind: Bind): ListenOptions {
  const base = { address: bind.address, port: bind.port, limits: limitsOf(bind.limits) }
  if (bind.transport === 'tcp') return { ...base, tcp: bind.tls === undefined ? {} : { tls: tlsOf(bind.tls) } }
  return { ...base, quic: bind.tls === undefined ? {} : { tls: tlsOf(bind.tls) } }
}

// spec 3: TLS 1.3 alone
function tlsOf({ certificate, key }: Identity): ServerTls {
  return { identities: [{ certificate, key: key.reveal() }], minVersion: '1.3' }
}

function limitsOf(limits: NetworkLimits): ListenerLimits {
  return { ...limits }
}

function sameIdentity(one: Identity | undefined, other: Identity | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return one.certificate.equals(other.certificate) && one.key.reveal().equals(other.key.reveal())
}

function sameLimits(one: NetworkLimits, other: NetworkLimits): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function bindError(bind: Bind, error: unknown): BindError {
  const why = error instanceof Error ? error.message : String(error)
  const kind = bind.transport === 'tcp' ? 'TCP' : 'UDP'
  return new BindError(`network "${bind.network}" cannot listen on ${bind.address} ${kind} port ${bind.port}: ${why}`, {
    cause: error,
  })
}
