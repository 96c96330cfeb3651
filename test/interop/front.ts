// What stands between the peers: our library with a policy that forwards everything. Caddy can stand there
// instead (`--front caddy`), to tell a fault of ours from one of the harness.
import { readFileSync } from 'node:fs'
import { startCaddy } from '../peers/index.ts'
import type { Authority, Issued, Origin, Version } from '../peers/index.ts'

export type Front = {
  /** TLS over TCP and QUIC on the same number. */
  secure: number
  plain: number
  stop(): Promise<void>
}

export type FrontName = 'harmony' | 'caddy'

/** Puts a front before an origin, which it asks in one protocol only. */
export async function startFront(
  name: FrontName,
  origin: Origin,
  http: Version,
  ca: Authority,
  identity: Issued,
): Promise<Front> {
  return name === 'harmony' ? harmony(origin, http, ca, identity) : caddy(origin, http, ca, identity)
}

async function harmony(origin: Origin, http: Version, ca: Authority, { chain, key }: Issued): Promise<Front> {
  // Loaded when asked for: without a built engine the cases with Caddy in our place still run.
  const { startEngine } = await import('../../quic/index.ts')
  const engine = await startEngine()
  // An HTTP/1.1 origin is asked in the clear, as gateways mostly do.
  const upstream =
    http === 'h1'
      ? engine.upstream({ origin: `http://127.0.0.1:${origin.plain}`, protocols: ['h1'] })
      : engine.upstream({
          origin: `https://localhost:${origin.port}`,
          addresses: ['127.0.0.1'],
          protocols: [http],
          tls: { ca: readFileSync(ca.ca) },
          fallback: false,
        })
  const tls = { identities: [{ certificate: readFileSync(chain), key: readFileSync(key) }] }
  const decide = () => ({ kind: 'forward', upstream }) as const
  const secure = await engine.listen({ address: '127.0.0.1', port: 0, tcp: { tls }, quic: { tls } }, decide)
  const plain = await engine.listen({ address: '127.0.0.1', port: 0, tcp: {} }, decide)
  if (secure.quicPort !== secure.port) throw new Error(`HTTP/3 is on port ${secure.quicPort}, TCP on ${secure.port}`)
  return { secure: secure.port, plain: plain.port, stop: async () => void (await engine.stop({ graceMs: 0 })) }
}

async function caddy(origin: Origin, http: Version, ca: Authority, { chain, key }: Issued): Promise<Front> {
  const transport =
    http === 'h1'
      ? `reverse_proxy 127.0.0.1:${origin.plain}`
      : `reverse_proxy https://localhost:${origin.port} {
    transport http {
      versions ${http.slice(1)}
      tls_trust_pool file ${ca.ca}
      tls_server_name localhost
    }
  }`
  const running = await startCaddy('caddy', 2, ([secure, plain]) => {
    return `
https://localhost:${secure} {
  tls ${chain} ${key}
  ${transport}
}
http://localhost:${plain} {
  ${transport}
}`
  })
  const [secure = 0, plain = 0] = running.ports
  return { secure, plain, stop: async () => running.stop() }
}
