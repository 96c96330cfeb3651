// Options of middleware that changes bodies: transform, metadata_transform, DICOM and JMIX (spec 5.8, 5.9, 5.15 to 5.18).
import * as v from 'valibot'
import { choice, flag, table, word } from '../field.ts'
import { apply } from './observe.ts'

const specPath = word('Specification, JSON, relative to `proxy.transforms_path`.')
const failOnError = v.optional(flag('Whether an error is answered 500, or the body stays as it is.'), true)

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

export const metadataTransform = table(
  {
    spec_path: specPath,
    apply: v.optional(apply(), 'left'),
    fail_on_error: failOnError,
    transform_target: v.optional(choice(['target_details', 'metadata'], 'What is changed.'), 'target_details'),
  },
  'Changes where a request goes, or its metadata.',
)

const sided = { apply: v.optional(apply(), 'both') }

export const dicomFlatten = table(sided, 'Makes DICOM JSON flat.')

export const dicomUnflatten = table(sided, 'Makes flat DICOM JSON whole.')

export const dicomwebBridge = table({}, 'DICOMweb requests for a DICOM backend.')

export const dicomToDicomweb = table({}, 'DICOM requests for a DICOMweb backend.')

export const jmixBuilder = table(
  {
    skip_hashing: v.optional(flag('Packages without hashes.'), false),
    skip_listing: v.optional(flag('Packages without a list of files.'), false),
    store_dir: v.optional(word('Folder of packages.', { otherwise: '`jmix-store` of the storage' })),
  },
  'Packages of DICOM files.',
)
