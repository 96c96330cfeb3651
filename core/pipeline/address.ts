// Lists of addresses (IP and CIDR, both families), compiled once. An IPv4 address that comes as IPv6 (::ffff:a.b.c.d)
// is the IPv4 address.
import ipaddr from 'ipaddr.js'

type Parsed = ReturnType<typeof ipaddr.process>
type Range = readonly [address: Parsed, bits: number]

/** Whether an address is in the list; nothing when the text is no address. */
export type AddressList = (address: string) => boolean | undefined

/** Reads a list of addresses and ranges; throws an error that names the entry that is neither. */
export function compileAddresses(entries: readonly string[]): AddressList {
  const ranges = entries.map(rangeOf)
  return (text) => {
    const address = addressOf(text)
    if (address === undefined) return undefined
    return ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits))
  }
}

/** Whom a limit counts: an IPv4 address, or the /64 that an IPv6 client has to itself (RFC 6177). */
export function clientKey(text: string): string {
  const address = addressOf(text)
  if (address === undefined || address.kind() === 'ipv4') return address?.toString() ?? text.slice(0, 64)
  return address
    .toByteArray()
    .slice(0, 8)
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
}

/** The last address that was read: the rules of one request all ask about the same. */
let last: { readonly text: string; readonly address: Parsed | undefined } | undefined

function addressOf(text: string): Parsed | undefined {
  if (last?.text !== text) last = { text, address: parse(text) }
  return last.address
}

function parse(text: string): Parsed | undefined {
  // ipaddr.js would take 010.0.0.1, 1 and 0x7f.1 too
  if (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined
}

function rangeOf(entry: string): Range {
  const [base = '', length, ...more] = entry.split('/')
  const address = addressOf(base)
  const written = ipaddr.isValid(base) ? ipaddr.parse(base) : undefined
  if (address === undefined || written === undefined || more.length > 0) throw new Error(`${entry} is no address`)
  const most = written.kind() === 'ipv4' ? 32 : 128
  const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : NaN
  if (!(bits <= most)) throw new Error(`${entry} is no range: a prefix length is 0 to ${most}`)
  if (address.kind() === written.kind()) return [address, bits]
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8; a shorter one holds more than IPv4 and stays what it is
  return bits >= 96 ? [address, bits - 96] : [written, bits]
}
