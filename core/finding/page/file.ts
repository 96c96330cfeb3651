// Findings about files: stand-in.
import type { Pages } from './page.ts'

export const file = {} as const satisfies Pages
