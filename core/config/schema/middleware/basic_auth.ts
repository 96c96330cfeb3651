// Options of basic_auth (spec 5.4).
import * as v from 'valibot'
import { table, text, word } from '../field.ts'

export const basicAuth = table(
  {
    username: v.optional(word('User name.', { needed: 'there is no `authentication`' })),
    password: v.optional(text('Password.', { secret: true, needed: 'there is no `authentication`' })),
    token_path: v.optional(word('File of older versions.', { ignored: true })),
  },
  'Checks a user name and a password in `Authorization`; 401 without the right ones.',
)
