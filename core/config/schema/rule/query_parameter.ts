// Options of rules of the type query_parameter (spec 5.6).
import * as v from 'valibot'
import { choice, some, table, text, word } from '../field.ts'
import { mode } from './mode.ts'

export const queryParameter = table(
  {
    parameters: some(
      table(
        {
          name: word('Name of the parameter.'),
          match_type: v.optional(
            choice(['exists', 'exact', 'contains', 'regex'], 'How the value is compared.', {
              otherwise: '`exact` with a value, else `exists`',
            }),
          ),
          value: v.optional(text('What it is compared with.', { needed: '`match_type` is not `exists`' })),
        },
        'A parameter.',
      ),
      'All of them must match.',
    ),
    mode,
  },
  'Looks at parameters of the query.',
)
