// Options of path_filter (spec 5.7).
import * as v from 'valibot'
import { item, some, table, word } from '../field.ts'

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
