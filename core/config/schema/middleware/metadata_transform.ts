// Options of metadata_transform (spec 5.9).
import * as v from 'valibot'
import { choice, table } from '../field.ts'
import { apply } from './side.ts'
import { failOnError, specPath } from './spec.ts'

export const metadataTransform = table(
  {
    spec_path: specPath,
    apply: v.optional(apply(), 'left'),
    fail_on_error: failOnError,
    transform_target: v.optional(choice(['target_details', 'metadata'], 'What is changed.'), 'target_details'),
  },
  'Changes where a request goes, or its metadata.',
)
