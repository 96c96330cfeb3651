// Rules that look at no field of the request: allow_all, deny_all, ip_allow, ip_deny, rate_limit, geo (spec 5.6).
import { choice, integer, item, some, table, unbounded } from '../field.ts'

export const ruleModes = ['allow', 'deny'] as const

/** What becomes of requests that match. */
export const mode = choice(ruleModes, 'Whether what matches is allowed or denied.')

export const allowAll = table({}, 'Allows every request.')

export const denyAll = table({}, 'Denies every request.')

const addresses = { ip_addresses: some(item, 'Addresses, or networks in CIDR notation.') }

export const ipAllow = table(addresses, 'Allows clients by address.')

export const ipDeny = table(addresses, 'Denies clients by address.')

export const rateLimit = table(
  {
    max_requests: integer(1, unbounded, 'Requests of one client within the window.'),
    window_seconds: integer(1, 86_400, 'Seconds of the window.'),
  },
  'Denies clients that ask too often.',
)

export const geo = table(
  { country_codes: some(item, 'Two-letter codes of countries.'), mode },
  'Looks at the country of the client, where it is known.',
)
