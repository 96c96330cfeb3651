// Options of rules of the type deny_all (spec 5.6).
import { table } from '../field.ts'

export const denyAll = table({}, 'Denies every request.')
