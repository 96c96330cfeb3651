// How the gateway shows who it is to an upstream: [authentications.<name>] of a backend or its target.
import type { Credentials, Identity } from '../model.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import { Secret } from '../../secret.ts'
import { lookUp } from './scope.ts'
import type { Scope, Use } from './scope.ts'

export type Shown = {
  readonly credentials: Credentials | undefined
  readonly clientCertificate: Identity | undefined
}

type Source = Entry<Tables['authentications']>

/** What to show; nothing when it cannot be built, findings say why. */
export function buildCredentials(scope: Scope, use: Use): Shown | undefined {
  const entry = lookUp(scope, 'authentications', use)
  if (entry === undefined) return undefined
  const { value } = entry
  if (value.method === 'none') return { credentials: undefined, clientCertificate: undefined }
  if (value.method === 'bearer') return bearer(scope, entry, value.options)
  if (value.method === 'basic') return basic(scope, entry, value.options)
  if (value.method === 'mutual_tls') return mutualTls(scope, entry, value.options)
  scope.report({
    code: 'backend/authentication',
    message: `${use.who} authentication "${use.name}", whose method is ${value.method}: must be bearer, basic or mutual_tls`,
    place: use.place,
  })
  return undefined
}

type Options<M extends Tables['authentications']['method']> = Extract<
  Tables['authentications'],
  { method: M }
>['options']

function bearer(scope: Scope, entry: Source, options: Options<'bearer'>): Shown | undefined {
  const { token: given, credentials_path: path } = options
  if (given === undefined && path === undefined) return lacks(scope, entry, 'options.token or options.credentials_path')
  const token = given ?? fromFile(scope, entry, path)
  if (token === undefined) return undefined
  // RFC 6750 2.1 has fewer characters still; these cannot break a field.
  if (!/^[\x21-\x7e]+$/.test(token)) return unsendable(scope, entry, 'token', 'must be printable ASCII without spaces')
  return { credentials: { kind: 'bearer', token: new Secret(token) }, clientCertificate: undefined }
}

function basic(scope: Scope, entry: Source, options: Options<'basic'>): Shown | undefined {
  const { username, password, credentials_path: path } = options
  if (username !== undefined && password !== undefined) {
    // RFC 7617 2: the first colon ends the user name.
    if (username.includes(':')) return unsendable(scope, entry, 'username', 'must not have a colon')
    return { credentials: { kind: 'basic', username, password: new Secret(password) }, clientCertificate: undefined }
  }
  if (path === undefined || username !== undefined || password !== undefined)
    return lacks(scope, entry, 'options.username and options.password, or options.credentials_path')
  const text = fromFile(scope, entry, path)
  if (text === undefined) return undefined
  const colon = text.indexOf(':')
  if (colon < 1) return unsendable(scope, entry, 'credentials_path', 'must name a file with user:password')
  const credentials = {
    kind: 'basic',
    username: text.slice(0, colon),
    password: new Secret(text.slice(colon + 1)),
  } as const
  return { credentials, clientCertificate: undefined }
}

function mutualTls(scope: Scope, entry: Source, options: Options<'mutual_tls'>): Shown | undefined {
  const { cert_path, key_path, credentials_path } = options
  const certificate = cert_path ?? credentials_path
  const key = key_path ?? credentials_path
  if (certificate === undefined || key === undefined)
    return lacks(scope, entry, 'options.cert_path and options.key_path, or options.credentials_path')
  const setting = (name: 'cert_path' | 'key_path', path: string) => {
    const from = options[name] === undefined ? 'credentials_path' : name
    return { key: `authentications.${entry.name}.options.${from}`, path, place: entry.at('options', from) }
  }
  const clientCertificate = scope.materials.identity(setting('cert_path', certificate), setting('key_path', key))
  return clientCertificate && { credentials: undefined, clientCertificate }
}

function fromFile(scope: Scope, entry: Source, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  const key = `authentications.${entry.name}.options.credentials_path`
  return scope.materials.text({ key, path, place: entry.at('options', 'credentials_path') })
}

function lacks(scope: Scope, entry: Source, what: string): undefined {
  const message = `authentication "${entry.name}" of method ${entry.value.method} needs ${what}`
  scope.report({ code: 'backend/authentication', message, place: entry.place, mark: 'key' })
}

function unsendable(scope: Scope, entry: Source, field: string, rule: string): undefined {
  const message = `authentication "${entry.name}" has a ${field} that cannot be used: ${rule}`
  scope.report({ code: 'backend/authentication', message, place: entry.at('options', field), mark: 'key' })
}
