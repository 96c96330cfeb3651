// Two organisations as the product is for: A's application calls A's gateway, A's egress signs and calls B's gateway
// over HTTP/3, B's mesh-only ingress checks and calls B's origin. Both gateways are processes of their own.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHash } from 'node:crypto'
import { onFreePorts } from '../peers/process.ts'
import { authority } from '../peers/certificate.ts'
import type { Authority } from '../peers/certificate.ts'
import { project, serve } from './serve.ts'
import type { Served } from './serve.ts'

export const meshSecret = 'a secret for tests with more than thirty-two characters'

/** A request as B's origin saw it. */
export type Arrived = {
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [string, string])[]
  readonly bytes: number
  readonly sha256: string
  readonly trailers: Readonly<Record<string, string | undefined>>
}

export type RecordingOrigin = {
  readonly port: number
  readonly arrived: Arrived[]
  /** Answers in place of the default (200, `origin`). */
  answer: (request: http.IncomingMessage, response: http.ServerResponse) => void
  close(): Promise<void>
}

/** An HTTP/1.1 server of Node's that keeps what came. */
export async function recordingOrigin(): Promise<RecordingOrigin> {
  const arrived: Arrived[] = []
  // tokens of any length pass through in mode default
  const server = http.createServer({ maxHeaderSize: 256 * 1024 }, (request, response) => {
    const hash = createHash('sha256')
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      hash.update(chunk)
    })
    request.on('error', () => undefined)
    request.on('end', () => {
      const raw = request.rawHeaders
      arrived.push({
        method: request.method ?? '',
        target: request.url ?? '',
        headers: raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? ''] as const] : [])),
        bytes,
        sha256: hash.digest('hex'),
        trailers: request.trailers,
      })
    })
    origin.answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin: RecordingOrigin = {
    // it listens on TCP
    port: (server.address() as AddressInfo).port,
    arrived,
    answer: (request, response) => {
      request.resume()
      response.setHeader('x-origin', 'b')
      response.end('origin')
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return origin
}

export type Organisations = {
  readonly authority: Authority
  /** What the files of both refer to. */
  readonly env: Readonly<Record<string, string>>
  readonly origin: RecordingOrigin
  readonly a: Served
  readonly b: Served
  readonly ports: { readonly plain: number; readonly tls: number; readonly b: number }
  close(): Promise<void>
}

export type Changes = {
  readonly a?: Readonly<Record<string, string>> | undefined
  readonly b?: Readonly<Record<string, string>> | undefined
  readonly args?: readonly string[] | undefined
}

/** Starts both; files given replace those of the scenario. */
export async function startOrganisations(changes: Changes = {}): Promise<Organisations> {
  const origin = await recordingOrigin()
  const made = authority()
  const issued = made.issue('localhost')
  return onFreePorts(3, async ([plain = 0, tls = 0, bPort = 0]) => {
    const env = { MESH_SECRET: meshSecret, TLS_CERT: issued.chain, TLS_KEY: issued.key, TLS_CA: made.ca }
    const b = await serve(project({ ...filesOfB(bPort, origin.port), ...changes.b }), { env, args: changes.args ?? [] })
    try {
      const a = await serve(project({ ...filesOfA(plain, tls, bPort), ...changes.a }), {
        env,
        args: changes.args ?? [],
      })
      return {
        authority: made,
        env,
        origin,
        a,
        b,
        ports: { plain, tls, b: bPort },
        close: async () => {
          await Promise.all([a.stop(), b.stop()])
          await origin.close()
        },
      }
    } catch (error) {
      await b.stop()
      throw error
    }
  })
}

/** A's application enters in plain HTTP/1.1, or over TLS and HTTP/3; `/partner/…` leaves for B. */
export function filesOfA(plain: number, tls: number, b: number): Record<string, string> {
  return {
    'config.toml': `
[proxy]
id = "gateway-a"
primary_provider = "local"

[network.plain.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${plain}

[network.tls.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${tls}
cert_path = "\${TLS_CERT}"
key_path = "\${TLS_KEY}"

[network.tls.http3]
bind_address = "127.0.0.1"
bind_port = ${tls}
cert_path = "\${TLS_CERT}"
key_path = "\${TLS_KEY}"
`,
    'pipelines/partner.toml': `
[pipelines.partner]
networks = ["plain", "tls"]
endpoints = ["partner"]
backends = ["b"]

[pipelines.partner.mesh.egress.to_b]
type = "http3"

[endpoints.partner]
service = "http"
options.path_prefix = "/partner"

[backends.b]
service = "http"

[backends.b.connection]
host = "localhost"
port = ${b}
protocol = "https"
base_path = "/fhir"
ca_cert_path = "\${TLS_CA}"
`,
    'mesh/prod.toml': `
[mesh.prod]
type = "http3"
provider = "local"
jwt_secret = "\${MESH_SECRET}"
ingress = ["b_fhir"]
egress = ["to_b"]

[remote_ingress.b_fhir]
urls = ["https://localhost:${b}/fhir"]
`,
  }
}

/** B serves its origin to members of the mesh alone. */
export function filesOfB(port: number, origin: number): Record<string, string> {
  return {
    'config.toml': `
[proxy]
id = "gateway-b"
primary_provider = "local"

[network.edge.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${port}
cert_path = "\${TLS_CERT}"
key_path = "\${TLS_KEY}"

[network.edge.http3]
bind_address = "127.0.0.1"
bind_port = ${port}
cert_path = "\${TLS_CERT}"
key_path = "\${TLS_KEY}"
`,
    'pipelines/fhir.toml': `
[pipelines.fhir]
networks = ["edge"]
endpoints = ["fhir"]
backends = ["origin"]

[pipelines.fhir.mesh.ingress.fhir_api]
type = "http3"
urls = ["https://localhost:${port}/fhir"]
mode = "mesh"

[endpoints.fhir]
service = "http"
options.path_prefix = "/internal"

[backends.origin]
service = "http"

[backends.origin.connection]
host = "127.0.0.1"
port = ${origin}
protocol = "http"
`,
    'mesh/prod.toml': `
[mesh.prod]
type = "http3"
provider = "local"
jwt_secret = "\${MESH_SECRET}"
ingress = ["fhir_api"]
`,
  }
}
