// Options of rules of the type ip_allow (spec 5.6).
import { table } from '../field.ts'
import { addresses } from './addresses.ts'

export const ipAllow = table(addresses, 'Allows clients by address.')
