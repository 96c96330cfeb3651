// Options of log_dump, passthru, json_extractor, webhook and connect (spec 5.10 to 5.13, 5.19).
import * as v from 'valibot'
import { choice, flag, integer, item, list, table, text, unbounded, word } from '../field.ts'
import type { Note } from '../field.ts'

const sides = ['left', 'right', 'both'] as const

/** Which side a middleware works on when the pipeline has one list for both. */
export const apply = (note: Note = {}) =>
  choice(sides, '`left`: requests, `right`: responses. Without effect where the pipeline names the sides.', note)

const redactHeaders = v.optional(list(item, 'Header fields whose values are masked.'), () => [])
const redactMetadata = v.optional(list(item, 'Metadata whose values are masked.'), () => [])

export const logDump = table(
  {
    apply: v.optional(apply(), 'both'),
    pretty: v.optional(flag('Over several lines.'), true),
    max_bytes: v.optional(integer(0, unbounded, 'Bytes of a body that are logged.'), 65_536),
    redact_headers: redactHeaders,
    redact_metadata: redactMetadata,
    redact_data_fields: v.optional(list(item, 'Paths in JSON bodies that are masked: `patient.name`.'), () => []),
    label: v.optional(text('Stands in the line.')),
  },
  'Logs requests and responses.',
)

/** Accepts any option: none has an effect. */
export const passthru = v.pipe(v.looseObject({}, 'must be a table'), v.description('Does nothing.'))

export const jsonExtractor = table({}, 'Parses JSON bodies for what comes after it.')

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

export const connect = table(
  {
    enabled: v.optional(flag('Of older versions.', { ignored: true })),
    fallback_timeout_ms: v.optional(integer(0, unbounded, 'Of older versions.', { ignored: true })),
  },
  'Does nothing.',
)
