// IP addresses as text, and lists of them. An IPv4 address that comes as IPv6 (::ffff:a.b.c.d) is the IPv4 address.
import ipaddr from 'ipaddr.js'

export type Address = ReturnType<typeof ipaddr.process>
type Range = readonly [address: Address, bits: number]

/** Reads an address; none for text that only some readers take for one, such as 010.0.0.1, 1 and 0x7f.1. */
export function readAddress(text: string): Address | undefined {
  const four = text.slice(text.lastIndexOf(':') + 1)
  if ((four === text || four.includes('.')) && !ipaddr.IPv4.isValidFourPartDecimal(four)) return undefined
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined
}

/** Its one spelling: the short one (RFC 5952). */
export function addressText(address: Address): string {
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString()
}

/** Whether an address is one of this machine's own to itself. */
export function isLoopback(text: string): boolean {
  return readAddress(text)?.range() === 'loopback'
}

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
let last: { readonly text: string; readonly address: Address | undefined } | undefined

function addressOf(text: string): Address | undefined {
  if (last?.text !== text) last = { text, address: readAddress(text) }
  return last.address
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
