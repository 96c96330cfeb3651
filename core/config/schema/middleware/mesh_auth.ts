// Options of mesh_auth (spec 7.6).
import * as v from 'valibot'
import { choice, flag, table, word } from '../field.ts'

export const meshAuth = table(
  {
    mesh_name: v.optional(
      word('Mesh whose tokens are checked or made.', {
        names: 'mesh',
        aliases: ['mesh'],
        needed: 'there is more than one mesh',
      }),
    ),
    mesh_id: v.optional(word('The `mesh_id` of tokens.', { otherwise: 'that of the mesh' })),
    provider: v.optional(word('Who issues tokens.', { names: 'provider', otherwise: 'that of the mesh' })),
    direction: v.optional(
      choice(['ingress', 'egress'], '`ingress` checks the token of a request, `egress` adds one.'),
      'ingress',
    ),
    required: v.optional(flag('Whether a request without a valid token is answered 403.'), true),
    jwt_secret: v.optional(word('Secret for HS256.', { secret: true, otherwise: 'that of the mesh' })),
    jwt_key_path: v.optional(
      word('RSA key, PEM: private for `egress`, public for `ingress`.', { otherwise: 'that of the mesh' }),
    ),
    jwks_url: v.optional(word('URL of the key set of a provider.', { otherwise: 'that of the mesh' })),
    destination_url: v.optional(word('URL that tokens are made for.', { otherwise: 'where the request goes' })),
  },
  'Checks or makes a mesh token where the ways in and out do not do it by themselves.',
)
