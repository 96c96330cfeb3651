// Other spellings of a protected path and host, over raw HTTP/1.1 (decisions 3 and 20): without a token, none of them
// reaches what a mesh's ingress alone may reach.
import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { until, within } from '../support/deadline.ts'
import { sound } from '../support/edge.ts'
import { claimsOf, sign } from '../support/forge.ts'
import { startInside } from '../support/inside.ts'
import type { Inside } from '../support/inside.ts'
import { meshSecret } from '../support/organisations.ts'
import { connect, statuses } from '../support/wire.ts'
import { suite } from '../support/suite.ts'

const test = suite('spellings')

type Origin = { readonly port: number; connections: number; heard: string[]; close(): Promise<void> }

async function startOrigin(): Promise<Origin> {
  const server = http.createServer((request, response) => {
    origin.heard.push(request.url ?? '')
    response.end('origin')
  })
  server.on('connection', () => (origin.connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin: Origin = {
    // it listens on TCP
    port: (server.address() as AddressInfo).port,
    connections: 0,
    heard: [],
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return origin
}

/** `closed` serves the members' door alone; `beside` has an open endpoint for everything else, before the same origin. */
const files = (ports: readonly number[], closed: number, beside: number): Record<string, string> => ({
  'config.toml': `
[proxy]
id = "gateway"
primary_provider = "local"
${['closed', 'beside']
  .map(
    (name, at) => `
[network.${name}.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${ports[at]}
`,
  )
  .join('')}`,
  'pipelines/p.toml': `
[pipelines.closed]
networks = ["closed"]
endpoints = ["members"]
backends = ["closed"]
mesh.ingress.door = { type = "http", urls = ["https://door.test/fhir/r4"], mode = "mesh" }

[pipelines.beside]
networks = ["beside"]
endpoints = ["inner"]
backends = ["beside"]
mesh.ingress.door-beside = { type = "http", urls = ["https://door.test/fhir/r4"], mode = "mesh" }

[pipelines.open]
networks = ["beside"]
endpoints = ["open"]
backends = ["beside"]

[endpoints.members]
service = "http"
options.path_prefix = "/internal/records"
[endpoints.inner]
service = "http"
options.path_prefix = "/internal/records"
[endpoints.open]
service = "http"
options.path_prefix = "/"
[backends.closed]
service = "http"
connection = { host = "127.0.0.1", port = ${closed} }
[backends.beside]
service = "http"
connection = { host = "127.0.0.1", port = ${beside} }

[mesh.m]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = ["door", "door-beside"]
`,
})

let gateway: Inside
let closed: Origin
let beside: Origin
test.before(async () => {
  closed = await startOrigin()
  beside = await startOrigin()
  gateway = await startInside(2, (ports) => files(ports, closed.port, beside.port))
})
test.after(async () => {
  await gateway.close()
  sound(gateway.lines)
  await closed.close()
  await beside.close()
})

/** Writes a request as it is; its status, or 0 when the connection ended without one. */
async function write(port: number, request: string): Promise<number> {
  const wire = await connect(port)
  wire.write(request)
  await until(5_000, `an end of ${JSON.stringify(request)}`, () => statuses(wire.text()).length > 0 || wire.closed())
  wire.destroy()
  return statuses(wire.text())[0] ?? 0
}

// --- requests that nobody meant ---

const protectedPaths = ['/fhir/r4/Patient/1', '/internal/records/1', '/fhir/r4', '/internal/records']

const separators = ['/', '//', '/./', '/x/../', '%2f', '%2F', '%5c', '\\', '/%2e/', '/%2e%2e/', ';', ';/', '/;a=b/']
const noise = [
  '%00',
  '%0d%0a',
  '\t',
  ' ',
  '%c0%af',
  '%e0%80%af',
  '\u00e9',
  '%u002f',
  '%',
  '%4',
  '#',
  '?',
  '%3f',
  '%25',
  '.',
  '|',
]

const hex = (text: string, upper: boolean): string => {
  const code = text.charCodeAt(0).toString(16).padStart(2, '0')
  return `%${upper ? code.toUpperCase() : code}`
}

/** One change of a text at a place. */
const mutation = fc.record({ at: fc.nat(60), kind: fc.nat(6), pick: fc.nat(1_000), upper: fc.boolean() })

type Mutation = { at: number; kind: number; pick: number; upper: boolean }

function mutate(text: string, { at, kind, pick, upper }: Mutation): string {
  const place = at % (text.length + 1)
  const [before, here, after] = [text.slice(0, place), text.charAt(place), text.slice(place + 1)]
  const of = (list: readonly string[]): string => list[pick % list.length] ?? ''
  if (kind === 0) return here === '' ? text : before + hex(here, upper) + after
  if (kind === 1) return before + of(separators) + here + after
  if (kind === 2) return before + of(noise) + here + after
  if (kind === 3) return before + (upper ? here.toUpperCase() : here.toLowerCase()) + after
  if (kind === 4) return `${of(['/x/..', '/.', '//', '/%2e%2e', '/x/%2e%2e', '/\\..', '/;', '/x;/..'])}${text}`
  if (kind === 5) return `${text}${of(['/', '//', '/.', '/..', '%2f', ';', '?', '#', '%20', '.', '/x/..;/'])}`
  // every slash of it
  return text.replaceAll('/', of(separators))
}

const path = fc
  .tuple(fc.constantFrom(...protectedPaths), fc.array(mutation, { minLength: 1, maxLength: 4 }))
  .map(([start, changes]) => changes.reduce(mutate, start))

/** Mostly the first: what is wrong in every part of it gets nowhere. */
const mostly = (first: string, ...others: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(first) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

const host = mostly(
  'door.test',
  'DOOR.test',
  'door.test.',
  'door.test:443',
  'door.test:8443',
  'door.test:',
  'door.test:080',
  'user@door.test',
  'door.test, other.test',
  'door.test\thost: other.test',
  'other.test',
  '127.0.0.1',
  '',
)

const form = mostly('origin', 'absolute', 'absolute-elsewhere', 'twice', 'old', 'bare')

const method = mostly('GET', 'get', 'HEAD', 'OPTIONS', 'POST', 'TRACE', 'CONNECT', 'PROPFIND', 'PRI')

const request = fc.record({
  path,
  host,
  form,
  method,
  header: mostly(
    '',
    'authorization: Bearer x.y.z\r\n',
    'authorization: Bearer\r\n',
    'x-forwarded-host: door.test\r\n',
    'x-original-url: /fhir/r4/Patient\r\n',
    'x-rewrite-url: /fhir/r4/Patient\r\n',
    'x-http-method-override: GET\r\n',
    'upgrade: websocket\r\nconnection: upgrade\r\n',
    'upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n',
    'connection: host\r\n',
    'expect: 100-continue\r\ncontent-length: 3\r\n',
    'transfer-encoding: chunked\r\ncontent-length: 3\r\n',
  ),
})

type Request = { path: string; host: string; form: string; method: string; header: string }

function textOf({ path, host, form, method, header }: Request): string {
  const target =
    form === 'absolute' ? `http://${host}${path}` : form === 'absolute-elsewhere' ? `http://other.test${path}` : path
  const hosts = form === 'bare' ? '' : form === 'twice' ? `host: other.test\r\nhost: ${host}\r\n` : `host: ${host}\r\n`
  const version = form === 'old' ? '1.0' : '1.1'
  return `${method} ${target} HTTP/${version}\r\n${hosts}${header}\r\n`
}

test('the protected paths are there, for who has a token', async () => {
  const token = await sign({ alg: 'HS256', secret: meshSecret }, claimsOf('m', Math.floor(Date.now() / 1000)))
  for (const [port, origin] of [
    [gateway.ports[0] ?? 0, closed],
    [gateway.ports[1] ?? 0, beside],
  ] as const) {
    for (const target of protectedPaths) {
      const [before] = [origin.heard.length]
      assert.is(await write(port, `GET ${target} HTTP/1.1\r\nhost: door.test\r\n\r\n`), 403)
      assert.is(origin.heard.length, before)
      const authorization = `authorization: Bearer ${token}\r\n`
      assert.is(await write(port, `GET ${target} HTTP/1.1\r\nhost: door.test\r\n${authorization}\r\n`), 200)
      assert.is(origin.heard.length, before + 1)
    }
  }
})

test(
  'of 500 other spellings without a token, not one leads anywhere where only members are served',
  async () => {
    const [port = 0] = gateway.ports
    closed.heard = []
    closed.connections = 0
    const seen = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(request, async (asked) => {
        const status = await write(port, textOf(asked))
        seen.set(status, (seen.get(status) ?? 0) + 1)
        assert.ok(status === 0 || status >= 400, `status ${status}`)
        assert.equal(closed.heard, [])
      }),
      { numRuns: 500 },
    )
    // connections that were kept from the test before are not new
    assert.is(closed.connections, 0, 'no connection was made to the origin')
    for (const status of [400, 403, 404]) assert.ok((seen.get(status) ?? 0) > 5, `${status} ${seen.get(status)} times`)
  },
  { withinMs: 120_000 },
)

test(
  'nor do they over HTTP/2',
  async () => {
    closed.heard = []
    const seen = new Map<number | 'reset', number>()
    // a connection for each: some of them end it
    const send = async ({ path: target, host: name, method: verb }: Request): Promise<number | 'reset'> =>
      new Promise((resolve) => {
        const session = http2.connect(`http://127.0.0.1:${gateway.ports[0]}`)
        session.on('error', () => resolve('reset'))
        const stream = session.request({
          ':method': verb === 'CONNECT' ? 'GET' : verb,
          ':path': target,
          ':authority': name,
        })
        stream.on('response', (head) => resolve(Number(head[':status'])))
        stream.on('error', () => resolve('reset'))
        stream.on('close', () => session.destroy())
        stream.resume().end()
      })
    await fc.assert(
      fc.asyncProperty(request, async (asked) => {
        // Node writes no others
        fc.pre(/^[\x21-\xff]*$/.test(asked.path + asked.host))
        const status = await within(5_000, `an answer to ${JSON.stringify(asked)}`, send(asked))
        seen.set(status, (seen.get(status) ?? 0) + 1)
        assert.ok(status === 'reset' || status >= 400, `status ${status}`)
        assert.equal(closed.heard, [])
      }),
      { numRuns: 300 },
    )
    for (const status of [400, 403, 404]) assert.ok((seen.get(status) ?? 0) > 0, `${status} ${seen.get(status)} times`)
  },
  { withinMs: 120_000 },
)

/** What servers make of a path: escapes decoded, parameters dropped, slashes merged, dots resolved, in any order. */
function lenient(target: string): Set<string> {
  const steps: readonly ((path: string) => string)[] = [
    (path) =>
      path.replace(/%([0-9a-f]{2})/gi, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    (path) => path.replaceAll('\\', '/'),
    (path) => path.replace(/;[^/]*/g, ''),
    (path) => path.replace(/\/\/+/g, '/'),
    (path) => {
      const kept: string[] = []
      for (const part of path.split('/')) {
        if (part === '..') kept.pop()
        else if (part !== '.') kept.push(part)
      }
      return kept.join('/')
    },
  ]
  const found = new Set<string>()
  const walk = (path: string, left: readonly number[]): void => {
    found.add(path)
    for (const at of left)
      walk(
        steps[at]?.(path) ?? path,
        left.filter((other) => other !== at),
      )
  }
  walk(target.split('?')[0] ?? '', [0, 1, 2, 3, 4])
  return found
}

test(
  'beside an open endpoint nothing passes that the origin could read as a protected path',
  async () => {
    const port = gateway.ports[1] ?? 0
    let passed = 0
    await fc.assert(
      fc.asyncProperty(request, async (asked) => {
        beside.heard = []
        const status = await write(port, textOf(asked))
        for (const target of beside.heard) {
          passed += 1
          const named = /^door\.test\.?(?::\d*)?$/i.test(
            asked.form === 'absolute-elsewhere' ? 'other.test' : asked.host,
          )
          for (const reading of lenient(target)) {
            const inner = /^\/internal\/records(?:\/|$)/.test(reading)
            const door = named && asked.form !== 'bare' && /^\/fhir\/r4(?:\/|$)/.test(reading)
            assert.not.ok(inner || door, `${status}: ${JSON.stringify(textOf(asked))} arrived as ${target}`)
          }
        }
      }),
      { numRuns: 500 },
    )
    assert.ok(passed > 5, `${passed} requests passed to the open endpoint`)
  },
  { withinMs: 120_000 },
)

test.run()
