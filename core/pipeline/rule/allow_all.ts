// `allow_all` (spec 5.6): allows every request that no other rule denies.
import type { Evaluate } from './rule.ts'

export function allowAll(): Evaluate {
  return () => 'allow'
}
