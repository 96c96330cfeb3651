// Options of rules of the type ip_deny (spec 5.6).
import { table } from '../field.ts'
import { addresses } from './addresses.ts'

export const ipDeny = table(addresses, 'Denies clients by address.')
