// Harmony as a user runs it, for the benchmark: `harmony serve` in front of the origin, as a plain proxy or with an
// ingress that lets members of a mesh in alone. No access lines, as in the others.
import { readFileSync } from 'node:fs'
import { loadConfig } from '../core/index.ts'
import { mintToken, signingOf } from '../core/mesh/mint.ts'
import type { Issued, Running } from '../test/peers/index.ts'
import { onFreePorts } from '../test/peers/process.ts'
import { project, serve } from '../test/support/serve.ts'
import type { Gateway } from './gateways.ts'

export type ServeKind = 'serve' | 'serve-mesh'

/** Starts it; `origin` is `host:port`. */
export async function startServe(
  kind: ServeKind,
  origin: string,
  { chain, key }: Issued,
): Promise<Running & Pick<Gateway, 'ports' | 'authorization'>> {
  return onFreePorts(2, async ([plain = 0, secure = 0]) => {
    const ways = kind === 'serve' ? everything : members(plain, secure)
    const files = project({
      'config.toml': networks(plain, secure),
      'pipelines/bench.toml': `${ways}\n${backend(origin)}`,
      'cert.pem': readFileSync(chain, 'utf8'),
      'key.pem': readFileSync(key, 'utf8'),
    })
    // the load leaves without a word, and nobody is to wait for it
    const served = await serve(files, { args: ['--log-level', 'error', '--no-watch', '--grace', '0'] })
    return {
      pid: served.pid,
      output: () => served.output(),
      stop: async () => void (await served.stop()),
      ports: { h1: plain, tls: secure, h2: secure, h3: secure },
      authorization: kind === 'serve' ? undefined : async () => bearer(files.config, files.folder),
    }
  })
}

const networks = (plain: number, secure: number): string => `
[proxy]
id = "bench"

[network.plain.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${plain}

[network.secure.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${secure}
cert_path = "cert.pem"
key_path = "key.pem"

[network.secure.http3]
bind_address = "127.0.0.1"
bind_port = ${secure}
cert_path = "cert.pem"
key_path = "key.pem"
`

const everything = `
[pipelines.bench]
networks = ["plain", "secure"]
endpoints = ["bench"]
backends = ["origin"]

[endpoints.bench]
service = "http"
options.path_prefix = "/"
`

/** What follows the URL's path goes upstream: both have the same. */
const members = (plain: number, secure: number): string => `
[pipelines.bench]
networks = ["plain", "secure"]
endpoints = ["bench"]
backends = ["origin"]

[pipelines.bench.mesh.ingress.bench]
type = "http3"
urls = ["http://localhost:${plain}/", "https://localhost:${secure}/"]
mode = "mesh"

[endpoints.bench]
service = "http"
options.path_prefix = "/unused"

[mesh.bench]
type = "http3"
provider = "local"
jwt_secret = "a secret for benchmarks with more than thirty-two characters"
ingress = ["bench"]
`

function backend(origin: string): string {
  const [host, port] = origin.split(':')
  return `
[backends.origin]
service = "http"

[backends.origin.connection]
host = "${host}"
port = ${port}
protocol = "http"
`
}

/** A token as another gateway of the mesh would send it; it lives for five minutes. */
async function bearer(file: string, folder: string): Promise<string> {
  const { config } = await loadConfig({ file, env: {}, cwd: folder, now: Date.now() })
  const mesh = config?.meshes.get('bench')
  const signing = mesh && signingOf(mesh)
  if (signing === undefined) throw new Error('the mesh of the benchmark cannot sign')
  const { token } = await mintToken(signing, 'a partner', undefined, Date.now())
  return `Bearer ${token}`
}
