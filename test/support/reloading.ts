// What tests of reloads share: a gateway's files that differ by what a test changes, origins that tell which of them
// answered, and answers that are checked to the last byte.
import { X509Certificate } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFileSync, renameSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { pattern } from '../peers/index.ts'
import { within } from './deadline.ts'
import { startInside } from './inside.ts'
import type { Inside } from './inside.ts'
import { identity, localhost, startClient } from './rig.ts'
import type { Ask, Client } from './rig.ts'
import type { Project } from './serve.ts'
import type { Reloaded } from '../../core/pipeline/service/facts.ts'
import type { Protocol } from '../../quic/index.ts'

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
  /** Middleware of the pipeline. */
  readonly middleware?: string
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
  const { plain, tls, spare = [], backend, middleware, more = '' } = setting
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
middleware = ${JSON.stringify(middleware === undefined ? [] : [middleware])}

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
export const serialIn = (pairs: Pairs, which: number): string =>
  new X509Certificate(pairs[which]?.cert ?? '').serialNumber

/** Puts a pair into place, both files in one step, as orchestrators do: the folder `identity` is a link. */
export function present(files: Project, pairs: Pairs, which: number, below = '.'): void {
  const { cert, key } = pairs[which] ?? { cert: '', key: '' }
  files.write(join(below, `identity${which}/cert.pem`), cert)
  files.write(join(below, `identity${which}/key.pem`), key)
  const link = files.path(join(below, `link${(links += 1)}`))
  symlinkSync(`identity${which}`, link)
  renameSync(link, files.path(join(below, 'identity')))
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

/** A promise that is looked at later: should the test fail before, its rejection is nobody's. */
export function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

/** A gateway in this process that is told to load again. */
export type Reloading = Inside & {
  readonly a: NamedOrigin
  readonly b: NamedOrigin
  readonly plain: number
  readonly tls: number
  /** Two more ports. */
  readonly spare: readonly [number, number]
  readonly pairs: Pairs
  /** Writes the files of the last setting with what is different. */
  write(more: Partial<Setting>): void
  /** Writes, and loads. */
  take(more?: Partial<Setting>): Promise<Reloaded>
  /** A series of the metrics, with its labels; 0 when there is none. */
  metric(series: string): Promise<number>
  /** A client that is closed with the scene. */
  client(protocol: Protocol, port?: number): Promise<Client>
}

/** Runs a body with a gateway whose origin is `a`, and closes everything. */
export async function withReloading(
  body: (scene: Reloading) => Promise<void>,
  initial: Partial<Setting> & { graceMs?: number; watch?: boolean; files?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const [a, b] = [await namedOrigin('a'), await namedOrigin('b')]
  const pairs = issueTwo()
  const clients: Client[] = []
  let setting: Setting = { plain: 0, tls: 0, backend: a.port }
  const pair = { 'identity/cert.pem': pairs[0]?.cert ?? '', 'identity/key.pem': pairs[0]?.key ?? '' }
  try {
    const inside = await startInside(
      4,
      ([plain = 0, tls = 0]) => {
        setting = { ...setting, ...initial, plain, tls }
        return { ...filesOf(setting), ...pair, ...initial.files }
      },
      { graceMs: initial.graceMs ?? 8_000, watch: initial.watch ?? false },
    )
    const { gateway, project, ports } = inside
    const [plain = 0, tls = 0, first = 0, second = 0] = ports
    const write = (more: Partial<Setting>): void => {
      setting = { ...setting, ...more }
      for (const [file, text] of Object.entries(filesOf(setting))) project.write(file, text)
    }
    const scene: Reloading = {
      ...inside,
      a,
      b,
      plain,
      tls,
      spare: [first, second],
      pairs,
      write,
      take: async (more = {}) => {
        write(more)
        return gateway.reload('test')
      },
      metric: async (series) => {
        const text = await (await fetch(`http://127.0.0.1:${plain}/admin/metrics`)).text()
        const line = text.split('\n').find((one) => one.startsWith(`${series} `))
        return Number(line?.slice(series.length) ?? 0)
      },
      client: async (protocol, port = protocol === 'h1' ? plain : tls) => {
        const client = await startClient(protocol, port)
        clients.push(client)
        return client
      },
    }
    try {
      await body(scene)
    } finally {
      for (const client of clients) await client.close()
      await inside.close()
    }
  } finally {
    await Promise.all([a.close(), b.close()])
  }
}
