// [rules.<name>]: what one rule of a policy looks at (spec 5.6). What would never match is refused: a rule that
// denies and never matches lets everything through.
import type { Place } from '../../finding/finding.ts'
import { pathText } from '../../finding/locate.ts'
import type { Rule, ValueMatch } from '../middleware.ts'
import type { Tables } from '../schema/index.ts'
import { compileAddresses } from '../../address.ts'
import { compilePattern } from '../../pipeline/pattern.ts'
import { compileRegex } from '../../pipeline/regex/regex.ts'
import type { Scope } from './scope.ts'
import { isToken } from './token.ts'

/** A rule as it was read: a table of its own, or one inside a policy. */
export type RuleSource = {
  readonly name: string
  readonly value: Tables['rules']
  readonly place: Place
  at(...path: (string | number)[]): Place
}

type Value = Tables['rules']
type Kind = Value['type']
type Of<K extends Kind> = Extract<Value, { type: K }>['options']

/** The rule; nothing when an option cannot be used, findings say why. */
export function buildRule(scope: Scope, source: RuleSource): Rule | undefined {
  const { name, value, place } = source
  let usable = true
  const refuse: Refuse = (path, found, rule) => {
    usable = false
    scope.report({
      code: 'policy/option',
      message: `rule "${name}" has ${pathText(path)} ${JSON.stringify(found)}: ${rule}`,
      place: source.at('options', ...path),
    })
  }
  const common = { id: name, name: value.name, weight: value.weight, enabled: value.enabled, place }
  if (value.type === 'geo')
    scope.report({
      code: 'policy/no-country',
      message: `rule "${name}" looks at the country of clients, which nothing in this version finds out: it never matches`,
      place: source.at('type'),
    })
  const specific = specificOf(value, refuse)
  return usable ? { ...common, ...specific } : undefined
}

type Refuse = (path: readonly (string | number)[], found: string, rule: string) => void
type Specific = Rule extends infer R
  ? R extends Rule
    ? Omit<R, 'id' | 'name' | 'weight' | 'enabled' | 'place'>
    : never
  : never

function specificOf(value: Value, refuse: Refuse): Specific {
  switch (value.type) {
    case 'allow_all':
    case 'deny_all':
      return { type: value.type }
    case 'ip_allow':
    case 'ip_deny':
      each(
        value.options.ip_addresses,
        'ip_addresses',
        refuse,
        (text) => failure(() => compileAddresses([text])) && 'must be an IP address or a range such as 10.0.0.0/8',
      )
      return { type: value.type, addresses: value.options.ip_addresses }
    case 'rate_limit': {
      const { max_requests: maxRequests, window_seconds: windowSeconds } = value.options
      return { type: value.type, maxRequests, windowSeconds }
    }
    case 'path':
      each(value.options.paths, 'paths', refuse, (text) => failure(() => compilePattern(text)))
      return { type: value.type, paths: value.options.paths, mode: value.options.mode }
    case 'geo':
      each(value.options.country_codes, 'country_codes', refuse, (text) =>
        /^[A-Za-z]{2}$/.test(text) ? undefined : 'must be a code of two letters',
      )
      return { type: value.type, countryCodes: upper(value.options.country_codes), mode: value.options.mode }
    case 'method':
      each(value.options.methods, 'methods', refuse, (text) =>
        isToken(text) ? undefined : 'must be a method, such as GET',
      )
      return { type: value.type, methods: upper(value.options.methods), mode: value.options.mode }
    case 'content_type':
      each(value.options.content_types, 'content_types', refuse, (text) =>
        isMediaRange(text) ? undefined : 'must be a type such as application/json or image/*',
      )
      return { type: value.type, contentTypes: value.options.content_types, mode: value.options.mode }
    case 'user_agent':
      return { type: value.type, patterns: agents(value.options, refuse), mode: value.options.mode }
    case 'header':
      return { type: value.type, headers: headers(value.options, refuse), mode: value.options.mode }
    case 'query_parameter':
      return { type: value.type, parameters: parameters(value.options, refuse), mode: value.options.mode }
    case 'time_based':
    default:
      return { type: value.type, ...window(value.options, refuse) }
  }
}

/** `type/subtype`, parameters aside (RFC 9110 8.3.1, 12.5.1). */
function isMediaRange(text: string): boolean {
  const [range = ''] = text.split(';', 1)
  const parts = range.trimEnd().split('/')
  return parts.length === 2 && parts.every(isToken)
}

function each(
  list: readonly string[],
  key: string,
  refuse: Refuse,
  problem: (text: string) => string | undefined,
): void {
  for (const [index, text] of list.entries()) {
    const found = problem(text)
    if (found !== undefined) refuse([key, index], text, found)
  }
}

function upper(list: readonly string[]): string[] {
  return list.map((text) => text.toUpperCase())
}

function agents(options: Of<'user_agent'>, refuse: Refuse): string[] {
  return options.patterns.map((item, index) => {
    const text = typeof item === 'string' ? item : item.pattern
    checkRegex(typeof item === 'string' ? ['patterns', index] : ['patterns', index, 'pattern'], text, refuse)
    return text
  })
}

function headers(options: Of<'header'>, refuse: Refuse): ValueMatch[] {
  return options.headers.map(({ name, match_type: match, value }, index) => {
    if (!isToken(name)) refuse(['headers', index, 'name'], name, 'must be the name of a header field')
    if (match === 'regex') checkRegex(['headers', index, 'value'], value, refuse)
    return { name: name.toLowerCase(), match, value }
  })
}

function parameters(options: Of<'query_parameter'>, refuse: Refuse): ValueMatch[] {
  return options.parameters.map(({ name, match_type, value }, index) => {
    const match = match_type ?? (value === undefined ? 'exists' : 'exact')
    if (match !== 'exists' && value === undefined) refuse(['parameters', index], name, `needs a value to be ${match}`)
    if (match === 'regex' && value !== undefined) checkRegex(['parameters', index, 'value'], value, refuse)
    return { name, match, value: value ?? '' }
  })
}

function checkRegex(path: readonly (string | number)[], text: string, refuse: Refuse): void {
  const problem = failure(() => compileRegex(text))
  if (problem !== undefined) refuse(path, text, problem)
}

/** What is wrong, in the words of who will use the value; nothing when it can be used. */
export function failure(make: () => unknown): string | undefined {
  try {
    make()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : 'cannot be used'
  }
}

type Window = Omit<Extract<Rule, { type: 'time_based' }>, 'type' | 'id' | 'name' | 'weight' | 'enabled' | 'place'>

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

function window(options: Of<'time_based'>, refuse: Refuse): Window {
  const { timezone, start_time, end_time, days_of_week, start_date, end_date } = options
  if (failure(() => new Intl.DateTimeFormat('en', { timeZone: timezone })) !== undefined)
    refuse(['timezone'], timezone, 'must be the name of a time zone, such as Europe/Berlin')
  for (const [key, text] of Object.entries({ start_date, end_date }))
    if (text !== undefined && !isDate(text)) refuse([key], text, 'must be a day that exists')
  if (start_date !== undefined && end_date !== undefined && start_date > end_date)
    refuse(['end_date'], end_date, `must not be before start_date, ${start_date}`)
  return {
    allowDuringWindow: options.allow_during_window,
    timezone,
    startMinute: minutes(start_time),
    endMinute: minutes(end_time),
    days: days_of_week?.map((day) => weekdays.indexOf(day.slice(0, 3).toLowerCase())),
    startDate: start_date,
    endDate: end_date,
  }
}

function minutes(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5))
}

function isDate(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}
