// Findings about [proxy].
import type { Pages } from './page.ts'

export const proxy = {
  'proxy/no-identity': {
    severity: 'error',
    title: 'the gateway has no name',
    meaning: 'Neither proxy.id nor proxy.name is set.',
    why: 'The name is the subject of the tokens that this gateway signs: partners know it by that.',
    wrong: `[proxy]
primary_provider = "local"`,
    right: `[proxy]
name = "gateway-1"
primary_provider = "local"`,
  },
  'proxy/trusted-proxy': {
    severity: 'error',
    title: 'a trusted proxy is not an address',
    meaning: 'proxy.trusted_proxies takes IP addresses and ranges (CIDR), no names.',
    why: 'What such a proxy says about a client is believed, so it must be certain who it is.',
    wrong: `[proxy]
name = "gateway-1"
primary_provider = "local"
trusted_proxies = ["lb.internal"]`,
    right: `[proxy]
name = "gateway-1"
primary_provider = "local"
trusted_proxies = ["10.0.0.0/8", "::1"]`,
  },
} as const satisfies Pages
