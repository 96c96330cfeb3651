// Which network a request comes in on. The listeners say it where scheme, address and port fit; behind a proxy or a
// translated port they cannot, and what the network serves says more.
import ipaddr from 'ipaddr.js'
import type { Network } from '../../config/model.ts'
import type { Place } from '../../finding/finding.ts'
import { hostOf } from '../../route/host.ts'
import { splitTarget } from '../../route/path.ts'
import type { Generation } from '../generation.ts'
import type { Asked } from './asked.ts'

/** A socket that a network listens on. */
export type Listener = {
  readonly text: string
  readonly tls: boolean
  /** The version that most clients would speak there. */
  readonly version: 11 | 20 | 30
  readonly address: string
  readonly port: number
  readonly place: Place
}

/** How well a network fits a request. */
export type Fit = {
  readonly network: Network
  /** The listener that fits best; none: it listens nowhere. */
  readonly listener: Listener | undefined
  readonly listens: readonly string[]
  readonly why: string
  /** Of two, the one with the greater first difference fits better. */
  readonly rank: readonly number[]
}

/** Every network, best first; of those that fit alike, as configured. */
export function fits(generation: Generation, asked: Asked): readonly Fit[] {
  return [...generation.config.networks.values()]
    .map((network) => fitOf(generation, network, asked))
    .toSorted((one, other) => compare(other.rank, one.rank))
}

/** Whether nothing tells one network from the other. */
export function alike(one: Fit, other: Fit): boolean {
  return compare(one.rank, other.rank) === 0
}

function fitOf(generation: Generation, network: Network, asked: Asked): Fit {
  const listeners = listenersOf(network)
  const [listener] = listeners.toSorted((one, other) => compare(closeness(other, asked), closeness(one, asked)))
  const listens = listeners.map(({ text }) => text)
  if (listener === undefined) return { network, listener, listens, why: 'it listens nowhere', rank: [-1] }
  const [socket = 0, scheme = 0, port = 0, address = 0] = closeness(listener, asked)
  // a proxy may have taken the TLS off; none puts it on
  const possible = Number(!listener.tls || asked.scheme === 'https')
  const served = serves(generation, network, asked, listener.port)
  const parts = [
    `${said(asked.scheme, scheme)}, ${said(`port ${asked.port}`, port)}${address > 0 ? '' : `, ${said(asked.host, 0)}`}`,
    served === 2 ? 'an ingress there takes it' : served === 1 ? 'an endpoint there takes it' : 'nothing there takes it',
  ]
  return { network, listener, listens, why: parts.join('; '), rank: [possible, socket, served, scheme, address, port] }
}

function said(what: string, fits: number): string {
  return `${what} ${fits > 0 ? 'fits' : 'does not fit'}`
}

function listenersOf({ tcp, http3 }: Network): Listener[] {
  const listeners: Listener[] = []
  if (tcp !== undefined) {
    const { address, port, place } = tcp
    const tls = tcp.tls !== undefined
    const text = `${socketText(address, port)} (${tls ? 'TCP with TLS' : 'TCP'})`
    listeners.push({ text, tls, version: tls ? 20 : 11, address, port, place })
  }
  if (http3 !== undefined) {
    const { address, port, place } = http3
    listeners.push({
      text: `${socketText(address, port)} (HTTP/3)`,
      tls: true,
      version: 30,
      address,
      port,
      place,
    })
  }
  return listeners
}

function socketText(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** Whether it is the very socket, and then in which parts it fits. */
function closeness({ tls, port, address }: Listener, asked: Asked): readonly number[] {
  const scheme = Number(tls === (asked.scheme === 'https'))
  const samePort = Number(port === asked.port)
  const sameAddress = addressFit(address, asked.host)
  return [scheme * samePort * sameAddress, scheme, samePort, sameAddress]
}

/** 2: the very address; 1: it may be; 0: it is another. */
function addressFit(address: string, host: string): number {
  const named = host.replace(/^\[|\]$/g, '')
  const bound = ipaddr.isValid(address) ? ipaddr.process(address) : undefined
  if (bound === undefined) return 1
  if (bound.range() === 'unspecified') return 1
  if (named === 'localhost' || named.endsWith('.localhost')) return bound.range() === 'loopback' ? 2 : 0
  if (!ipaddr.isValid(named)) return 1
  return ipaddr.process(named).toString() === bound.toString() ? 2 : 0
}

/** 2: an ingress takes it, 1: an endpoint does. */
function serves(generation: Generation, network: Network, asked: Asked, localPort: number): number {
  const target = splitTarget(asked.target)
  const host = hostOf(asked.authority)
  if (typeof target === 'string' || host === undefined) return 0
  const found = generation.network(network.name)?.routes.find(host.host, host.port ?? localPort, target, asked.method)
  if (found === undefined || found.kind === 'none' || found.kind === 'ambiguous') return 0
  return found.route.ingress === undefined ? 1 : 2
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [at, value] of one.entries()) {
    const difference = value - (other[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
