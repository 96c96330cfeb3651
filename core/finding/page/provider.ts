// Findings about providers.
import type { Pages } from './page.ts'

export const provider = {
  'provider/no-api': {
    severity: 'error',
    title: 'a provider has no address',
    meaning: 'Every provider but `local` needs the URL of its interface in `api`.',
    why: 'References and tokens of this provider could never be fetched.',
    wrong: `[provider.acme]
poll_interval_secs = 30`,
    right: `[provider.acme]
api = "https://api.acme.test"
poll_interval_secs = 30`,
  },
} as const satisfies Pages
