// A UDP relay between a client and a server that loses, delays and reorders datagrams, limits their size, moves
// the client to another port, or goes dark. What it does to a datagram follows from a seed and its place in the order.
import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'

/** Faults of one direction. All left out: datagrams pass as they are. */
export type Faults = {
  /** Share of the datagrams that are lost, 0 to 1. */
  loss?: number
  /** Every datagram is held for this long, in ms. */
  delayMs?: number
  /** Up to this much more, at random, in ms; datagrams overtake each other by it. */
  jitterMs?: number
  /** Share of the datagrams that are sent twice, 0 to 1. */
  duplicate?: number
  /** Share of the datagrams that are held for `reorderMs` (10 ms) and thereby overtaken, 0 to 1. */
  reorder?: number
  reorderMs?: number
  /** Longer payloads are lost, as on a path with a smaller MTU. In bytes, without IP and UDP headers. */
  maxBytes?: number
}

export type RelayOptions = {
  /** The server's UDP port. */
  to: number
  host?: string
  seed?: number
  /** Client to server, and back. */
  up?: Faults
  down?: Faults
}

export type Counts = { forwarded: number; lost: number; tooLong: number; dark: number; bytes: number }

export type Relay = {
  /** Where clients send to. */
  readonly port: number
  readonly up: Counts
  readonly down: Counts
  /** Exchanges the faults from now on. */
  set(direction: 'up' | 'down' | 'both', faults: Faults): void
  /** Loses everything while on. */
  blackhole(on: boolean, direction?: 'up' | 'down' | 'both'): void
  /** Every client reaches the server from another port from now on, as after a NAT forgot it. */
  rebind(): Promise<void>
  close(): Promise<void>
}

type Direction = { faults: Faults; dark: boolean; counts: Counts; random: () => number }

/** The path of one client: the socket that stands for it towards the server. */
type Path = { client: RemoteInfo; socket: Socket }

const idlePaths = 4096

/** Starts a relay on a port of its own. The same seed treats the same order of datagrams alike. */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const host = options.host ?? '127.0.0.1'
  const kind = host.includes(':') ? 'udp6' : 'udp4'
  const seed = options.seed ?? 1
  const up = direction(options.up ?? {}, seed)
  const down = direction(options.down ?? {}, seed + 0x9e37)
  const paths = new Map<string, Path>()
  const timers = new Set<NodeJS.Timeout>()
  const front = await open(kind, host)
  let closed = false

  const carry = (way: Direction, bytes: Buffer, send: (bytes: Buffer) => void): void => {
    for (const afterMs of fate(way, bytes.length)) {
      if (afterMs === 0) {
        send(bytes)
        continue
      }
      const timer = setTimeout(() => {
        timers.delete(timer)
        if (!closed) send(bytes)
      }, afterMs)
      timers.add(timer)
    }
  }

  const attach = async (key: string, client: RemoteInfo): Promise<Path> => {
    const path: Path = { client, socket: await open(kind, host) }
    listen(path)
    paths.set(key, path)
    return path
  }
  const listen = (path: Path): void => {
    path.socket.on('message', (bytes) => {
      carry(down, bytes, (one) => front.send(one, path.client.port, path.client.address, ignore))
    })
  }

  // Datagrams that come before the client's socket is bound wait for it.
  const opening = new Map<string, Promise<Path>>()
  const deliver = (path: Path, bytes: Buffer): void => {
    carry(up, bytes, (one) => path.socket.send(one, options.to, host, ignore))
  }
  const admit = async (key: string, soon: Promise<Path>, bytes: Buffer): Promise<void> => {
    // A datagram without a socket is a lost one.
    const path = await soon.catch(() => undefined)
    opening.delete(key)
    if (path !== undefined && !closed) deliver(path, bytes)
  }
  front.on('message', (bytes, client) => {
    const key = `${client.address} ${client.port}`
    const known = paths.get(key)
    if (known) return deliver(known, bytes)
    if (paths.size + opening.size >= idlePaths) return
    const soon = opening.get(key) ?? attach(key, client)
    opening.set(key, soon)
    void admit(key, soon, bytes)
  })

  const chosen = (name: 'up' | 'down' | 'both'): Direction[] =>
    name === 'both' ? [up, down] : [name === 'up' ? up : down]
  return {
    port: front.address().port,
    up: up.counts,
    down: down.counts,
    set(name, faults) {
      for (const way of chosen(name)) way.faults = faults
    },
    blackhole(on, name = 'both') {
      for (const way of chosen(name)) way.dark = on
    },
    async rebind() {
      for (const path of paths.values()) {
        const old = path.socket
        path.socket = await open(kind, host)
        listen(path)
        // What is on its way to the old port is lost, as it would be.
        old.removeAllListeners('message').close()
      }
    },
    async close() {
      closed = true
      for (const timer of timers) clearTimeout(timer)
      front.removeAllListeners('message')
      await Promise.allSettled(opening.values())
      for (const { socket } of paths.values()) socket.close()
      await new Promise<void>((resolve) => front.close(() => resolve()))
    },
  }
}

/** After how many ms the datagram is sent, once for each copy; empty when it is lost. */
function fate(way: Direction, length: number): number[] {
  const { faults, counts, random } = way
  // Drawn for every datagram, so that one fault does not shift the others' luck.
  const luck = { loss: random(), duplicate: random(), reorder: random(), jitter: random() }
  if (way.dark) {
    counts.dark += 1
    return []
  }
  if (faults.maxBytes !== undefined && length > faults.maxBytes) {
    counts.tooLong += 1
    return []
  }
  if (luck.loss < (faults.loss ?? 0)) {
    counts.lost += 1
    return []
  }
  counts.forwarded += 1
  counts.bytes += length
  const late = luck.reorder < (faults.reorder ?? 0) ? (faults.reorderMs ?? 10) : 0
  const afterMs = (faults.delayMs ?? 0) + luck.jitter * (faults.jitterMs ?? 0) + late
  return luck.duplicate < (faults.duplicate ?? 0) ? [afterMs, afterMs] : [afterMs]
}

function direction(faults: Faults, seed: number): Direction {
  return {
    faults,
    dark: false,
    counts: { forwarded: 0, lost: 0, tooLong: 0, dark: 0, bytes: 0 },
    random: mulberry(seed),
  }
}

/** Mulberry32: small, and the same on every machine. */
function mulberry(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

async function open(kind: 'udp4' | 'udp6', host: string): Promise<Socket> {
  const socket = createSocket({ type: kind, recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject).bind(0, host, () => {
      socket.off('error', reject)
      // A port that nobody listens on any more is loss, not an error.
      socket.on('error', ignore)
      resolve()
    })
  })
  return socket
}

function ignore(): void {
  // UDP promises nothing.
}
