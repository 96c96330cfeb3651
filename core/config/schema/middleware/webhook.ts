// Options of webhook (spec 5.12).
import * as v from 'valibot'
import { choice, integer, table, text, word } from '../field.ts'
import { apply, redactHeaders, redactMetadata } from './side.ts'

const inlineAuthentication = table(
  {
    type: choice(['basic', 'bearer'], 'Method.'),
    username: v.optional(word('User name.')),
    password: v.optional(text('Password.', { secret: true })),
    token: v.optional(word('Token.', { secret: true })),
  },
  'Credentials.',
)

export const webhook = table(
  {
    endpoint: word('URL that is told.'),
    apply: v.optional(apply(), 'left'),
    timeout_secs: v.optional(integer(1, 300, 'Seconds for the other side.'), 5),
    redact_headers: redactHeaders,
    redact_metadata: redactMetadata,
    authentication_def: v.optional(inlineAuthentication),
  },
  'Tells a URL of requests.',
)
