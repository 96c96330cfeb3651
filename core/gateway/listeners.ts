// The sockets of a gateway, and how a new configuration changes them: what stays keeps its socket and its
// connections, what is new is opened before anything else changes, what is gone drains (spec 10).
import type { Decide, Engine, ListenOptions, Listener, ListenerLimits, ServerTls } from '../../quic/index.ts'
import type { Config, Identity, NetworkLimits, QuicBind, TcpBind } from '../config/model.ts'

/** One socket that a configuration asks for. */
type Bind = {
  readonly transport: 'tcp' | 'quic'
  readonly network: string
  readonly address: string
  readonly port: number
  readonly tls: Identity | undefined
  readonly limits: NetworkLimits
}

/** An open socket; `network` is read anew for every request. */
type Open = { readonly listener: Listener; bind: Bind }

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
  /** Takes the new set; nothing in it can fail. */
  commit(): void
  /** Closes what was opened. */
  abandon(): Promise<void>
  /** `listeners +1 -1`, or empty. */
  readonly change: string
}

export class Listeners {
  readonly #engine: Engine
  readonly #decide: (network: string) => Decide
  readonly #graceMs: number
  #open = new Map<string, Open>()
  #draining = new Set<Promise<unknown>>()

  /** `decide` is asked for the policy of a socket, given how to learn its network. */
  constructor(engine: Engine, decide: (network: () => string, listenerPort: () => number) => Decide, graceMs: number) {
    this.#engine = engine
    this.#decide = (key) =>
      decide(
        () => this.#open.get(key)?.bind.network ?? '',
        () => this.#open.get(key)?.bind.port ?? 0,
      )
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
    for (const [key, { listener }] of first) {
      this.#open.delete(key)
      this.#drain(listener)
    }
    const opened = new Map<string, Open>()
    const done: { open: Open; tls: Identity }[] = []
    const undo = async (): Promise<void> => {
      await Promise.all([...opened.values()].map(async ({ listener }) => listener.drain({ graceMs: 0 })))
      for (const { open } of done) if (open.bind.tls) await open.listener.replaceTls(tlsOf(open.bind.tls))
      for (const [key, { bind }] of first) this.#open.set(key, await this.#listen(key, bind))
    }
    try {
      for (const [key, bind] of fresh) opened.set(key, await this.#listen(key, bind, first.length > 0))
      for (const { open, bind } of renewed) {
        if (bind.tls === undefined) continue
        await open.listener.replaceTls(tlsOf(bind.tls))
        done.push({ open, tls: bind.tls })
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
      commit: () => {
        for (const { open, bind } of kept) {
          if (!sameLimits(open.bind.limits, bind.limits)) void open.listener.replaceLimits(limitsOf(bind.limits))
          open.bind = bind
        }
        for (const [key, open] of opened) this.#open.set(key, open)
        for (const [key, { listener }] of gone) {
          if (!this.#open.delete(key)) continue
          this.#drain(listener)
        }
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

  async #listen(key: string, bind: Bind, patient = false): Promise<Open> {
    const end = performance.now() + rebindMs
    for (;;) {
      try {
        return { listener: await this.#engine.listen(optionsOf(bind), this.#decide(key)), bind }
      } catch (error) {
        if (!patient || performance.now() > end) throw bindError(bind, error)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  #drain(listener: Listener): void {
    const drained = listener.drain({ graceMs: this.#graceMs })
    this.#draining.add(drained)
    void drained.finally(() => this.#draining.delete(drained))
  }
}

/** How long a port that changes hands may take to become free. */
const rebindMs = 2_000

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
  return one.transport === other.transport && one.port === other.port
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
