// Options of jwt_auth and basic_auth (spec 5.3, 5.4).
import * as v from 'valibot'
import { jwtOptions } from '../authentication.ts'
import { table, text, word } from '../field.ts'

/** None has a default: what is absent comes from the authentication that the middleware names. */
export const jwtAuth = table(jwtOptions, 'Checks a JWT in `Authorization`; 401 without a valid one.')

export const basicAuth = table(
  {
    username: v.optional(word('User name.', { needed: 'there is no `authentication`' })),
    password: v.optional(text('Password.', { secret: true, needed: 'there is no `authentication`' })),
    token_path: v.optional(word('File of older versions.', { ignored: true })),
  },
  'Checks a user name and a password in `Authorization`; 401 without the right ones.',
)
