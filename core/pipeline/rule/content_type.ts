// `content_type` (spec 5.6): the media type without its parameters, or `type/*`. No field, no match.
import { valuesOf } from './field.ts'
import { outcome } from './rule.ts'
import type { Evaluate, RuleOf } from './rule.ts'

export function contentType(rule: RuleOf<'content_type'>): Evaluate {
  const listed = new Set(rule.contentTypes.map(essence))
  const isListed = (type: string): boolean => {
    const [family = '', subtype] = type.split('/')
    return listed.has(type) || (subtype !== undefined && (listed.has(`${family}/*`) || listed.has('*/*')))
  }
  return ({ head }) => {
    const types = valuesOf(head, 'content-type', rule.mode).flatMap(typesOf)
    // one type stands there (RFC 9110 8.3); of several, some server reads each
    if (rule.mode === 'allow' && types.length !== 1) return undefined
    return outcome(rule.mode, types.some(isListed))
  }
}

/** The media types in a value. A comma in a quoted parameter parts it too: such a value is denied more, and never allowed. */
function typesOf(value: string): string[] {
  return value.split(',').map(essence)
}

function essence(type: string): string {
  const end = type.indexOf(';')
  return (end === -1 ? type : type.slice(0, end)).trim().toLowerCase()
}
