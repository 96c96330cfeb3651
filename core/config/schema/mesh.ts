// [mesh.<name>] and [remote_ingress.<name>] (spec 2.20, 2.21; decisions 10 to 12).
import * as v from 'valibot'
import { choice, flag, integer, list, some, table, text, word } from './field.ts'
import { transports } from './pipeline.ts'

const references = (meaning: string) =>
  list(word('A name, or a reference such as `acme.sales.ingress.name.orders`.'), meaning)

export const mesh = table(
  {
    id: v.optional(word('The `mesh_id` of its tokens.', { otherwise: 'the name of the table' })),
    type: choice(transports, 'Transport that is meant.'),
    provider: word('Who issues tokens: `local`, or the name of a provider.', { names: 'provider' }),
    auth_type: v.optional(choice(['jwt'], 'How members know each other.'), 'jwt'),
    jwt_secret: v.optional(
      word('Secret for HS256, at least 32 bytes; the same on every member.', {
        secret: true,
        needed: 'the mesh is local and there is no key',
      }),
    ),
    jwt_private_key_path: v.optional(
      word('RSA key that tokens are signed with (RS256), PEM, relative to the working directory.'),
    ),
    jwt_public_key_path: v.optional(word('RSA key that tokens are checked with (RS256), PEM.')),
    jwks_url: v.optional(word('URL of the key set of a provider.', { otherwise: 'derived from the provider' })),
    previous_jwt_secret: v.optional(
      word('Secret that was `jwt_secret` before: its tokens are still accepted.', { harmony: true, secret: true }),
    ),
    previous_jwt_public_key_paths: v.optional(
      list(word('Path.'), 'Keys of before, whose tokens are still accepted.', { harmony: true }),
      () => [],
    ),
    leeway_secs: v.optional(integer(0, 60, 'Seconds that the clocks of members may differ.', { harmony: true }), 30),
    verify_audience: v.optional(
      flag('Whether the `aud` of a token, where it has one, must name a URL of the ingress.', { harmony: true }),
      true,
    ),
    ingress: v.optional(references('Ingresses of this gateway, entries of `remote_ingress`, references.'), () => []),
    egress: v.optional(references('Egresses of this gateway, references.'), () => []),
    description: v.optional(text('For people.')),
    enabled: v.optional(flag('What is disabled is not there.'), true),
  },
  'Gateways that know each other by tokens: which ways in and out belong to it.',
)

export const remoteIngress = table(
  { urls: some(word('URL.'), 'URLs of the ingress.') },
  'An ingress of another gateway, which meshes can list by name.',
)
