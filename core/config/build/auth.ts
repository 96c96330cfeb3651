// What jwt_auth and basic_auth check against: their own options over those of the authentication that they name.
import type { JwtAuth, Middleware } from '../middleware.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import type { Place } from '../../finding/finding.ts'
import { listed } from '../../finding/words.ts'
import { Secret } from '../../secret.ts'
import { isPlain } from '../../route/url.ts'
import { readLink } from './link.ts'
import { lookUp } from './scope.ts'
import type { Scope } from './scope.ts'

type Source = Entry<Tables['middleware']>
type Of<T extends Tables['middleware']['type']> = Extract<Tables['middleware'], { type: T }>['options']
type Basic = Pick<Extract<Middleware, { type: 'basic_auth' }>, 'username' | 'password'>

/** Where an option stands: in the middleware, else in the authentication. */
type Options<O> = { readonly value: O; readonly place: (key: keyof O & string) => Place }

export function buildJwt(scope: Scope, entry: Source, own: Of<'jwt_auth'>): JwtAuth | undefined {
  const options = merged(scope, entry, own, 'jwt')
  if (options === undefined) return undefined
  const keys = keysOf(scope, entry, options)
  if (keys === undefined) return undefined
  const { value } = options
  const algorithms = value.algorithms ?? [keys.kind === 'secret' ? 'HS256' : 'RS256']
  for (const [index, algorithm] of algorithms.entries()) {
    if (families[keys.kind].includes(algorithm)) continue
    const place = options.place('algorithms')
    scope.report({
      code: 'middleware/algorithm',
      message: `middleware "${entry.name}" has algorithm ${JSON.stringify(algorithm)}: must be ${listed(families[keys.kind])}`,
      place: { ...place, path: [...place.path, index] },
      help: hints[keys.kind],
    })
    return undefined
  }
  return {
    keys,
    algorithms,
    issuer: value.issuer,
    trustedIssuers: value.trusted_issuers,
    audience: value.audience,
    requiredClaims: value.required_claims ?? [],
    leewaySecs: value.leeway_secs ?? 0,
    validateExpiry: value.validate_expiry ?? true,
  }
}

export function buildBasic(scope: Scope, entry: Source, own: Of<'basic_auth'>): Basic | undefined {
  const options = merged(scope, entry, { username: own.username, password: own.password }, 'basic')
  if (options === undefined) return undefined
  const { username, password } = options.value
  // RFC 7617 2: the first colon of what a client sends ends the user name
  if (username?.includes(':') === true) {
    scope.report({
      code: 'middleware/credentials',
      message: `middleware "${entry.name}" of type basic_auth has a username with a colon: no client can send it`,
      place: options.place('username'),
    })
    return undefined
  }
  // a variable that is set and empty would open the door to whoever knows the name
  if (password === '') {
    scope.report({
      code: 'middleware/credentials',
      message: `middleware "${entry.name}" of type basic_auth has an empty password: everybody who knows the username would pass`,
      place: options.place('password'),
      help: 'set a password; where a variable gives it, the variable is empty',
    })
    return undefined
  }
  if (username !== undefined && password !== undefined) return { username, password: new Secret(password) }
  scope.report({
    code: 'middleware/credentials',
    message: `middleware "${entry.name}" of type basic_auth has no ${username === undefined ? 'username' : 'password'}`,
    place: entry.place,
    mark: 'key',
  })
  return undefined
}

// RFC 8725 3.1: the algorithms that each kind of key may be used with
const rsa = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const families = {
  secret: ['HS256', 'HS384', 'HS512'],
  public: rsa,
  jwks: [...rsa, 'ES256', 'ES384', 'ES512', 'EdDSA'],
}

const hints = {
  secret: 'the key is a secret, by use_hs256; for the others, remove it and set public_key_path or jwks_uri',
  public: 'the key is public, by public_key_path; for HS256, set use_hs256 and hs256_secret in its place',
  jwks: 'the keys are public, by jwks_uri; for HS256, set use_hs256 and hs256_secret in its place',
}

function keysOf(scope: Scope, entry: Source, { value, place }: Options<Of<'jwt_auth'>>): JwtAuth['keys'] | undefined {
  if (value.use_hs256 === true && value.hs256_secret !== undefined) {
    const at = place('hs256_secret')
    return { kind: 'secret', key: scope.materials.secret(keyOf(at), value.hs256_secret, at).key }
  }
  if (value.use_hs256 === true) return lacks(scope, entry, 'has use_hs256 and no hs256_secret')
  if (value.public_key_path !== undefined) {
    const at = place('public_key_path')
    const key = scope.materials.rsaPublic({ key: keyOf(at), path: value.public_key_path, place: at })
    return key && { kind: 'public', key: key.key }
  }
  if (value.jwks_uri === undefined)
    return lacks(
      scope,
      entry,
      'has nothing to check tokens with: public_key_path, jwks_uri, or use_hs256 and hs256_secret',
    )
  const url = readLink(scope, value.jwks_uri, place('jwks_uri'))
  if (url === undefined) return undefined
  if (isPlain(url)) {
    scope.report({
      code: 'middleware/plain-jwks',
      message: `middleware "${entry.name}" names keys at ${url.host} without TLS: must be https, or on loopback`,
      place: place('jwks_uri'),
      help: 'use https: who can change the keys can sign tokens',
    })
    return undefined
  }
  return { kind: 'jwks', url: url.href, cacheHours: scope.raw.proxy?.value.jwks_cache_duration_hours ?? 24 }
}

function lacks(scope: Scope, entry: Source, what: string): undefined {
  const message = `middleware "${entry.name}" of type jwt_auth ${what}`
  scope.report({ code: 'middleware/credentials', message, place: entry.place, mark: 'key' })
}

/** The options, from both places; nothing when the authentication is none, or of another method. */
function merged<O extends Readonly<Record<string, unknown>>>(
  scope: Scope,
  entry: Source,
  own: O,
  method: 'jwt' | 'basic',
): Options<O> | undefined {
  const { name, value, place } = entry
  const set = new Set(Object.keys(own).filter((key) => own[key] !== undefined))
  if (value.authentication === undefined) return { value: own, place: (key) => entry.at('options', key) }
  const who = `middleware "${name}" names`
  const use = { name: value.authentication, who, file: place.file, place: entry.at('authentication') }
  const shared = lookUp(scope, 'authentications', use)
  if (shared === undefined) return undefined
  if (shared.value.method !== method) {
    scope.report({
      code: 'middleware/authentication',
      message: `${who} authentication "${shared.name}", whose method is ${shared.value.method}: must be ${method}`,
      place: use.place,
    })
    return undefined
  }
  const kept = Object.fromEntries([...set].map((key) => [key, own[key]]))
  return {
    // Both have the options of the method, each of them optional: the sum has them too.
    value: { ...shared.value.options, ...kept } as unknown as O,
    place: (key) => (set.has(key) ? entry : shared).at('options', key),
  }
}

function keyOf(place: Place): string {
  return place.path.join('.')
}
