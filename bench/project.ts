// A configuration of any size in a temporary folder: pipelines spread over files, each with endpoints, one ingress of
// mode `mesh` and one egress, all in one mesh, in front of one origin.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Size = {
  readonly pipelines: number
  /** Endpoints of each pipeline; each is a route, and so is the URL of its ingress. */
  readonly endpoints: number
  /** Pipelines in one file. */
  readonly perFile: number
}

/** A folder that is removed when this process ends. */
export type Project = { readonly folder: string; readonly file: string; readonly files: number; readonly bytes: number }

export const meshSecret = 'a secret for benchmarks with more than thirty-two characters'

/** Where the ingress and the endpoints of a pipeline are reached; there are a hundred hosts. */
export const hostOfPipeline = (pipeline: number): string => `host${pipeline % 100}.example.org`
export const ingressPath = (pipeline: number): string => `/team${pipeline}/fhir`
export const endpointPath = (pipeline: number, endpoint: number): string =>
  `/team${pipeline}/${'v/'.repeat(endpoint % 3)}api${endpoint}`
/** The endpoint from which requests leave signed: its pipeline's backend is listed by an egress. */
export const ingressName = (pipeline: number): string => `ingress${pipeline}`

/** Writes it. */
export function writeProject({ pipelines, endpoints, perFile }: Size): Project {
  const folder = mkdtempSync(join(tmpdir(), 'harmony-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  let bytes = 0
  let files = 0
  const write = (name: string, text: string): void => {
    bytes += text.length
    files += 1
    writeFileSync(join(folder, name), text)
  }
  mkdirSync(join(folder, 'pipelines'))
  mkdirSync(join(folder, 'mesh'))
  write('config.toml', main)
  for (let first = 0; first < pipelines; first += perFile) {
    const count = Math.min(perFile, pipelines - first)
    const tables = Array.from({ length: count }, (_, index) => pipelineText(first + index, endpoints))
    write(`pipelines/teams${String(first).padStart(5, '0')}.toml`, tables.join('\n'))
  }
  const names = (kind: string): string =>
    Array.from({ length: pipelines }, (_, pipeline) => `  "${kind}${pipeline}",\n`).join('')
  const mesh = `[mesh.prod]
type = "http3"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = [
${names('ingress')}]
egress = [
${names('egress')}]
`
  write('mesh/prod.toml', mesh)
  return { folder, file: join(folder, 'config.toml'), files, bytes }
}

const main = `[proxy]
id = "bench"

[network.public.tcp_config]
bind_address = "127.0.0.1"
bind_port = 8080

[backends.origin]
service = "http"

[backends.origin.connection]
host = "origin.example.org"
port = 443
protocol = "https"
base_path = "/base"

[backends.plain]
service = "http"

[backends.plain.connection]
host = "127.0.0.1"
port = 9000
protocol = "http"

# where requests leave as they are
[pipelines.plain]
networks = ["public"]
endpoints = ["plain"]
backends = ["plain"]

[endpoints.plain]
service = "http"
options.path_prefix = "/plain"

# where members of the mesh come in, and nothing is signed on the way out
[pipelines.members]
networks = ["public"]
endpoints = ["members"]
backends = ["plain"]

[endpoints.members]
service = "http"
options.path_prefix = "/members"

[pipelines.members.mesh.ingress.members]
type = "http"
urls = ["https://members.example.org/fhir"]
mode = "mesh"

[mesh.members]
type = "http3"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = ["members"]
`

function pipelineText(pipeline: number, endpoints: number): string {
  const names = Array.from({ length: endpoints }, (_, endpoint) => `p${pipeline}e${endpoint}`)
  return `[pipelines.team${pipeline}]
description = "what team ${pipeline} offers"
networks = ["public"]
endpoints = ${JSON.stringify(names)}
backends = ["origin"]

[pipelines.team${pipeline}.mesh.ingress.ingress${pipeline}]
type = "http3"
urls = ["https://${hostOfPipeline(pipeline)}${ingressPath(pipeline)}"]
endpoint = "p${pipeline}e0"
mode = "mesh"

[pipelines.team${pipeline}.mesh.egress.egress${pipeline}]
type = "http"
${names
  .map(
    (name, endpoint) => `
[endpoints.${name}]
service = "http"
options.path_prefix = "${endpointPath(pipeline, endpoint)}"
`,
  )
  .join('')}`
}
