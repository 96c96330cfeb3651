// Findings about the management interface.
import type { Pages } from './page.ts'

const network = `[network.private.tcp_config]
bind_address = "127.0.0.1"
bind_port = 9090`

export const management = {
  'management/no-network': {
    severity: 'error',
    title: 'the management interface has no network',
    meaning: 'With enabled = true, management.network says on which network it is served.',
    why: 'It is not put on a network by guess: it shows the routes of the gateway.',
    wrong: `[management]
enabled = true`,
    right: `${network}

[management]
enabled = true
network = "private"`,
  },
  'management/base-path': {
    severity: 'error',
    title: 'the base path of the management interface cannot be used',
    meaning: 'base_path is one or more path segments, such as "admin": no query, no dot segments.',
    why: 'A path that no request can have serves nothing.',
    wrong: `${network}

[management]
enabled = true
network = "private"
base_path = "admin?"`,
    right: `${network}

[management]
enabled = true
network = "private"
base_path = "admin"`,
  },
  'management/overlap': {
    severity: 'error',
    title: 'an endpoint answers on the path of the management interface',
    meaning: 'On the network of the management interface, an endpoint has its base path as path_prefix.',
    why: 'Either the endpoint or the management interface would not be reachable.',
    wrong: `[management]
enabled = true
network = "public"
base_path = "web"`,
    right: `[management]
enabled = true
network = "public"
base_path = "admin"`,
  },
} as const satisfies Pages
