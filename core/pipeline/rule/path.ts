// `path` (spec 5.6): patterns for the path behind the prefix.
import { allCovered, anyTouched, compilePattern, readPath } from '../pattern.ts'
import { outcome } from './rule.ts'
import type { Evaluate, RuleOf } from './rule.ts'

export function path(rule: RuleOf<'path'>): Evaluate {
  const patterns = rule.paths.map(compilePattern)
  const match = rule.mode === 'deny' ? anyTouched : allCovered
  return (facts) => outcome(rule.mode, match(readPath(facts.path), patterns))
}
