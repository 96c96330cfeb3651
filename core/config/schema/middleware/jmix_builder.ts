// Options of jmix_builder (spec 5.18).
import * as v from 'valibot'
import { flag, table, word } from '../field.ts'

export const jmixBuilder = table(
  {
    skip_hashing: v.optional(flag('Packages without hashes.'), false),
    skip_listing: v.optional(flag('Packages without a list of files.'), false),
    store_dir: v.optional(word('Folder of packages.', { otherwise: '`jmix-store` of the storage' })),
  },
  'Packages of DICOM files.',
)
