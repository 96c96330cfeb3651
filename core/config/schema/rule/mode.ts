// What becomes of requests that a rule matches (spec 5.6).
import { choice } from '../field.ts'

export const ruleModes = ['allow', 'deny'] as const

/** What becomes of requests that match. */
export const mode = choice(ruleModes, 'Whether what matches is allowed or denied.')
