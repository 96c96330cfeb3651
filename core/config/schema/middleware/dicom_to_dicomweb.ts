// Options of dicom_to_dicomweb (spec 5.17).
import { table } from '../field.ts'

export const dicomToDicomweb = table({}, 'DICOM requests for a DICOMweb backend.')
