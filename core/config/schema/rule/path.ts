// Options of rules of the type path (spec 5.6).
import { item, some, table } from '../field.ts'
import { mode } from './mode.ts'

export const path = table(
  {
    paths: some(item, 'Patterns of the path after the prefix: `/a/b`, `/a/{id}`, `/a/{*rest}`.'),
    mode,
  },
  'Looks at the path.',
)
