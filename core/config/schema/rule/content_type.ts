// Options of rules of the type content_type (spec 5.6).
import { item, some, table } from '../field.ts'
import { mode } from './mode.ts'

export const contentType = table(
  { content_types: some(item, 'Types: `application/json`, `image/*`.'), mode },
  'Looks at `Content-Type`.',
)
