// Findings about certificates and the keys that belong to them.
import type { Pages } from './page.ts'

const good = `[network.public.tcp_config]
cert_path = "certs/server.pem"
key_path = "certs/server.key"`

export const tls = {
  'tls/incomplete': {
    severity: 'error',
    title: 'a certificate without its key, or a key without its certificate',
    meaning: 'TLS needs both cert_path and key_path. With one of them it is not clear what is meant.',
    why: 'Taken as "no TLS", the listener would serve in plain text what was meant to be encrypted.',
    wrong: `[network.public.tcp_config]
cert_path = "certs/server.pem"`,
    right: good,
  },
  'tls/pair': {
    severity: 'error',
    title: 'the key does not belong to the certificate',
    meaning: 'The private key in key_path is not the one of the first certificate in cert_path.',
    why: 'Every handshake would fail. It happens when one of the two files was renewed and the other was not.',
    wrong: `[network.public.tcp_config]
cert_path = "certs/server.pem"
key_path = "certs/other.key"`,
    right: good,
  },
  'tls/expired': {
    severity: 'error',
    title: 'a certificate has ended',
    meaning:
      'The date until which the certificate is valid has passed. For a certificate further up the chain it is a warning.',
    why: 'Clients refuse it.',
    wrong: `[network.public.tcp_config]
cert_path = "certs/expired.pem"
key_path = "certs/server.key"`,
    right: good,
  },
  'tls/ends-soon': {
    severity: 'warning',
    title: 'a certificate ends within 30 days',
    meaning: 'The certificate is still valid, not for long. A renewed file is taken up without a restart.',
    why: 'When it ends, clients refuse the gateway: this is the time to renew it.',
    wrong: `[network.public.tcp_config]
cert_path = "certs/ending.pem"
key_path = "certs/server.key"`,
    right: good,
  },
  'tls/not-yet-valid': {
    severity: 'warning',
    title: 'a certificate is not valid yet',
    meaning: 'The certificate begins in the future, as seen by the clock of this machine.',
    why: 'Clients refuse it until then. Often the clock is wrong.',
    wrong: `[network.public.tcp_config]
cert_path = "certs/future.pem"
key_path = "certs/server.key"`,
    right: good,
  },
  'tls/chain': {
    severity: 'warning',
    title: 'the certificates of a chain are not in order',
    meaning: 'Each certificate of the file should be issued by the one that follows it, the own one first.',
    why: 'Some clients look for the right issuer by themselves, others refuse the connection.',
    wrong: `[network.public.tcp_config]
cert_path = "certs/unordered.pem"
key_path = "certs/server.key"`,
    right: good,
  },
} as const satisfies Pages
