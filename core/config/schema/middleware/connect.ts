// Options of connect (spec 5.19).
import * as v from 'valibot'
import { flag, integer, table, unbounded } from '../field.ts'

export const connect = table(
  {
    enabled: v.optional(flag('Of older versions.', { ignored: true })),
    fallback_timeout_ms: v.optional(integer(0, unbounded, 'Of older versions.', { ignored: true })),
  },
  'Does nothing.',
)
