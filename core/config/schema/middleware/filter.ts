// Options of policies and path_filter (spec 5.5, 5.7).
import * as v from 'valibot'
import { item, some, table, word } from '../field.ts'
import { inlinePolicy } from '../rule/index.ts'

export const policies = table(
  {
    policies: some(
      v.union([word('Name.', { names: 'policies' }), inlinePolicy], 'must be the name of a policy, or a policy'),
      'Policies, or names of them. Their rules together decide.',
    ),
  },
  'Allows or denies by rules; 403 unless one allows and none denies.',
)

const pathRule = table(
  {
    allow: v.optional(word('Pattern of paths that pass.')),
    deny: v.optional(word('Pattern of paths that do not.')),
  },
  'Either of the two.',
)

export const pathFilter = table(
  {
    rules: some(
      v.union([item, pathRule], 'must be a pattern, or a table with allow or deny'),
      'Patterns of the path after the prefix, in order: the first that matches decides. A bare one allows.',
    ),
  },
  'Lets paths pass that a rule allows; 404 for others.',
)
