// Where a backend leads: its options, then its connection, then its target (spec 6.1).
import { defaultPort, parseUrlPattern, readPath } from '../../route/url.ts'
import type { Place } from '../../finding/finding.ts'
import { pathText } from '../../finding/locate.ts'
import { show } from '../mask.ts'
import type { UpstreamSpec } from '../model.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import { connectionDefaults } from '../schema/connection.ts'
import type { Scope } from './scope.ts'

type Backend = Entry<Tables['backends']>
type Target = Entry<Tables['targets']> | undefined

/** A value with where it stands. */
type Placed<T> = { readonly value: T; readonly place: Place; readonly shown?: string }

type Origin = {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  readonly basePath: string
  readonly http3: boolean
}

/** Nothing when it leads nowhere; findings say why. Credentials are not its business. */
export function buildUpstream(
  scope: Scope,
  backend: Backend,
  target: Target,
): Omit<UpstreamSpec, 'clientCertificate'> | undefined {
  const origin = originOf(scope, backend, target)
  if (origin === undefined) return undefined
  const { options, connection: own } = backend.value
  const shared = target?.value.connection
  const ca = first(
    at(backend, options.ca_cert_path, 'options', 'ca_cert_path'),
    at(backend, own?.ca_cert_path, 'connection', 'ca_cert_path'),
    at(target, shared?.ca_cert_path, 'connection', 'ca_cert_path'),
  )
  const authorities = ca && scope.materials.authorities({ key: keyOf(ca.place), path: ca.value, place: ca.place })
  if (ca !== undefined && authorities === undefined) return undefined
  const { scheme, host, port } = origin
  const standard = port === defaultPort(scheme)
  return {
    ...origin,
    origin: `${scheme}://${host}:${port}`,
    authority: standard ? host : `${host}:${port}`,
    fallback: own?.fallback ?? shared?.fallback ?? connectionDefaults.fallback,
    ca: authorities,
    connectSecs: own?.connect_timeout_secs ?? shared?.connect_timeout_secs ?? connectionDefaults.connectSecs,
    timeoutSecs:
      backend.value.timeout_secs ??
      options.timeout_secs ??
      target?.value.timeout_secs ??
      connectionDefaults.timeoutSecs,
    idleSecs: own?.idle_timeout_secs ?? shared?.idle_timeout_secs ?? connectionDefaults.idleSecs,
    maxRetries: backend.value.max_retries ?? target?.value.max_retries ?? connectionDefaults.maxRetries,
  }
}

function originOf(scope: Scope, backend: Backend, target: Target): Origin | undefined {
  const { options, connection: own, service } = backend.value
  const shared = target?.value.connection
  const host = first(
    at(backend, options.base_url, 'options', 'base_url'),
    at(backend, options.host, 'options', 'host'),
    at(backend, own?.host, 'connection', 'host'),
    at(target, shared?.host, 'connection', 'host'),
  )
  if (host === undefined) return nowhere(scope, backend, target)
  const whole = options.base_url !== undefined
  const url = isUrl(host.value) ? host.value : undefined
  if (whole && url === undefined) return malformed(scope, host, 'must start with http:// or https://')

  const protocol = first(
    at(backend, options.protocol, 'options', 'protocol'),
    at(backend, own?.protocol, 'connection', 'protocol'),
    at(target, target?.value.protocol, 'protocol'),
  )
  if (protocol !== undefined && !isHttp(protocol.value)) return otherProtocol(scope, backend, protocol)
  const http3 = protocol?.value === 'h3' || service === 'http3'

  // base_url says it all; a host that is a URL says what it says.
  const port = whole ? undefined : (options.port ?? own?.port ?? shared?.port)
  const scheme = schemeOf(protocol?.value, http3, port)
  // An IPv6 address stands in brackets in a URL.
  const bare = host.value.includes(':') && !host.value.startsWith('[') ? `[${host.value}]` : host.value
  const { origin, path } = split(url ?? `${scheme}://${bare}`)
  const read = parseUrlPattern(origin)
  if ('problem' in read) return malformed(scope, host, read.problem)
  if (url === undefined && (path !== '' || read.port !== undefined))
    return malformed(scope, host, 'must be a host name, an address, or a URL')
  const basePath = pathOf(scope, backend, target, { value: path, place: host.place, shown: host.value })
  if (basePath === undefined) return undefined
  if (http3 && read.scheme === 'http') {
    const place = url === undefined ? (protocol?.place ?? host.place) : host.place
    scope.report({
      code: 'backend/http3-plain',
      message: `backend "${backend.name}" asks for HTTP/3, and leads to ${read.scheme}://${read.host}: must be https`,
      place,
    })
    return undefined
  }
  return {
    scheme: read.scheme,
    host: read.host,
    port: read.port ?? port ?? defaultPort(read.scheme),
    basePath,
    http3,
  }
}

function schemeOf(protocol: string | undefined, http3: boolean, port: number | undefined): 'http' | 'https' {
  if (protocol === 'http' || protocol === 'fhir') return port === 443 && protocol === 'fhir' ? 'https' : 'http'
  return http3 || protocol === 'https' || port === 443 ? 'https' : 'http'
}

/** The path of the URL, then base_path, then options.path_prefix; nothing when one of them is none. */
function pathOf(scope: Scope, backend: Backend, target: Target, url: Placed<string>): string | undefined {
  const { options, connection: own } = backend.value
  const whole = options.base_url !== undefined
  const base = first(
    at(backend, options.base_path, 'options', 'base_path'),
    whole ? undefined : at(backend, own?.base_path, 'connection', 'base_path'),
    whole ? undefined : at(target, target?.value.connection?.base_path, 'connection', 'base_path'),
  )
  const prefix = at(backend, options.path_prefix, 'options', 'path_prefix')
  let path = ''
  for (const part of [url, base, prefix]) {
    if (part === undefined || part.value === '' || part.value === '/') continue
    const text = part.value.startsWith('/') ? part.value : `/${part.value}`
    const read = readPath(text)
    if ('problem' in read) return malformed(scope, part, read.problem)
    // RFC 3986 2: what no URL may hold; the engine sends none of it.
    if (/[<>`]/.test(read.path)) return malformed(scope, part, 'must have <, > and ` as %3C, %3E and %60')
    // Byte for byte (decision 20).
    path += read.path.endsWith('/') ? read.path.slice(0, -1) : read.path
  }
  return path
}

function nowhere(scope: Scope, backend: Backend, target: Target): undefined {
  const named = target === undefined ? '' : `, and target "${target.name}" has no host`
  scope.report({
    code: 'backend/no-destination',
    message: `backend "${backend.name}" leads nowhere: it has no host${named}`,
    place: backend.place,
    mark: 'key',
    help: 'give it a target_ref, a connection with a host, or options.base_url',
  })
}

function malformed(scope: Scope, { value, place, shown = value }: Placed<string>, problem: string): undefined {
  scope.report({ code: 'url/malformed', message: `${keyOf(place)} is ${show(shown)}: ${problem}`, place })
}

function otherProtocol(scope: Scope, backend: Backend, { value, place }: Placed<string>): undefined {
  scope.report({
    code: 'support/protocol',
    message: `backend "${backend.name}" has service "${backend.value.service}" and protocol "${value}": must be http, https or h3`,
    place,
  })
}

function isHttp(protocol: string): boolean {
  return ['http', 'https', 'h3', 'fhir'].includes(protocol)
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

/** Scheme and authority, and what follows. */
function split(url: string): { origin: string; path: string } {
  const end = url.slice(url.indexOf('://') + 3).search(/[/?#\\]/)
  const length = end === -1 ? url.length : url.indexOf('://') + 3 + end
  return { origin: url.slice(0, length), path: url.slice(length) }
}

function at<T>(
  entry: { at(...path: (string | number)[]): Place } | undefined,
  value: T | undefined,
  ...path: string[]
): Placed<T> | undefined {
  return entry === undefined || value === undefined ? undefined : { value, place: entry.at(...path) }
}

function first<T>(...values: readonly (Placed<T> | undefined)[]): Placed<T> | undefined {
  return values.find((value) => value !== undefined)
}

function keyOf(place: Place): string {
  return pathText(place.path)
}
