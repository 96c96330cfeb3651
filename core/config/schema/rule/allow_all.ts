// Options of rules of the type allow_all (spec 5.6).
import { table } from '../field.ts'

export const allowAll = table({}, 'Allows every request.')
