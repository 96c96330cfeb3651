// `path_filter` (spec 5.7, C40): the first rule that matches the path behind the prefix decides; none, no. Both
// readings of the path (pattern.ts) must be allowed.
import { refuse } from '../../../refusal/refusal.ts'
import type { Handler, MiddlewareOf } from '../../middleware.ts'
import { compilePattern, readPath } from '../../pattern.ts'
import type { Reading } from '../../pattern.ts'

export function pathFilter({ name, type, rules: written }: MiddlewareOf<'path_filter'>): Handler {
  const rules = written.map(({ effect, pattern }) => ({ effect, pattern: compilePattern(pattern) }))
  const isAllowed = (reading: Reading): boolean => {
    for (const { effect, pattern } of rules) {
      if (effect === 'deny' && pattern.touches(reading)) return false
      if (effect === 'allow' && pattern.covers(reading)) return true
    }
    return false
  }
  return {
    name,
    type,
    left({ path }) {
      if (readPath(path).every(isAllowed)) return undefined
      return refuse('path-filter/denied', `${name}: the path is not allowed`)
    },
  }
}
