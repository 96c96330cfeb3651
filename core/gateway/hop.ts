// How proxies write down whom they speak for: the elements of Forwarded (RFC 7239) and X-Forwarded-For.
import { addressText, readAddress } from '../address.ts'

/** The address of a socket's peer, without the `::ffff:` that dual-stack sockets put before IPv4. */
export function unwrapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/**
 * The elements of a list from the last to the first: what the nearest proxy wrote comes first, and nothing that a
 * client put before it, such as a quote that never ends, changes how it reads.
 */
export function* elements(values: readonly string[]): Generator<string> {
  for (const value of values.toReversed()) {
    let [end, quoted] = [value.length, false]
    for (let at = value.length - 1; at >= 0; at--) {
      const code = value.charCodeAt(at)
      if (code === 0x22) quoted = !quoted
      else if (code === 0x2c && !quoted) {
        yield value.substring(at + 1, end).trim()
        end = at
      }
    }
    yield value.substring(0, end).trim()
  }
}

/** The parameters of an element of Forwarded; nothing when it is none, or says something twice. */
export function parameters(element: string): Map<string, string> | undefined {
  const found = new Map<string, string>()
  for (const part of element.split(';')) {
    const [, name = '', quoted, plain = ''] = parameter.exec(part) ?? []
    if (name === '' || found.has(name.toLowerCase())) return undefined
    found.set(name.toLowerCase(), quoted ?? plain)
  }
  return found
}

/** The address that an element names, with or without a port, in its short form; nothing for `unknown` and `_hidden`. */
export function addressIn(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 64) return undefined
  const [, six, four, bare] = node.exec(text) ?? []
  const address = readAddress(six ?? four ?? bare ?? '')
  return address && addressText(address)
}

// RFC 7239 4; escapes in quotes are for nothing that is read here
const parameter = /^\s*([a-z]+)=(?:"([^"\\]*)"|([!#$%&'*+.^_`|~0-9a-z-]+))\s*$/i
// RFC 7239 6, and what X-Forwarded-For holds besides: IPv6 without brackets
const node = /^(?:\[([0-9a-f:.]*:[0-9a-f:.]*)\](?::[0-9]{1,5})?|([0-9.]+)(?::[0-9]{1,5})?|([0-9a-f:.]*:[0-9a-f:.]*))$/i
