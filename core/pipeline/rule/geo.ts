// `geo` (spec 5.6): the country that metadata names. Nothing in this gateway finds it out: without it, no match.
import { outcome } from './rule.ts'
import type { Evaluate, RuleOf } from './rule.ts'

export function geo(rule: RuleOf<'geo'>): Evaluate {
  const countries = new Set(rule.countryCodes.map((code) => code.toUpperCase()))
  return ({ metadata }) => {
    const country = metadata.get('geo_country') ?? metadata.get('country_code')
    return outcome(rule.mode, country !== undefined && countries.has(country.toUpperCase()))
  }
}
