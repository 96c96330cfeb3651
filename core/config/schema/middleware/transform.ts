// Options of transform (spec 5.8).
import * as v from 'valibot'
import { flag, table } from '../field.ts'
import { apply } from './side.ts'
import { failOnError, specPath } from './spec.ts'

export const transform = table(
  {
    spec_path: specPath,
    apply: v.optional(apply(), 'left'),
    fail_on_error: failOnError,
    debug: v.optional(flag('Logs input and output.'), false),
    inject_context: v.optional(
      flag('Whether the input is `{ data, context }` or the body alone.', { otherwise: 'seen from the specification' }),
    ),
  },
  'Changes JSON bodies.',
)
