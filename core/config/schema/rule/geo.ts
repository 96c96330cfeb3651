// Options of rules of the type geo (spec 5.6).
import { item, some, table } from '../field.ts'
import { mode } from './mode.ts'

export const geo = table(
  { country_codes: some(item, 'Two-letter codes of countries.'), mode },
  'Looks at the country of the client, where it is known.',
)
