// Who is at the other end, and what the next server is told about it: Forwarded (RFC 7239), X-Forwarded-* and Via.
import { createHash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Proxy } from '../config/model.ts'
import { compileAddresses } from '../address.ts'
import type { AddressList } from '../address.ts'
import { hostOf } from '../route/host.ts'
import type { HeaderEdit, RequestHead } from '../../quic/index.ts'
import { addressIn, elements, parameters, unwrapped } from './hop.ts'

/** Whose request it is. */
export type Client = {
  /** The peer, or whom a trusted proxy speaks for. */
  readonly address: string
  readonly peer: string
  /** Whether the peer is one whose word is taken. */
  readonly trusted: boolean
  /** From here on as a trusted proxy has it; nothing when none says so. */
  readonly scheme: 'http' | 'https' | undefined
  readonly authority: string | undefined
  readonly requestId: string | undefined
  /** From the client to the peer: every address that was believed. */
  readonly hops: readonly string[]
  /** Whether the request has passed here too often. */
  readonly loops: boolean
  /** What Via calls this gateway. */
  readonly pseudonym: string
}

export type Clients = { of(head: Head): Client }

type Head = Pick<RequestHead, 'remoteAddress' | 'authority' | 'tls' | 'version' | 'header' | 'headerAll' | 'headers'>

/** How often a request may come by: gateways may lead to themselves, though not in circles. */
const maxPasses = 4
/** How many proxies are looked at. */
const maxHops = 32

/** Compiles whom to trust; the list must have been checked: an entry that is no address is an `Error`. */
export function createClients(proxy: Pick<Proxy, 'identity' | 'trustedProxies'>): Clients {
  const trusts = remembered(compileAddresses(proxy.trustedProxies))
  const pseudonym = pseudonymOf(proxy.identity)
  const anyone = proxy.trustedProxies.length > 0
  return {
    of(head) {
      const peer = unwrapped(head.remoteAddress)
      const loops = passes(head, pseudonym) >= maxPasses
      if (!anyone || trusts(peer) !== true) return { ...unknown, address: peer, peer, hops: [peer], loops, pseudonym }
      return { ...spokenFor(head, peer, trusts), peer, loops, pseudonym }
    },
  }
}

/**
 * What an upstream is told: this gateway in Via, and the peer at the end of Forwarded and X-Forwarded-For. What a peer
 * that is not trusted says of these does not leave, nor do names that servers confuse with them (`x_forwarded_for`).
 * Fields that belong to a connection are the engine's.
 */
export function forwardingEdits(head: Head, client: Client): HeaderEdit[] {
  const edits: HeaderEdit[] = []
  const before = new Map<string, string[]>()
  for (const [name, value] of head.headers) {
    const kind = kindOf(name, client.trusted)
    if (kind === 'list') before.set(name, [...(before.get(name) ?? []), value])
    else if (kind === 'drop') edits.push({ remove: name })
  }
  const kept = client.trusted ? before : none
  const scheme = client.scheme ?? (head.tls ? 'https' : 'http')
  const authority = client.authority ?? head.authority
  edits.push(
    { append: ['via', `${received[head.version]} ${client.pseudonym}`] },
    {
      set: ['x-forwarded-for', [...(kept.get('x-forwarded-for') ?? client.hops.slice(0, -1)), client.peer].join(', ')],
    },
    { set: ['x-forwarded-proto', scheme] },
    { set: ['forwarded', forwarded(head, client, kept)] },
  )
  if (authority !== '') edits.push({ set: ['x-forwarded-host', authority] })
  else if (before.has('x-forwarded-host')) edits.push({ remove: 'x-forwarded-host' })
  return edits
}

/** What a response does not carry further: the credentials of a proxy (RFC 9110 11.7) are for its next client. */
export const responseEdits: readonly HeaderEdit[] = [
  { remove: 'proxy-authenticate' },
  { remove: 'proxy-authentication-info' },
]

// --- inbound ---

const unknown = { trusted: false, scheme: undefined, authority: undefined, requestId: undefined } as const
const none: ReadonlyMap<string, readonly string[]> = new Map()

/** The same proxies come again and again. */
function remembered(trusts: AddressList): AddressList {
  const known = new LRUCache<string, boolean>({ max: 4096 })
  return (address) => {
    const before = known.get(address)
    if (before !== undefined) return before
    const now = trusts(address) === true
    known.set(address, now)
    return now
  }
}

// The same in every generation, another in each process and for each gateway in it: names tell nobody who we are.
const seed = randomBytes(16)

function pseudonymOf(identity: string): string {
  return `harmony-${createHash('sha256').update(seed).update(identity).digest('hex').slice(0, 10)}`
}

/** How often Via names this gateway. */
function passes(head: Head, pseudonym: string): number {
  if (head.header('via') === undefined) return 0
  let count = 0
  for (const value of head.headerAll('via')) {
    for (const entry of value.split(',')) if (entry.trim().split(/[ \t]+/)[1] === pseudonym) count++
  }
  return count
}

/** What a trusted peer says, and those whom it trusts in turn. */
function spokenFor(head: Head, peer: string, trusts: AddressList): Omit<Client, 'peer' | 'loops' | 'pseudonym'> {
  const { hops, element } = walk(head, peer, trusts)
  const scheme = (last(head, 'x-forwarded-proto') ?? element?.get('proto'))?.toLowerCase()
  const authority = last(head, 'x-forwarded-host') ?? element?.get('host')
  const requestId = head.header('x-request-id')
  return {
    address: hops[0] ?? peer,
    trusted: true,
    hops,
    scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined,
    authority: authority !== undefined && hostOf(authority)?.host ? authority : undefined,
    requestId: requestId !== undefined && identifier.test(requestId) ? requestId : undefined,
  }
}

const identifier = /^[A-Za-z0-9._~:+/=-]{1,128}$/

/**
 * Goes back from the peer, proxy by proxy, while each is trusted; stops at the first that is not, or at what is no
 * address. X-Forwarded-For comes first: nearly every proxy writes it, and those that do not know Forwarded let a
 * client's own pass.
 */
function walk(
  head: Head,
  peer: string,
  trusts: AddressList,
): { hops: string[]; element: Map<string, string> | undefined } {
  const hops = [peer]
  const list = head.headerAll('x-forwarded-for')
  const standard = list.length === 0
  let element: Map<string, string> | undefined
  for (const text of elements(standard ? head.headerAll('forwarded') : list)) {
    if (hops.length > maxHops) break
    const described = standard ? parameters(text) : undefined
    const address = addressIn(standard ? described?.get('for') : text)
    if (address === undefined) break
    hops.unshift(address)
    element = described
    if (trusts(address) !== true) break
  }
  return { hops, element }
}

/** The value that was put in last. */
function last(head: Head, name: string): string | undefined {
  const [value] = elements(head.headerAll(name))
  return value
}

// --- outbound ---

const received = { 10: '1.0', 11: '1.1', 20: '2.0', 30: '3.0' } as const

/** With an underscore where a hyphen belongs: to many servers the same. */
const misspelt = /^(?:(?:x[-_])?(?:forwarded|real[-_]ip)(?:[-_]|$)|harmony[-_]forwarded[-_]authorization$)/

function kindOf(name: string, trusted: boolean): 'list' | 'drop' | undefined {
  if (name === 'forwarded' || name === 'x-forwarded-for' || name === 'x-forwarded-host') return 'list'
  if (name === 'x-forwarded-proto') return undefined // always set
  // RFC 9110 11.7.2: credentials for the proxy that asked for them; here that would have been us
  if (name === 'proxy-authorization') return 'drop'
  if (name.includes('_')) return misspelt.test(name) ? 'drop' : undefined
  const says = name === 'x-real-ip' || name === 'x-forwarded' || name.startsWith('x-forwarded-')
  return says && !trusted ? 'drop' : undefined
}

/** The field as it came, or made from what is known, and then the peer. */
function forwarded(head: Head, client: Client, kept: ReadonlyMap<string, readonly string[]>): string {
  const own = head.tls ? 'https' : 'http'
  const given = kept.get('forwarded')
  // beside X-Forwarded-For it is unproven: the peer may have let a client's own pass
  const proven = given !== undefined && !kept.has('x-forwarded-for')
  const [first, ...others] = client.hops.slice(0, -1)
  const made =
    first === undefined
      ? []
      : [described(first, client.scheme, client.authority), ...others.map((hop) => described(hop))]
  return [...(proven ? given : made), described(client.peer, own, head.authority)].join(', ')
}

function described(address: string, proto?: string, authority?: string): string {
  const parts = [`for=${address.includes(':') ? `"[${address}]"` : address}`]
  if (authority !== undefined && authority !== '') {
    if (/^[A-Za-z0-9._-]+$/.test(authority)) parts.push(`host=${authority}`)
    else if (/^[A-Za-z0-9._:[\]-]+$/.test(authority)) parts.push(`host="${authority}"`)
  }
  if (proto !== undefined) parts.push(`proto=${proto}`)
  return parts.join(';')
}
