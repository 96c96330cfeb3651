// [services.<type>] and [middleware_types.<type>] (spec 2.9, 2.10): what is registered.
import * as v from 'valibot'
import { choice, some, table, text } from './field.ts'

const module = text('Module that implements it; empty for what is built in. This version loads no modules.')

export const service = table(
  {
    id: v.optional(text('Identity for other tools.')),
    module: v.optional(module, ''),
    type: v.optional(some(choice(['endpoint', 'backend'], 'A use.'), 'What the service may be used as.')),
  },
  'Registers a service. Those built in need no registration.',
)

export const middlewareType = table(
  { id: v.optional(text('Identity for other tools.')), module: v.optional(module, '') },
  'Registers a type of middleware. Those built in need no registration.',
)
