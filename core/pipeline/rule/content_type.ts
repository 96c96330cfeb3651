// `content_type` (spec 5.6): the media type without its parameters, or `type/*`. No field, no match.
import { valuesOf } from './field.ts'
import { outcome } from './rule.ts'
import type { Evaluate, RuleOf } from './rule.ts'

export function contentType(rule: RuleOf<'content_type'>): Evaluate {
  const listed = new Set(rule.contentTypes.map((type) => essence(type)))
  const isListed = (type: string): boolean => {
    const [family = '', subtype] = type.split('/')
    return listed.has(type) || (subtype !== undefined && (listed.has(`${family}/*`) || listed.has('*/*')))
  }
  return ({ head }) => {
    const values = valuesOf(head, 'content-type', rule.mode)
    // one type stands there (RFC 9110 8.3); of several, some server reads each
    const types = rule.mode === 'deny' ? values.flatMap((value) => value.split(',')) : values
    return outcome(
      rule.mode,
      types.some((type) => isListed(essence(type))),
    )
  }
}

function essence(type: string): string {
  const end = type.indexOf(';')
  return (end === -1 ? type : type.slice(0, end)).trim().toLowerCase()
}
