// Options of log_dump (spec 5.13).
import * as v from 'valibot'
import { flag, integer, item, list, table, text, unbounded } from '../field.ts'
import { apply, redactHeaders, redactMetadata } from './side.ts'

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
