// Options of dicom_flatten (spec 5.15).
import * as v from 'valibot'
import { table } from '../field.ts'
import { apply } from './side.ts'

export const dicomFlatten = table({ apply: v.optional(apply(), 'both') }, 'Makes DICOM JSON flat.')
