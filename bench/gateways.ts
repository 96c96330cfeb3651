// The gateways side by side: all in front of the same origin over HTTP/1.1 with connections kept.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { findPeer, peer, start, startCaddy, startNginx } from '../test/peers/index.ts'
import type { Issued, PeerName, Running } from '../test/peers/index.ts'
import type { Protocol } from './cells.ts'
import { startServe } from './serve.ts'
import type { ServeKind } from './serve.ts'

/** `harmony` is the transport library alone, `serve` and `serve-mesh` are `harmony serve`. */
export type GatewayName = 'harmony' | ServeKind | 'nginx' | 'caddy' | 'caddy-debian'

export type Gateway = Running & {
  name: GatewayName
  version: string
  /** Where each protocol is served; a protocol without a port is not. */
  ports: Partial<Record<Protocol, number>>
  /** What requests must show, made anew for each measurement. */
  authorization?: (() => Promise<string>) | undefined
}

export const gatewayNames: readonly GatewayName[] = ['harmony', 'serve', 'serve-mesh', 'nginx', 'caddy', 'caddy-debian']

/** Starts a gateway, or says why it cannot take part. */
export async function startGateway(
  name: GatewayName,
  originPort: number,
  identity: Issued,
): Promise<Gateway | { missing: string }> {
  const program: PeerName | undefined = isOurs(name) ? undefined : name
  const found = program === undefined ? undefined : findPeer(program)
  if (found && 'missing' in found) return found
  try {
    const started = await starters[name](`127.0.0.1:${originPort}`, identity)
    return { ...started, name, version: version(name) }
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) }
  }
}

/** What needs no program of other people's. */
function isOurs(name: GatewayName): name is 'harmony' | ServeKind {
  return name === 'harmony' || name === 'serve' || name === 'serve-mesh'
}

type Started = Running & Pick<Gateway, 'ports' | 'authorization'>

const starters: Record<GatewayName, (origin: string, identity: Issued) => Promise<Started>> = {
  harmony: async (origin, { chain, key }) => {
    const given = JSON.stringify({ origin: `http://${origin}`, certificate: chain, key })
    const script = fileURLToPath(new URL('./gateway.ts', import.meta.url))
    const running = await start(process.execPath, [script, given], (output) => /^\{.*\}$/m.test(output))
    const line = /^\{.*\}$/m.exec(running.output())?.[0] ?? ''
    // What bench/gateway.ts prints.
    const ports = JSON.parse(line) as { plain: number; secure: number; quic: number }
    return { ...running, ports: { h1: ports.plain, tls: ports.secure, h2: ports.secure, h3: ports.quic } }
  },

  serve: async (origin, identity) => startServe('serve', origin, identity),
  'serve-mesh': async (origin, identity) => startServe('serve-mesh', origin, identity),

  nginx: async (origin, { chain, key }) => {
    const nginx = await startNginx(2, ([plain, secure]) => nginxConfig(origin, chain, key, plain, secure), 2)
    const [plain = 0, secure = 0] = nginx.ports
    return { ...nginx, ports: { h1: plain, tls: secure, h2: secure } }
  },

  caddy: async (origin, identity) => caddy('caddy', origin, identity),
  'caddy-debian': async (origin, identity) => caddy('caddy-debian', origin, identity),
}

function nginxConfig(origin: string, chain: string, key: string, plain = 0, secure = 0): string {
  const location = `
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      # Bodies flow through, as they do in the others, and never touch the disk.
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }`
  return `
  upstream origin { server ${origin}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${plain} reuseport;${location}
  }
  server {
    listen 127.0.0.1:${secure} ssl http2 reuseport;
    ssl_certificate ${chain};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3;${location}
  }`
}

async function caddy(name: 'caddy' | 'caddy-debian', origin: string, { chain, key }: Issued): Promise<Started> {
  const proxy = `reverse_proxy ${origin}`
  const running = await startCaddy(name, 2, ([plain, secure]) => {
    return `
http://localhost:${plain} {
  ${proxy}
}
https://localhost:${secure} {
  tls ${chain} ${key}
  ${proxy}
}`
  })
  const [plain = 0, secure = 0] = running.ports
  return { ...running, ports: { h1: plain, tls: secure, h2: secure, h3: secure } }
}

function version(name: GatewayName): string {
  if (isOurs(name)) return `node ${process.versions.node}`
  if (name === 'nginx')
    return execFileSync('/bin/sh', ['-c', `"${peer('nginx')}" -v 2>&1`], { encoding: 'utf8' }).trim()
  // Installed by the Go toolchain, Caddy does not know its own version: its module does.
  const info = execFileSync(peer(name), ['build-info'], { encoding: 'utf8' })
  const module = /^(?:mod|dep)\s+github\.com\/caddyserver\/caddy\/v2\s+(\S+)/m.exec(info)?.[1]
  return module ?? execFileSync(peer(name), ['version'], { encoding: 'utf8' }).trim()
}
