// Options of rules of the type rate_limit (spec 5.6).
import { integer, table, unbounded } from '../field.ts'

export const rateLimit = table(
  {
    max_requests: integer(1, unbounded, 'Requests of one client within the window.'),
    window_seconds: integer(1, 604_800, 'Seconds of the window.'),
  },
  'Denies clients that ask too often.',
)
