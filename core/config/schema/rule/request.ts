// Rules that look at the request: path, method, header, query_parameter, user_agent, content_type (spec 5.6).
import * as v from 'valibot'
import { choice, item, some, table, text, word } from '../field.ts'
import { mode } from './access.ts'

export const path = table(
  {
    paths: some(item, 'Patterns of the path after the prefix: `/a/b`, `/a/{id}`, `/a/{*rest}`.'),
    mode,
  },
  'Looks at the path.',
)

export const method = table({ methods: some(item, 'Methods.'), mode }, 'Looks at the method.')

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

export const contentType = table(
  { content_types: some(item, 'Types: `application/json`, `image/*`.'), mode },
  'Looks at `Content-Type`.',
)
