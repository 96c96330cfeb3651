// [network.<name>] (spec 2.5): where the gateway listens.
import * as v from 'valibot'
import { flag, form, integer, port, table, text, word } from './field.ts'
import { maxFields, maxHeadBytes, maxTargetBytes } from './proxy.ts'

const inherited = { otherwise: '`proxy.content_limits`' }

// Four numbers up to 255, or what a resolver is asked for; a name of digits and dots alone is an address with a slip.
const ipv4 = String.raw`(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}`
const ipv6 = String.raw`\[?[\da-fA-F]{0,4}:[\da-fA-F:.]{0,40}:[\da-fA-F.]{0,15}(?:%[\w.-]+)?\]?`
const bindable = new RegExp(`^(?:${ipv4}|(?![\\d.]+$)[\\w.-]+|${ipv6})$`)
const address = (meaning: string) =>
  v.optional(form(bindable, 'must be an address or a host name, without a port', meaning), '0.0.0.0')

const tcp = table(
  {
    bind_address: address('Address or host name to listen at.'),
    bind_port: v.optional(port('TCP port.'), 8080),
    cert_path: v.optional(
      word('Certificate chain, PEM, relative to the working directory; with `key_path` the listener speaks TLS.'),
    ),
    key_path: v.optional(word('Its private key, PEM: PKCS#8, or PKCS#1 for RSA; not encrypted.')),
    force_https: v.optional(flag('Answers every request with a redirect to https. Only without TLS.'), false),
  },
  'TCP listener: HTTP/1.1 and HTTP/2.',
  { aliases: ['http'] },
)

const http3 = table(
  {
    bind_address: address('Address or host name to listen at, UDP.'),
    bind_port: v.optional(port('UDP port.'), 443),
    cert_path: word('Certificate chain, PEM, relative to the working directory.'),
    key_path: word('Its private key, PEM: PKCS#8, or PKCS#1 for RSA; not encrypted.'),
  },
  'UDP listener: HTTP/3.',
)

const limits = table(
  {
    max_head_bytes: v.optional(maxHeadBytes(inherited)),
    max_fields: v.optional(maxFields(inherited)),
    max_target_bytes: v.optional(maxTargetBytes(inherited)),
    max_connections: v.optional(
      integer(1, 10_000_000, 'Connections at once, of each listener.', { harmony: true, otherwise: '16384' }),
    ),
    max_connections_per_address: v.optional(
      integer(1, 10_000_000, 'Connections at once from one address.', { harmony: true, otherwise: '4096' }),
    ),
    max_streams: v.optional(
      integer(1, 10_000, 'Requests at once on one HTTP/2 or HTTP/3 connection.', { harmony: true, otherwise: '128' }),
    ),
  },
  'Bounds of this network, in place of `proxy.content_limits`.',
  { harmony: true },
)

export const network = table(
  {
    id: v.optional(text('Identity for other tools.')),
    enable_wireguard: v.optional(flag('WireGuard; this version does not have it.'), false),
    interface: v.optional(word('WireGuard interface.'), 'wg0'),
    tcp_config: v.optional(tcp),
    http3: v.optional(http3),
    limits: v.optional(limits, {}),
  },
  'Where the gateway listens.',
)
