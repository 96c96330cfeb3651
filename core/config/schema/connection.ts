// [targets.<name>], [peers.<name>] and the connection that endpoints and backends have too (spec 2.8).
import * as v from 'valibot'
import { choice, flag, integer, item, list, port, table, text, word } from './field.ts'
import type { Note } from './field.ts'

/** What holds where neither backend nor target says otherwise. */
export const connectionDefaults = {
  timeoutSecs: 30,
  maxRetries: 3,
  connectSecs: 10,
  idleSecs: 60,
  fallback: true,
} as const

export const protocols = ['http', 'https', 'h3', 'dicom', 'harmony', 'fhir', 'hl7v2', 'custom'] as const

const http3 = { http3: 'h3' }

export const protocol = (note: Note = {}) =>
  choice(protocols, 'Protocol of the other side.', {
    spellings: http3,
    otherwise: '`https` when the host is an https URL or the port is 443, else `http`',
    ...note,
  })

export const timeoutSecs = (note: Note = {}) =>
  integer(1, 300, 'Seconds from sending a request to the head of its response.', note)

export const maxRetries = (note: Note = {}) =>
  integer(0, 10, 'How often a request is sent again, where that is safe.', note)

export const authentication = v.optional(
  word('Name of the authentication that is used.', { names: 'authentications', prefix: 'authentications.' }),
)

/** Fields that are absent are taken from the target or peer, where one is named. */
export const connection = table(
  {
    host: v.optional(
      word('Host name, address, or a URL that gives protocol, port and base path too.', {
        needed: 'no target or peer gives it',
      }),
    ),
    port: v.optional(port('Port.', { otherwise: 'by protocol' })),
    protocol: v.optional(protocol()),
    base_path: v.optional(text('Put before every path.')),
    ca_cert_path: v.optional(
      word('Authorities that the other side is checked against, PEM, relative to the working directory.', {
        otherwise: 'those of the system',
      }),
    ),
    fallback: v.optional(
      flag('Whether TLS over TCP is used when HTTP/3 cannot connect.', { harmony: true, otherwise: '`true`' }),
    ),
    idle_timeout_secs: v.optional(
      integer(1, 3600, 'Seconds after which a body that does not move is given up.', {
        harmony: true,
        otherwise: String(connectionDefaults.idleSecs),
      }),
    ),
    connect_timeout_secs: v.optional(
      integer(1, 300, 'Seconds for name lookup, connecting and the TLS handshake together.', {
        harmony: true,
        otherwise: String(connectionDefaults.connectSecs),
      }),
    ),
    tls: v.optional(
      table({ enabled: v.optional(flag('Use `protocol`.', { ignored: true })) }, 'Of older versions.', {
        ignored: true,
      }),
    ),
  },
  'Where the other side is.',
)

const side = {
  id: v.optional(text('Identity for other tools.')),
  name: v.optional(text('Name for people.')),
  description: v.optional(text('For people.')),
  connection,
  protocol: v.optional(protocol({ aliases: ['type', 'connection.protocol'] })),
  enabled: v.optional(flag('Requests to what is disabled are answered 503.'), true),
  authentication,
  tags: v.optional(list(item, 'Labels without effect.'), () => []),
  timeout_secs: v.optional(timeoutSecs(), connectionDefaults.timeoutSecs),
  max_retries: v.optional(maxRetries(), connectionDefaults.maxRetries),
}

export const target = table(side, 'A place that backends send requests to.')

export const peer = table(side, 'A place that endpoints get requests from.')
