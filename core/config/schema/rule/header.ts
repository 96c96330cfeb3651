// Options of rules of the type header (spec 5.6).
import * as v from 'valibot'
import { choice, some, table, text, word } from '../field.ts'
import { mode } from './mode.ts'

export const header = table(
  {
    headers: some(
      table(
        {
          name: word('Name of the field.'),
          match_type: v.optional(choice(['exact', 'contains', 'regex'], 'How the value is compared.'), 'exact'),
          value: text('What it is compared with; without regard to case, unless it is a regex.'),
        },
        'A field.',
      ),
      'All of them must match.',
    ),
    mode,
  },
  'Looks at header fields.',
)
