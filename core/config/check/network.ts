// Networks: whether they can listen, and whether anything is served on them.
import type { Place } from '../../finding/finding.ts'
import type { Built } from '../build/index.ts'
import type { Scope } from '../build/scope.ts'
import { below } from '../path.ts'

export function checkNetworks(scope: Scope, { config }: Built): void {
  const served = new Set([...config.pipelines.values()].flatMap(({ networks }) => networks.map(({ name }) => name)))
  for (const { name, value, place } of scope.raw.all('network')) {
    const used = served.has(name)
    if (value.enable_wireguard)
      scope.report({
        code: 'support/wireguard',
        message: `network "${name}" has enable_wireguard, which this version does not support`,
        place: below(place, 'enable_wireguard'),
        severity: used ? 'error' : 'warning',
      })
    if (value.tcp_config === undefined && value.http3 === undefined)
      scope.report({
        code: 'network/no-listener',
        message: `network "${name}" has neither tcp_config nor http3: it listens nowhere`,
        place,
        mark: 'key',
      })
    else if (!used && value.tcp_config?.force_https !== true && scope.whole && !scope.doubts.networks)
      scope.report({
        code: 'network/unused',
        message: `network "${name}" is named by no pipeline: every request there gets 404`,
        place,
        mark: 'key',
      })
  }
}

type Bind = { readonly network: string; readonly address: string; readonly port: number; readonly place: Place }

/** Two listeners cannot have one port at one address; an address for all has the port of each. */
export function checkPorts(scope: Scope): void {
  const ports = new Map<string, Bind[]>()
  const add = (transport: 'TCP' | 'UDP', bind: Bind): void => {
    const key = `${transport} ${bind.port}`
    const taken = ports.get(key) ?? []
    ports.set(key, taken)
    const other = taken.find(({ address }) => collide(address, bind.address))
    // Bounded: thousands of networks on one port are compared with the first few.
    if (taken.length < 64) taken.push(bind)
    if (other === undefined) return
    scope.report({
      code: 'network/port-taken',
      message: `network "${bind.network}" listens on ${transport} ${bind.address} port ${bind.port}, and so does network "${other.network}"`,
      place: bind.place,
      help: 'give one of them another port or address, or let pipelines share one network',
    })
  }
  const names = new Set<string>()
  for (const entry of scope.raw.all('network')) {
    // One that is defined twice has a finding of its own, and is mostly a copy.
    if (names.has(entry.name)) continue
    names.add(entry.name)
    const { tcp_config: tcp, http3 } = entry.value
    const isWritten = (table: string): boolean => !scope.refused(entry.at(table))
    if (tcp !== undefined && isWritten('tcp_config'))
      add('TCP', {
        network: entry.name,
        address: tcp.bind_address,
        port: tcp.bind_port,
        place: entry.at('tcp_config', 'bind_port'),
      })
    if (http3 !== undefined && isWritten('http3'))
      add('UDP', {
        network: entry.name,
        address: http3.bind_address,
        port: http3.bind_port,
        place: entry.at('http3', 'bind_port'),
      })
  }
}

function collide(a: string, b: string): boolean {
  const [one, other] = [plain(a), plain(b)]
  if (one === other || one === '::' || other === '::') return true
  // 0.0.0.0 is every address of IPv4; a name may be one of those.
  return (one === '0.0.0.0' && !other.includes(':')) || (other === '0.0.0.0' && !one.includes(':'))
}

function plain(address: string): string {
  const bare = address.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return bare === 'localhost' ? '127.0.0.1' : bare
}
