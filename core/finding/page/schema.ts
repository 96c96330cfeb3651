// Findings about shapes: stand-in.
import type { Pages } from './page.ts'

export const schema = {} as const satisfies Pages
