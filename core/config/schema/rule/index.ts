// [rules.<name>] and [policies.<name>] (spec 2.12, 2.13, 5.5, 5.6): one table of options for each type of rule.
import * as v from 'valibot'
import { flag, integer, list, table, text, unbounded, word } from '../field.ts'
import { allowAll } from './allow_all.ts'
import { contentType } from './content_type.ts'
import { denyAll } from './deny_all.ts'
import { geo } from './geo.ts'
import { header } from './header.ts'
import { ipAllow } from './ip_allow.ts'
import { ipDeny } from './ip_deny.ts'
import { method } from './method.ts'
import { path } from './path.ts'
import { queryParameter } from './query_parameter.ts'
import { rateLimit } from './rate_limit.ts'
import { timeBased } from './time_based.ts'
import { userAgent } from './user_agent.ts'

const weight = integer(-unbounded, unbounded, 'Rules of greater weight are looked at first.')

const one = <const T extends string, const S extends v.GenericSchema>(type: T, options: S) =>
  v.object(
    {
      id: v.optional(text('The name again: the part after `rules.`.')),
      name: v.optional(text('Name for people.')),
      type: v.pipe(v.literal(type), v.description('What the rule looks at.')),
      weight: v.optional(weight, 100),
      enabled: v.optional(flag('What is disabled is not there.'), true),
      options,
    },
    'must be a table',
  )

export const rule = v.pipe(
  v.variant(
    'type',
    [
      one('allow_all', allowAll),
      one('deny_all', denyAll),
      one('ip_allow', ipAllow),
      one('ip_deny', ipDeny),
      one('rate_limit', rateLimit),
      one('path', path),
      one('geo', geo),
      one('header', header),
      one('time_based', timeBased),
      one('method', method),
      one('user_agent', userAgent),
      one('content_type', contentType),
      one('query_parameter', queryParameter),
    ],
    'must be a type of rule',
  ),
  v.description('What allows or denies a request.'),
)

const policyFields = {
  id: v.optional(text('The name again: the part after `policies.`.')),
  name: v.optional(text('Name for people.')),
  enabled: v.optional(flag('What is disabled is not there.'), true),
}

export const policy = table(
  {
    ...policyFields,
    rules: v.optional(list(word('Name.'), 'Rules.', { names: 'rules' }), () => []),
  },
  'Rules together: one that denies wins, and without one that allows the answer is 403.',
)

/** A policy inside the options of `policies`, with its rules in it (C36). */
export const inlinePolicy = table(
  {
    ...policyFields,
    rules: v.optional(
      list(
        v.union([word('Name.', { names: 'rules' }), rule], 'must be the name of a rule, or a rule'),
        'Rules, or names of them.',
      ),
      () => [],
    ),
  },
  'A policy that only this middleware has.',
)
