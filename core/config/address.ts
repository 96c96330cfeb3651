// IP addresses and ranges, strictly: what an inet_aton would also take (`10.1`, `010.0.0.1`) is none.
import ipaddr from 'ipaddr.js'

/** An IPv4 address of four decimal parts, or an IPv6 address without a zone. */
export function isAddress(text: string): boolean {
  // ipaddr.js takes short and octal forms of IPv4, which others read differently.
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (ipaddr.IPv6.isValid(text) && !text.includes('%') && !tail(text))
}

/** An address, or an address with the length of a prefix. */
export function isCidr(text: string): boolean {
  const [address = '', length, more] = text.split('/')
  if (more !== undefined || !isAddress(address)) return false
  if (length === undefined) return true
  return /^(?:0|[1-9]\d{0,2})$/.test(length) && Number(length) <= (address.includes(':') ? 128 : 32)
}

/** IPv6 that ends in an IPv4 address of a form that is not four decimal parts. */
function tail(text: string): boolean {
  const last = text.slice(text.lastIndexOf(':') + 1)
  return last.includes('.') && !ipaddr.IPv4.isValidFourPartDecimal(last)
}
