// The management service: what it shows, and whom it lets change the gateway.
import * as assert from 'uvu/assert'
import { managementPaths, managementService } from '../../core/pipeline/service/management.ts'
import type { ManagementFacts, Reloaded } from '../../core/pipeline/service/facts.ts'
import type { Reach } from '../../core/pipeline/service.ts'
import { buildServices } from '../../core/pipeline/services.ts'
import { Secret } from '../../core/secret.ts'
import type { Field } from '../../quic/index.ts'
import { networkWith } from '../support/config.ts'
import { fakeLog } from '../support/log.ts'
import { protocols, startClient, listenFor, portOf, watchedEngine } from '../support/rig.ts'
import { suite } from '../support/suite.ts'
import { backend, config, exchange, opener, pipeline, refused, responded } from './fixture.ts'

const test = suite('management')
const place = { file: 'config.toml', path: [] }
const admin = networkWith('admin')
const settings = (token?: string, basePath = 'admin') => ({
  network: admin,
  basePath,
  token: token === undefined ? undefined : new Secret(token),
  place,
})

function facts(more: Partial<ManagementFacts> = {}) {
  const reloads = { count: 0 }
  const all: ManagementFacts = {
    info: () => ({ version: '0.1.0', uptime: 7, os: 'linux', arch: 'x64', proxy_id: 'a', started_at: '2026-01-01' }),
    pipelines: () => [],
    routes: () => [],
    health: () => ({ status: 'ok', generation: 1 }),
    status: () => ({ generation: 1 }),
    metrics: async () => 'harmony_up 1\n',
    reload: async () => {
      reloads.count += 1
      return { ok: true, generation: 2, message: 'nothing changed', findings: [] }
    },
    ...more,
  }
  return { all, reloads }
}

const local = { peerAddress: '127.0.0.1', clientAddress: '127.0.0.1', authority: '127.0.0.1:9090', network: admin }

type Given = Parameters<typeof exchange>[0]

const ask = async (given: Given, service = managementService(settings(), facts().all)): Promise<Reach> =>
  service.reach(exchange({ ...local, ...given }), false)

const body = (reach: Reach): unknown => JSON.parse(String(responded(reach).body))

// --- what it shows ---

test('the pages of the base path, and health without it', async () => {
  const shown = async (target: string) => body(await ask({ target }))
  assert.is(((await shown('/admin/info')) as { uptime: number }).uptime, 7)
  assert.equal(await shown('/admin/pipelines'), { pipelines: [] })
  assert.equal(await shown('/admin/routes'), { routes: [] })
  assert.equal(await shown('/admin/health'), { status: 'ok', generation: 1 })
  assert.equal(await shown('/health'), { status: 'ok', generation: 1 })
  assert.equal(await shown('/admin/config/status'), { generation: 1 })
  assert.equal(await shown('/admin/info?x=1'), await shown('/admin/info'))
})

test('metrics are Prometheus text', async () => {
  const { status, headers, body } = responded(await ask({ target: '/admin/metrics' }))
  assert.equal([status, body], [200, 'harmony_up 1\n'])
  assert.is(new Map(headers as readonly Field[]).get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
})

test('a gateway that drains is not healthy', async () => {
  const draining = managementService(settings(), facts({ health: () => ({ status: 'draining', generation: 1 }) }).all)
  assert.is(responded(await ask({ target: '/health' }, draining)).status, 503)
})

test('reading is for every peer', async () => {
  for (const target of ['/admin/info', '/admin/metrics', '/health']) {
    const reach = await ask({ target, peerAddress: '198.51.100.7', clientAddress: '198.51.100.7', authority: 'x.test' })
    assert.is(responded(reach).status, 200)
  }
})

const nowhere = [
  '/admin',
  '/admin/',
  '/admin/nothing',
  '/admin/info/',
  '/admin//info',
  '//admin/info',
  '/ADMIN/info',
  '/admin/%69nfo',
  '/admin/reload',
  '/admin/api/reload',
  '/info',
  '/metrics',
  '/admin/__proto__',
  '/admin/constructor',
  '/__proto__',
  '*',
]

for (const target of nowhere) {
  test(`${target} is not there`, async () => {
    for (const method of ['GET', 'POST']) assert.is(refused(await ask({ method, target })), 'management/not-found')
  })
}

test('another network, and a gateway without [management], have none of it', async () => {
  for (const target of ['/admin/info', '/health', '/api/reload']) {
    const method = target === '/api/reload' ? 'POST' : 'GET'
    assert.is(refused(await ask({ method, target, network: networkWith() })), 'management/not-found')
    const off = managementService(undefined, facts().all)
    assert.is(refused(await ask({ method, target }, off)), 'management/not-found')
  }
})

test('a method that is not of the route is told which is', async () => {
  for (const [method, target, allow] of [
    ['POST', '/admin/info', 'GET, HEAD'],
    ['GET', '/api/reload', 'POST'],
    ['HEAD', '/api/reload', 'POST'],
  ] as const) {
    const reach = await ask({ method, target })
    assert.is(refused(reach), 'route/method')
    assert.equal(reach.kind === 'refuse' ? reach.refusal.headers : undefined, { allow })
  }
  assert.is(responded(await ask({ method: 'HEAD', target: '/admin/info' })).status, 200)
})

test('the paths are listed for whoever routes to them', () => {
  const paths = managementPaths('ops/a')
  assert.ok(paths.some(({ path, method }) => path === '/ops/a/config/status' && method === 'GET'))
  assert.ok(paths.some(({ path, method }) => path === '/api/reload' && method === 'POST'))
  assert.ok(paths.some(({ path }) => path === '/health'))
})

// --- reload ---

test('an invalid configuration is 422 with its findings, without lines of the file', async () => {
  const finding = {
    code: 'syntax/toml' as Reloaded['findings'][number]['code'],
    severity: 'error',
    message: 'no',
    file: 'config.toml',
    line: 1,
    column: 1,
    endLine: 1,
    endColumn: 2,
    path: '',
    excerpt: 'secret line',
  } as const
  const failing = facts({ reload: async () => ({ ok: false, generation: 1, message: '1 error', findings: [finding] }) })
  const reach = await ask({ method: 'POST', target: '/api/reload' }, managementService(settings(), failing.all))
  assert.is(responded(reach).status, 422)
  assert.match(String(responded(reach).body), 'syntax/toml')
  assert.not.match(String(responded(reach).body), 'secret line')
})

type Attempt = Given & { headers?: readonly Field[] }

/** Whether the attempt reloaded, and how it was refused otherwise. */
async function attempt(given: Attempt, token?: string): Promise<string> {
  const { all, reloads } = facts()
  const reach = await ask({ method: 'POST', target: '/api/reload', ...given }, managementService(settings(token), all))
  assert.is(reloads.count, reach.kind === 'respond' ? 1 : 0, 'it reloads exactly when it says so')
  return reach.kind === 'respond' ? `${reach.status}` : refused(reach)
}

const far = { peerAddress: '198.51.100.7', clientAddress: '198.51.100.7' }
const own: Field = ['origin', 'http://127.0.0.1:9090']

const withoutToken: readonly [string, Attempt, string][] = [
  ['a loopback peer', {}, '200'],
  ['a loopback peer over IPv6', { peerAddress: '::1', clientAddress: '::1', authority: '[::1]:9090' }, '200'],
  ['a mapped loopback peer', { peerAddress: '::ffff:127.0.0.1', clientAddress: '127.0.0.1' }, '200'],
  [
    'another address of loopback',
    { peerAddress: '127.9.9.9', clientAddress: '127.9.9.9', authority: '127.9.9.9' },
    '200',
  ],
  ['localhost', { authority: 'LocalHost:9090' }, '200'],
  ['a page of the gateway itself', { headers: [own, ['sec-fetch-site', 'same-origin']] }, '200'],
  ['somebody else', far, 'management/denied'],
  ['somebody else who names localhost', { ...far, authority: 'localhost:9090' }, 'management/denied'],
  [
    'somebody else who claims to be loopback',
    { ...far, headers: [['x-forwarded-for', '127.0.0.1']] },
    'management/denied',
  ],
  ['somebody else whom a trusted proxy calls loopback', { ...far, clientAddress: '127.0.0.1' }, 'management/denied'],
  ['an address of the private network', { peerAddress: '10.0.0.1', clientAddress: '10.0.0.1' }, 'management/denied'],
  ['the unspecified address', { peerAddress: '0.0.0.0', clientAddress: '0.0.0.0' }, 'management/denied'],
  ['no address', { peerAddress: '', clientAddress: '' }, 'management/denied'],
  ['a client of a trusted proxy on this machine', { clientAddress: '198.51.100.7' }, 'management/denied'],
  ['a client of a proxy on this machine', { headers: [['x-forwarded-for', '198.51.100.7']] }, 'management/denied'],
  [
    'a client of a proxy on this machine, who adds loopback',
    { headers: [['x-forwarded-for', '127.0.0.1']] },
    'management/denied',
  ],
  ['a client of a proxy that says so otherwise', { headers: [['forwarded', 'for=_hidden']] }, 'management/denied'],
  ['a client of a proxy that only says via', { headers: [['via', '1.1 cache']] }, 'management/denied'],
  ['a page whose name was rebound to loopback', { authority: 'evil.test:9090' }, 'management/denied'],
  [
    'such a page, with its origin',
    { authority: 'evil.test:9090', headers: [['origin', 'http://evil.test:9090']] },
    'management/denied',
  ],
  ['a name below localhost', { authority: 'localhost.evil.test' }, 'management/denied'],
  ['a name that begins like loopback', { authority: '127.0.0.1.evil.test:9090' }, 'management/denied'],
  ['loopback behind a user', { authority: 'evil.test@127.0.0.1:9090' }, 'management/denied'],
  ['loopback in another notation', { authority: '0x7f.1:9090' }, 'management/denied'],
  ['loopback in octal', { authority: '0177.0.0.1:9090' }, 'management/denied'],
  ['no host at all', { authority: '' }, 'management/denied'],
  ['a page of another site', { headers: [['origin', 'http://evil.test']] }, 'management/denied'],
  ['a page of another port', { headers: [['origin', 'http://127.0.0.1:8080']] }, 'management/denied'],
  ['a page of another scheme', { headers: [['origin', 'https://127.0.0.1:9090']] }, 'management/denied'],
  ['a page without an origin', { headers: [['origin', 'null']] }, 'management/denied'],
  ['a page with two origins', { headers: [own, ['origin', 'http://evil.test']] }, 'management/denied'],
  ['a page elsewhere that hides its origin', { headers: [['sec-fetch-site', 'cross-site']] }, 'management/denied'],
]

for (const [who, given, outcome] of withoutToken) {
  test(`without a token: ${who}: ${outcome}`, async () => {
    assert.is(await attempt(given), outcome)
  })
}

const bearer = (...values: string[]) => ({ headers: values.map((value): Field => ['authorization', value]) })

const withToken: readonly [string, Attempt, string][] = [
  ['the token', bearer('Bearer s3cret'), '200'],
  ['the token from far away', { ...far, ...bearer('bearer  s3cret') }, '200'],
  ['loopback is not enough', {}, 'auth/missing'],
  ['another token', bearer('Bearer s3creT'), 'auth/invalid'],
  ['the beginning of it', bearer('Bearer s3cre'), 'auth/invalid'],
  ['more than it', bearer('Bearer s3crets'), 'auth/invalid'],
  ['nothing', bearer('Bearer '), 'auth/invalid'],
  ['another scheme', bearer('Basic s3cret'), 'auth/invalid'],
  ['no scheme', bearer('s3cret'), 'auth/invalid'],
  ['two of them', bearer('Bearer s3cret', 'Bearer s3cret'), 'auth/invalid'],
  ['two in one', bearer('Bearer s3cret Bearer s3cret'), 'auth/invalid'],
  ['one in the query', { target: '/api/reload?access_token=s3cret' }, 'auth/missing'],
]

for (const [who, given, outcome] of withToken) {
  test(`with a token: ${who}: ${outcome}`, async () => {
    assert.is(await attempt(given, 's3cret'), outcome)
  })
}

test('a refused reload is in the log, the token that was tried is not', async () => {
  const lines: string[] = []
  const log = { ...fakeLog(), warn: (fields: object, text: string) => void lines.push(JSON.stringify([fields, text])) }
  await ask(
    { method: 'POST', target: '/api/reload', log, ...bearer('Bearer guess') },
    managementService(settings('s3cret'), facts().all),
  )
  assert.is(lines.length, 1)
  assert.match(lines[0] ?? '', '127.0.0.1')
  assert.not.match(lines[0] ?? '', /guess|s3cret/)
})

// --- over a wire ---

for (const protocol of protocols) {
  test(`${protocol}: a peer on loopback reads and reloads, one that a proxy speaks for does not`, async () => {
    const { all, reloads } = facts()
    const one = backend('management')
    const made = config([pipeline({ name: 'management', networks: [admin], backends: [one] })], {
      management: settings(),
    })
    const services = buildServices(made, { open: opener().open, management: all })
    const { engine } = await watchedEngine()
    const listener = await listenFor(engine, protocol, async (head) => {
      const given = { ...local, target: head.target, backend: one, peerAddress: head.remoteAddress }
      const reach = await services.reach({ ...exchange(given), head }, false)
      return reach.kind === 'refuse' ? { kind: 'respond', status: 403 } : responded(reach)
    })
    const client = await startClient(protocol, portOf(listener, protocol))
    const host = `localhost:${portOf(listener, protocol)}`
    try {
      const info = await client.send({ path: '/admin/info', headers: { host } })
      assert.equal([info.status, JSON.parse(String(await info.bytes())).version], [200, '0.1.0'])
      const reload = async (headers: Record<string, string>) => {
        const reply = await client.send({ method: 'POST', path: '/api/reload', headers: { host, ...headers } })
        await reply.bytes()
        return reply.status
      }
      assert.is(await reload({}), 200)
      assert.is(await reload({ 'x-forwarded-for': '127.0.0.1' }), 403)
      assert.is(await reload({ host: 'evil.test' }), 403)
      assert.is(await reload({ origin: 'http://evil.test' }), 403)
      assert.is(reloads.count, 1)
    } finally {
      await client.close()
      await engine.stop({ graceMs: 0 })
    }
  })
}

test.run()
