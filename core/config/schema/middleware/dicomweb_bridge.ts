// Options of dicomweb_bridge (spec 5.16).
import { table } from '../field.ts'

export const dicomwebBridge = table({}, 'DICOMweb requests for a DICOM backend.')
