// Conditions on values: of a header field, of a query parameter.
import type { ValueMatch } from '../../config/middleware.ts'
import { compileRegex } from '../regex/regex.ts'
import type { Match } from './rule.ts'

/** Whether a value meets the condition. */
export type Condition = (value: string) => Match

/** Compiles a condition; `fold` makes `exact` and `contains` blind to case. */
export function compileCondition({ match, value }: ValueMatch, fold: boolean): Condition {
  const shape = (text: string): string => (fold ? text.toLowerCase() : text)
  const wanted = shape(value)
  if (match === 'exists') return () => true
  if (match === 'exact') return (text) => shape(text) === wanted
  if (match === 'contains') return (text) => shape(text).includes(wanted)
  const regex = compileRegex(value)
  return (text) => regex.test(text)
}
