// Origins with the paths of test/peers/README.md: ours on quic-go and on aioquic, and what nginx and Caddy can do of them.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startCaddy } from './caddy.ts'
import type { Issued } from './certificate.ts'
import { peer } from './find.ts'
import { startNginx } from './nginx.ts'
import { start, temporary } from './process.ts'
import type { Running } from './process.ts'

export type Origin = Running & {
  /** TLS over TCP (HTTP/1.1, HTTP/2) and, where it speaks HTTP/3, QUIC. */
  port: number
  /** HTTP/1.1 and, for quic-go, HTTP/2 with prior knowledge; 0 where there is none. */
  plain: number
}

/** A generated body: byte i is i mod 251. */
export function pattern(length: number): Buffer {
  return Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, index) => index)))
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export async function startGoOrigin(identity: Issued): Promise<Origin> {
  return printing(peer('goquic'), ['origin', '--cert', identity.chain, '--key', identity.key])
}

export async function startAioquicOrigin(identity: Issued): Promise<Origin> {
  const script = join(import.meta.dirname, 'aioquic/origin.py')
  return printing(peer('aioquic'), [script, '--cert', identity.chain, '--key', identity.key])
}

async function printing(command: string, args: string[]): Promise<Origin> {
  const running = await start(command, args, (output) => output.includes('\n'))
  // What both programs print first.
  const first = JSON.parse(running.output().split('\n')[0] ?? '') as { port: number; plain?: number }
  return { ...running, port: first.port, plain: first.plain ?? 0 }
}

/** Lengths that the file origins serve under /bytes/. */
export const fileLengths = [0, 1, 5, 1_000, 1_000_000, 10_000_000] as const

/** nginx: files, statuses, and a POST that is read in full and answered with its length. */
export async function startNginxOrigin(identity: Issued, workers = 1): Promise<Origin> {
  const nginx = await startNginx(
    2,
    ([port, plain], root) => {
      writeFiles(root)
      const shared = `
    root ${root};
    location /bytes/ { }
    location = /status/204 { return 204; }
    # nginx answers a POST at once unless it has to pass the body on: so it passes on all but the body.
    location = /length {
      proxy_pass http://self/sink;
      proxy_pass_request_body off;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_set_header X-Length $content_length;
    }
    location = /sink { return 200 $http_x_length; }`
      return `
  client_body_buffer_size 2m;
  open_file_cache max=100;
  upstream self { server 127.0.0.1:${plain}; keepalive 16; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${plain} reuseport;${shared}
  }
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${identity.chain};
    ssl_certificate_key ${identity.key};${shared}
  }`
    },
    workers,
  )
  const [port = 0, plain = 0] = nginx.ports
  return { ...nginx, port, plain }
}

/** Caddy: files and statuses over HTTP/1.1, HTTP/2 and HTTP/3. */
export async function startCaddyOrigin(name: 'caddy' | 'caddy-debian', identity: Issued): Promise<Origin> {
  const root = temporary()
  writeFiles(root)
  const site = `
  root * ${root}
  respond /status/204 204
  file_server`
  const caddy = await startCaddy(name, 2, ([port, plain]) => {
    return `
https://localhost:${port} {
  tls ${identity.chain} ${identity.key}${site}
}
http://localhost:${plain}, http://127.0.0.1:${plain} {${site}
}`
  })
  const [port = 0, plain = 0] = caddy.ports
  return { ...caddy, port, plain }
}

function writeFiles(root: string): void {
  mkdirSync(join(root, 'bytes'))
  for (const length of fileLengths) writeFileSync(join(root, 'bytes', String(length)), pattern(length))
}
