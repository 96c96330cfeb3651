// Options of rules of the type user_agent (spec 5.6).
import * as v from 'valibot'
import { some, table, text, word } from '../field.ts'
import { mode } from './mode.ts'

export const userAgent = table(
  {
    patterns: some(
      v.union(
        [
          word('Regular expression, `/bot/i` or bare.'),
          table(
            { label: v.optional(text('For people.')), pattern: word('Regular expression, `/bot/i` or bare.') },
            'A pattern with a label.',
          ),
        ],
        'must be a pattern, or a table with pattern',
      ),
      'One of them must match.',
    ),
    mode,
  },
  'Looks at `User-Agent`.',
)
