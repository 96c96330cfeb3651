// [authentications.<name>] (spec 2.11): one table of options for each method.
import * as v from 'valibot'
import { flag, integer, item, some, table, text, word } from './field.ts'
import type { Note } from './field.ts'

/** What a token is checked against; `jwt_auth` has the same options and overlays them. */
export const jwtOptions = {
  issuer: v.optional(word('Exact value of `iss`.')),
  audience: v.optional(word('Value that `aud` must be or contain.')),
  trusted_issuers: v.optional(some(item, 'Values that `iss` may have.')),
  jwks_uri: v.optional(word('URL of the key set; keys are chosen by `kid`.')),
  algorithms: v.optional(
    some(item, 'Algorithms that are accepted; `none` never is.', {
      otherwise: '`RS256`; `HS256` with `use_hs256`',
    }),
  ),
  required_claims: v.optional(some(item, 'Claims that must be there.')),
  public_key_path: v.optional(word('Public key for RS256, PEM, relative to the working directory.')),
  use_hs256: v.optional(flag('Tokens are checked with `hs256_secret`.', { otherwise: '`false`' })),
  hs256_secret: v.optional(word('Secret for HS256.', { secret: true, needed: '`use_hs256` is true' })),
  leeway_secs: v.optional(
    integer(0, 300, 'Seconds that clocks may differ.', { aliases: ['leeway_seconds'], otherwise: '0' }),
  ),
  validate_expiry: v.optional(flag('Whether `exp` must be there and in the future.', { otherwise: '`true`' })),
}

const credentialsPath = (meaning: string, note: Note = {}) => v.optional(word(meaning, note))
const username = v.optional(word('User name.'))
const password = v.optional(text('Password.', { secret: true }))
const token = v.optional(word('Token.', { secret: true }))

// --- options by method ---

const jwt = table({ ...jwtOptions, credentials_path: credentialsPath('File with credentials.') }, 'Options of `jwt`.')
const basic = table(
  {
    username,
    password,
    credentials_path: credentialsPath('File that holds `user:password`, in place of the two.'),
  },
  'Options of `basic`.',
)
const bearer = table(
  { token, credentials_path: credentialsPath('File that holds the token, in its place.') },
  'Options of `bearer`.',
)
const apiKey = table({ token, credentials_path: credentialsPath('File that holds the key.') }, 'Options of `api_key`.')
const mutualTls = table(
  {
    cert_path: v.optional(word('Client certificate chain, PEM, relative to the working directory.', { harmony: true })),
    key_path: v.optional(word('Its private key, PEM.', { harmony: true })),
    credentials_path: credentialsPath('One PEM file with both, in their place.'),
  },
  'Options of `mutual_tls`.',
)
const custom = table(
  { username, password, token, credentials_path: credentialsPath('File with credentials.') },
  'Options of `custom`.',
)
const none = table({}, 'Options of `none`.')

const method = <const M extends string, const S extends v.GenericSchema>(name: M, options: S) =>
  v.object(
    {
      id: v.optional(text('The name again: the part after `authentications.`.')),
      method: v.pipe(v.literal(name), v.description('How the other side is authenticated.')),
      options,
    },
    'must be a table',
  )

export const authentication = v.pipe(
  v.variant(
    'method',
    [
      method('jwt', jwt),
      method('basic', basic),
      method('bearer', bearer),
      method('api_key', apiKey),
      method('mutual_tls', mutualTls),
      method('custom', custom),
      method('none', none),
    ],
    'must be a method of authentication',
  ),
  v.description('Credentials, or how they are checked.'),
)
