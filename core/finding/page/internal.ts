// Findings about the check itself.
import type { Pages } from './page.ts'

export const internal = {
  'internal/failed': {
    severity: 'error',
    title: 'the check itself failed',
    meaning:
      'The configuration made the gateway fail in a way that it does not know. This is a mistake of the gateway.',
    why: 'Nothing can be said about the configuration, so it is refused.',
    wrong: 'No configuration is known that does this.',
    right: 'Please report the configuration, without its secrets.',
    prose: true,
  },
} as const satisfies Pages
