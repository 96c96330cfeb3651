// `deny_all` (spec 5.6): denies every request.
import type { Evaluate } from './rule.ts'

export function denyAll(): Evaluate {
  return () => 'deny'
}
