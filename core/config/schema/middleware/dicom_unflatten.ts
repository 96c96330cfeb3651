// Options of dicom_unflatten (spec 5.15).
import * as v from 'valibot'
import { table } from '../field.ts'
import { apply } from './side.ts'

export const dicomUnflatten = table({ apply: v.optional(apply(), 'both') }, 'Makes flat DICOM JSON whole.')
