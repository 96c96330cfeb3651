// [network.<name>]: listeners with their certificates.
import type { Identity, Network, QuicBind, TcpBind } from '../model.ts'
import { headDefaults } from '../schema/proxy.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import type { Scope } from './scope.ts'

type Source = Entry<Tables['network']>

export function buildNetworks(scope: Scope): ReadonlyMap<string, Network> {
  const networks = new Map<string, Network>()
  for (const entry of scope.raw.all('network'))
    if (!networks.has(entry.name)) networks.set(entry.name, buildNetwork(scope, entry))
  return networks
}

function buildNetwork(scope: Scope, entry: Source): Network {
  const { name, value, place } = entry
  const { limits } = value
  const proxy = scope.raw.proxy?.value.content_limits
  return {
    name,
    tcp: buildTcp(scope, entry),
    http3: buildQuic(scope, entry),
    limits: {
      maxHeadBytes: limits.max_head_bytes ?? proxy?.max_head_bytes ?? headDefaults.maxHeadBytes,
      maxFields: limits.max_fields ?? proxy?.max_fields ?? headDefaults.maxFields,
      maxTargetBytes: limits.max_target_bytes ?? proxy?.max_target_bytes ?? headDefaults.maxTargetBytes,
      maxConnections: limits.max_connections,
      maxConnectionsPerAddress: limits.max_connections_per_address,
      maxStreams: limits.max_streams,
    },
    place,
  }
}

function buildTcp(scope: Scope, entry: Source): TcpBind | undefined {
  const tcp = entry.value.tcp_config
  if (tcp === undefined) return undefined
  const { bind_address: address, bind_port: port, cert_path: certificate, key_path: key, force_https } = tcp
  const place = entry.at('tcp_config')
  const bind = { address, port, forceHttps: force_https, place }
  const name = `network.${entry.name}.tcp_config`
  if (certificate === undefined && key === undefined) return { ...bind, tls: undefined }
  if (certificate === undefined || key === undefined) {
    const [has, lacks] = certificate === undefined ? ['key_path', 'cert_path'] : ['cert_path', 'key_path']
    scope.report({
      code: 'tls/incomplete',
      message: `${name} has ${has} and no ${lacks}: TLS needs both`,
      place: entry.at('tcp_config', has),
      mark: 'key',
      help: `add ${lacks}; without TLS, remove ${has}`,
    })
    return undefined
  }
  if (force_https)
    scope.report({
      code: 'network/force-https',
      message: `${name}.force_https has no effect: this listener speaks TLS`,
      place: entry.at('tcp_config', 'force_https'),
    })
  return { ...bind, tls: identity(scope, entry, 'tcp_config', certificate, key), forceHttps: false }
}

function buildQuic(scope: Scope, entry: Source): QuicBind | undefined {
  const http3 = entry.value.http3
  if (http3 === undefined) return undefined
  const tls = identity(scope, entry, 'http3', http3.cert_path, http3.key_path)
  if (tls === undefined) return undefined
  return { address: http3.bind_address, port: http3.bind_port, tls, place: entry.at('http3') }
}

function identity(
  scope: Scope,
  entry: Source,
  table: 'tcp_config' | 'http3',
  certificate: string,
  key: string,
): Identity | undefined {
  const setting = (name: 'cert_path' | 'key_path', path: string) => ({
    key: `network.${entry.name}.${table}.${name}`,
    path,
    place: entry.at(table, name),
  })
  return scope.materials.identity(setting('cert_path', certificate), setting('key_path', key))
}
