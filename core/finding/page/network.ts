// Findings about networks and their listeners.
import type { Pages } from './page.ts'

export const network = {
  'network/no-listener': {
    severity: 'warning',
    title: 'a network listens nowhere',
    meaning: 'The network has neither tcp_config nor http3, so nothing is bound for it.',
    why: 'Its pipelines never see a request.',
    wrong: `[network.public]
id = "public"`,
    right: `[network.public.tcp_config]
bind_address = "127.0.0.1"
bind_port = 8080`,
  },
  'network/port-taken': {
    severity: 'error',
    title: 'two networks listen on one port',
    meaning:
      'Two listeners have the same port and the same address, or one of them has every address (0.0.0.0, ::). TCP ' +
      'and HTTP/3 (UDP) do not disturb each other.',
    why: 'The second one cannot be bound.',
    wrong: `[network.public.tcp_config]
bind_address = "0.0.0.0"
bind_port = 8080

[network.private.tcp_config]
bind_address = "127.0.0.1"
bind_port = 8080
force_https = true`,
    right: `[network.public.tcp_config]
bind_address = "0.0.0.0"
bind_port = 8080

[network.private.tcp_config]
bind_address = "127.0.0.1"
bind_port = 8081
force_https = true`,
  },
  'network/unused': {
    severity: 'warning',
    title: 'a network is named by no pipeline',
    meaning: 'The network listens, and neither a pipeline nor the management interface is on it.',
    why: 'Every request there gets 404. Often the directory of the pipelines is not where pipelines_path says.',
    wrong: `[network.private.tcp_config]
bind_address = "127.0.0.1"
bind_port = 8081`,
    right: `[network.private.tcp_config]
bind_address = "127.0.0.1"
bind_port = 8081

[management]
enabled = true
network = "private"`,
  },
  'network/force-https': {
    severity: 'warning',
    title: 'force_https on a listener that has TLS',
    meaning:
      'force_https makes a plain listener send every client to https. A listener with a certificate is https already.',
    why: 'The setting does nothing here; the plain listener that it was meant for may be missing.',
    wrong: `[network.public.tcp_config]
cert_path = "certs/server.pem"
key_path = "certs/server.key"
force_https = true`,
    right: `[network.public.tcp_config]
cert_path = "certs/server.pem"
key_path = "certs/server.key"

[network.redirect.tcp_config]
bind_port = 8081
force_https = true`,
  },
} as const satisfies Pages
