// [network.<name>] (spec 2.5): where the gateway listens.
import * as v from 'valibot'
import { flag, integer, port, table, text, word } from './field.ts'
import { maxFields, maxHeadBytes, maxTargetBytes } from './proxy.ts'

const inherited = { otherwise: '`proxy.content_limits`' }

const address = v.optional(word('Address or host name to listen at.'), '0.0.0.0')

const tcp = table(
  {
    bind_address: address,
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
    bind_address: v.optional(word('Address or host name to listen at, UDP.'), '0.0.0.0'),
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
