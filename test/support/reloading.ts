// What tests of reloads share: a gateway's files that differ by what a test changes, origins that tell which of them
// answered, and answers that are checked to the last byte.
import { X509Certificate } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFileSync, renameSync, symlinkSync } from 'node:fs'
import { connect } from 'node:tls'
import { pattern } from '../peers/index.ts'
import { within } from './deadline.ts'
import { identity, localhost } from './rig.ts'
import type { Ask, Client } from './rig.ts'
import type { Project } from './serve.ts'

/** An origin: `/bytes/<n>` gives n bytes, `/held…` waits until it is let go, a body comes back as it was. */
export type NamedOrigin = {
  readonly port: number
  /** Requests that have arrived. */
  readonly asked: () => number
  /** Answers what is held, and ends what is half said. */
  release(): void
  close(): Promise<void>
}

/** Starts one; `x-origin` of its answers is its name. */
export async function namedOrigin(name: string): Promise<NamedOrigin> {
  let asked = 0
  const held: (() => void)[] = []
  // connections are kept for longer than any test takes, so that none ends while a request is on its way
  const server = http.createServer({ keepAliveTimeout: 300_000 }, (request, response) => {
    asked += 1
    response.setHeader('x-origin', name)
    const path = request.url ?? ''
    if (path.startsWith('/held/half')) {
      response.write(`first of ${name},`)
      held.push(() => response.end(`last of ${name}`))
    } else if (path.startsWith('/held')) held.push(() => response.end(`held at ${name}`))
    else if (request.method === 'POST') request.pipe(response)
    else response.end(pattern(Number(/\d+$/.exec(path)?.[0] ?? 0)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const release = (): void => {
    for (const go of held.splice(0)) go()
  }
  return {
    // it listens on TCP
    port: (server.address() as AddressInfo).port,
    asked: () => asked,
    release,
    close: async () => {
      release()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What tests change. */
export type Setting = {
  /** HTTP/1.1 in the clear; HTTP/1.1, HTTP/2 and HTTP/3 encrypted. */
  readonly plain: number
  readonly tls: number
  /** Port of the origin. */
  readonly backend: number
  /** More networks in the clear. */
  readonly spare?: readonly number[] | undefined
  /** Lines of config.toml after the rest. */
  readonly more?: string
}

const tcp = (name: string, port: number): string => `
[network.${name}.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${port}
`

const pair = `cert_path = "identity/cert.pem"
key_path = "identity/key.pem"
`

/** config.toml and pipelines/relay.toml. Retries are off, so that they hide nothing. */
export function filesOf(setting: Setting): Record<string, string> {
  const { plain, tls, spare = [], backend, more = '' } = setting
  const names = ['plain', 'tls', ...spare.map((_port, at) => `spare${at}`)]
  return {
    'config.toml': `
[proxy]
id = "reloading"

[management]
enabled = true
network = "plain"
${tcp('plain', plain)}${tcp('tls', tls)}${pair}
[network.tls.http3]
bind_address = "127.0.0.1"
bind_port = ${tls}
${pair}${spare.map((port, at) => tcp(`spare${at}`, port)).join('')}
${more}`,
    'pipelines/relay.toml': `
[pipelines.relay]
networks = ${JSON.stringify(names)}
endpoints = ["relay"]
backends = ["origin"]

[endpoints.relay]
service = "http"
options.path_prefix = "/relay"

[backends.origin]
service = "http"
max_retries = 0

[backends.origin.connection]
host = "127.0.0.1"
port = ${backend}
protocol = "http"
`,
  }
}

/** Two certificates for localhost of the same authority. */
export function issueTwo(): readonly { readonly cert: string; readonly key: string }[] {
  return ['localhost', 'localhost'].map((name) => {
    const issued = identity().authority.issue(name)
    return { cert: readFileSync(issued.chain, 'utf8'), key: readFileSync(issued.key, 'utf8') }
  })
}

export type Pairs = ReturnType<typeof issueTwo>

let links = 0

/** Writes a pair over the one that is in place. */
export function overwrite(files: Project, pairs: Pairs, which: number): void {
  const { cert, key } = pairs[which] ?? { cert: '', key: '' }
  files.write('identity/cert.pem', cert)
  files.write('identity/key.pem', key)
}

/** The serial number that `serialOf` tells of a pair. */
export const serialIn = (pairs: Pairs, which: number): string => new X509Certificate(pairs[which]?.cert ?? '').serialNumber

/** Puts a pair into place, both files in one step, as orchestrators do: the folder is a link. */
export function present(files: Project, pairs: Pairs, which: number): void {
  const { cert, key } = pairs[which] ?? { cert: '', key: '' }
  files.write(`identity${which}/cert.pem`, cert)
  files.write(`identity${which}/key.pem`, key)
  const link = files.path(`link${(links += 1)}`)
  symlinkSync(`identity${which}`, link)
  renameSync(link, files.path('identity'))
}

/** Serial number of the certificate that a new connection over TCP is shown. */
export async function serialOf(port: number): Promise<string> {
  const socket = connect({ port, host: 'localhost', lookup: localhost, ca: identity().ca, servername: 'localhost' })
  try {
    const seen = new Promise<string>((resolve, reject) => {
      socket.once('secureConnect', () => resolve(socket.getPeerCertificate().serialNumber))
      socket.once('error', reject)
    })
    return await within(10_000, 'a handshake', seen)
  } finally {
    socket.destroy()
  }
}

/** Asks, and returns the origin's name once status and body are as they must be; throws with what is wrong. */
export async function answered(client: Client, ask: Ask, expected: Uint8Array | string): Promise<string> {
  const reply = await within(20_000, 'the head of an answer', client.send({ ...ask, path: `/relay${ask.path ?? '/'}` }))
  const bytes = await within(20_000, 'the content of an answer', reply.bytes())
  const codes = client.bridge?.records.flatMap(({ code, detail }) => (code === undefined ? [] : [code, detail])) ?? []
  if (reply.status !== 200) throw new Error(`status ${reply.status}: ${bytes.toString()} ${codes.join(' ')}`)
  if (!bytes.equals(Buffer.from(expected))) throw new Error(`${bytes.length} bytes that differ from what was asked for`)
  return String(reply.headers['x-origin'])
}
