// Options of policies (spec 5.5).
import * as v from 'valibot'
import { inlinePolicy } from '../rule/index.ts'
import { some, table, word } from '../field.ts'

export const policies = table(
  {
    policies: some(
      v.union([word('Name.', { names: 'policies' }), inlinePolicy], 'must be the name of a policy, or a policy'),
      'Policies, or names of them. Their rules together decide.',
    ),
  },
  'Allows or denies by rules; 403 unless one allows and none denies.',
)
