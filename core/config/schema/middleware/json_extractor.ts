// Options of json_extractor (spec 5.10).
import { table } from '../field.ts'

export const jsonExtractor = table({}, 'Parses JSON bodies for what comes after it.')
