// The option that ip_allow and ip_deny share (spec 5.6).
import { item, some } from '../field.ts'

export const addresses = { ip_addresses: some(item, 'Addresses, or networks in CIDR notation.') }
