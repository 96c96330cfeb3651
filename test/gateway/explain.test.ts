// `harmony explain` and the gateway: what the one says of a request is what the other does with it, in every way that
// a request can end, for requests that were thought of and for others.
import http from 'node:http'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { explainRequest } from '../../core/index.ts'
import type { Explanation } from '../../core/index.ts'
import { until } from '../support/deadline.ts'
import { everyWay, planted } from '../support/everyway.ts'
import { claimsOf, forgedSecret, sign } from '../support/forge.ts'
import type { Claims } from '../support/forge.ts'
import { startInside } from '../support/inside.ts'
import type { Inside, Line } from '../support/inside.ts'
import { meshSecret, recordingOrigin } from '../support/organisations.ts'
import type { RecordingOrigin } from '../support/organisations.ts'
import { suite } from '../support/suite.ts'

const test = suite('explain and the gateway')

let gateway: Inside
let origin: RecordingOrigin
test.before(async () => {
  origin = await recordingOrigin()
  gateway = await startInside(3, (ports) => everyWay(ports, origin.port))
})
test.after(async () => {
  await gateway.close()
  await origin.close()
})

const networks = ['edge', 'forced', 'inner'] as const
type Asked = {
  readonly network?: (typeof networks)[number]
  readonly method?: string
  readonly host?: string
  readonly path: string
  readonly headers?: readonly (readonly [string, string])[]
}

type Real = { readonly status: number; readonly code: string | undefined; readonly line: Line | undefined }

async function send({ network = 'edge', method = 'GET', host = 'any.test', path, headers = [] }: Asked): Promise<Real> {
  return new Promise((resolve, reject) => {
    const length = Number(headers.find(([name]) => name === 'content-length')?.[1] ?? 0)
    const asked = http.request(
      {
        port: gateway.ports[networks.indexOf(network)],
        host: '127.0.0.1',
        method,
        path,
        agent: false,
        headers: ['host', host, ...headers.flat()],
      },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
        response.on('end', () => {
          const status = response.statusCode ?? 0
          const id = response.headers['x-request-id']
          const line = id === undefined ? undefined : gateway.access(String(id))
          Promise.resolve(line).then((found) => resolve({ status, code: codeOf(body), line: found }), reject)
        })
      },
    )
    asked.on('error', reject).end('x'.repeat(length))
  })
}

/** Of an answer that the gateway made. */
function codeOf(body: string): string | undefined {
  try {
    const { error, request_id: id } = JSON.parse(body)
    return id === undefined ? undefined : error
  } catch {
    return undefined
  }
}

async function explained({ network = 'edge', method = 'GET', host = 'any.test', path, headers = [] }: Asked) {
  const url = `http://127.0.0.1:${gateway.ports[networks.indexOf(network)]}${path}`
  const asked = { method, url, network, headers: [['host', host] as const, ...headers], now: Date.now() }
  const answer = await explainRequest(gateway.gateway.config, asked)
  assert.ok(answer.ok)
  return { json: answer.json, lines: answer.lines }
}

/** Asks both, and holds the one against the other. */
async function compare(asked: Asked): Promise<Explanation> {
  const { json } = await explained(asked)
  const before = origin.arrived.length
  const { status, code, line } = await send(asked)
  const { outcome } = json
  const forwarded = outcome.result === 'forwarded'
  if (forwarded) {
    assert.equal([status, code], [200, undefined], `${JSON.stringify(asked)}: ${JSON.stringify(outcome)}`)
    // the origin answers before it has read to the end
    await until(5_000, 'the request at the origin', () => origin.arrived.length > before)
    const arrived = origin.arrived.at(-1)
    assert.is(arrived?.target.split('?')[0], json.upstream?.target)
    assert.is(arrived?.method, json.upstream?.method)
    const bearer = arrived?.headers.find(([name]) => name === 'authorization')?.[1]?.split(' ')[1]
    if (json.signed !== null) assert.is(payloadOf(bearer ?? '')['iss'], json.signed.mesh)
  } else {
    assert.equal([status, code ?? outcome.code], [outcome.status, outcome.code], JSON.stringify(asked))
    assert.is(origin.arrived.length, before)
  }
  if (line === undefined) return json
  assert.equal(
    {
      pipeline: line['pipeline'],
      ingress: line['ingress'],
      endpoint: line['endpoint'],
      prefix: line['prefix'],
      backend: line['backend'],
      egress: line['egress'],
      mesh: line['mesh'],
      signedFor: line['signedFor'],
      network: line['network'],
      client: line['client'],
      code: forwarded ? undefined : line['code'],
    },
    {
      pipeline: json.route?.pipeline.name,
      ingress: json.route?.ingress?.name,
      endpoint: json.route?.endpoint.name,
      prefix: json.route?.prefix,
      backend: json.backend?.name,
      egress: json.egress?.name,
      mesh: json.mesh?.context?.mesh,
      signedFor: json.signed?.mesh,
      network: json.network.name,
      client: json.request.client,
      code: outcome.code ?? undefined,
    },
    JSON.stringify(asked),
  )
  return json
}

function payloadOf(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims
}

const now = (): number => Math.floor(Date.now() / 1000)
const meshToken = async (more: Claims = {}, secret = meshSecret): Promise<string> =>
  `Bearer ${await sign({ alg: 'HS256', secret }, claimsOf('prod', now(), more))}`
const userToken = async (secret: string): Promise<string> =>
  `Bearer ${await sign({ alg: 'HS256', secret }, { sub: 'someone', exp: now() + 300 })}`
const basic = (password: string): string => `Basic ${Buffer.from(`user:${password}`).toString('base64')}`

type Expected = readonly [result: Explanation['outcome']['result'], status: number | null, code?: string]

const rows: readonly (readonly [what: string, asked: () => Promise<Asked> | Asked, expected: Expected])[] = [
  ['nothing is there', () => ({ path: '/nowhere' }), ['refused', 404, 'route/none']],
  ['a path that can be read twice', () => ({ path: '/open/../own' }), ['refused', 400, 'request/path']],
  ['an encoded dot segment', () => ({ path: '/open/%2e%2e/own' }), ['refused', 400, 'request/path']],
  ['a path behind a mesh, read otherwise', () => ({ path: '//own/x' }), ['refused', 400, 'request/path']],
  ['no valid host', () => ({ path: '/open', host: 'a b' }), ['refused', 400, 'request/host']],
  ['an open endpoint', () => ({ path: '/open/x?name=value' }), ['forwarded', null]],
  ['an open endpoint, its slash kept', () => ({ path: '/open/' }), ['forwarded', null]],
  ['another method', () => ({ path: '/open', method: 'DELETE' }), ['refused', 405, 'route/method']],
  ['the longer prefix', () => ({ path: '/open/deep/x', method: 'DELETE' }), ['forwarded', null]],
  ['plain text where https is forced', () => ({ path: '/open', network: 'forced' }), ['redirected', 301]],
  ['a pipeline of another network', () => ({ path: '/rules', network: 'inner' }), ['refused', 404, 'route/none']],
  ['a guarded path without a token', () => ({ path: '/own/x' }), ['refused', 403, 'mesh/required']],
  [
    'a guarded path with a token',
    async () => ({ path: '/own/x', headers: [['authorization', await meshToken()]] }),
    ['forwarded', null],
  ],
  [
    'an ingress of mode mesh without a token',
    () => ({ host: 'members.test', path: '/in/x' }),
    ['refused', 403, 'mesh/required'],
  ],
  [
    'an ingress of mode mesh with a token',
    async () => ({ host: 'members.test', path: '/in/x', headers: [['authorization', await meshToken()]] }),
    ['forwarded', null],
  ],
  [
    'an ingress of mode mesh with an expired token',
    async () => ({
      host: 'members.test',
      path: '/in',
      headers: [['authorization', await meshToken({ exp: now() - 60 })]],
    }),
    ['refused', 403, 'mesh/required'],
  ],
  [
    'an ingress of mode mesh with a token of somebody else',
    async () => ({
      host: 'members.test',
      path: '/in',
      headers: [['authorization', await meshToken({}, forgedSecret)]],
    }),
    ['refused', 403, 'mesh/required'],
  ],
  [
    'an ingress of mode mesh with two tokens',
    async () => ({
      host: 'members.test',
      path: '/in',
      headers: [
        ['authorization', await meshToken()],
        ['authorization', await meshToken()],
      ],
    }),
    ['refused', 403, 'mesh/required'],
  ],
  [
    'an ingress that no enabled mesh lists',
    async () => ({ host: 'lonely.test', path: '/in', headers: [['authorization', await meshToken()]] }),
    ['refused', 403, 'mesh/required'],
  ],
  ['an ingress of mode default', () => ({ host: 'mixed.test', path: '/in/deeper/x' }), ['forwarded', null]],
  [
    'an ingress of mode default with a bad token',
    async () => ({ host: 'MIXED.test.', path: '/in/x', headers: [['authorization', await meshToken({ iss: 'x' })]] }),
    ['forwarded', null],
  ],
  ['an ingress of another port', () => ({ host: 'ported.test', path: '/in' }), ['refused', 404, 'route/none']],
  ['an ingress of the port', () => ({ host: 'ported.test:4321', path: '/in' }), ['forwarded', null]],
  ['a disabled ingress', () => ({ host: 'off.test', path: '/in' }), ['refused', 404, 'route/none']],
  ['a policy that allows', () => ({ path: '/rules/x' }), ['forwarded', null]],
  ['no rule that allows', () => ({ path: '/rules', method: 'PUT' }), ['refused', 403, 'policy/denied']],
  ['a rule that denies', () => ({ path: '/rules', headers: [['x-bad', 'no']] }), ['refused', 403, 'policy/denied']],
  ['a rule of the query', () => ({ path: '/rules?drop=1' }), ['refused', 403, 'policy/denied']],
  ['no credentials', () => ({ path: '/locked/a/x' }), ['refused', 401, 'auth/missing']],
  [
    'a wrong password',
    () => ({ path: '/locked/a/x', headers: [['authorization', basic('no')]] }),
    ['refused', 401, 'auth/invalid'],
  ],
  [
    'a filtered path',
    () => ({ path: '/locked/b/x', headers: [['authorization', basic(planted.password)]] }),
    ['refused', 404, 'path-filter/denied'],
  ],
  [
    'a path that passes the filter',
    () => ({ path: '/locked/a/x', headers: [['authorization', basic(planted.password)]] }),
    ['forwarded', null],
  ],
  [
    'a bearer token',
    async () => ({ path: '/bearer', headers: [['authorization', await userToken(planted.jwt)]] }),
    ['answered', 200],
  ],
  [
    'a bearer token of somebody else',
    async () => ({ path: '/bearer', headers: [['authorization', await userToken(forgedSecret)]] }),
    ['refused', 401, 'auth/invalid'],
  ],
  ['an egress that wants context', () => ({ path: '/out/x' }), ['refused', 403, 'mesh/egress-context']],
  [
    'an egress that gets context',
    async () => ({ host: 'out.test', path: '/x', headers: [['authorization', await meshToken()]] }),
    ['forwarded', null],
  ],
  ['an egress that signs', () => ({ path: '/signed/x?a=b' }), ['forwarded', null]],
  ['an echo', () => ({ path: '/echo/x' }), ['answered', 200]],
  [
    'an echo of content',
    () => ({ path: '/echo', method: 'POST', headers: [['content-length', '5']] }),
    ['answered', 200],
  ],
  ['no backend', () => ({ path: '/empty' }), ['answered', 200]],
  ['a disabled target', () => ({ path: '/away' }), ['refused', 503, 'backend/disabled']],
  [
    'content over the limit',
    () => ({ path: '/open', method: 'POST', headers: [['content-length', '2001']] }),
    ['refused', 413, 'body/too-large'],
  ],
  [
    'a target over the limit',
    () => ({ path: `/open/${'x'.repeat(2000)}` }),
    ['refused', 414, 'request/target-too-long'],
  ],
  [
    'more fields than the limit',
    () => ({ path: '/open', headers: Array.from({ length: 21 }, (_, at) => [`x-${at}`, 'v'] as const) }),
    ['refused', 431, 'request/head-too-large'],
  ],
  ['a study', () => ({ path: '/dicom/studies/1' }), ['forwarded', null]],
  ['no such study', () => ({ path: '/dicom/patients' }), ['refused', 404, 'route/none']],
  ['the other methods of studies', () => ({ path: '/dicom/studies', method: 'OPTIONS' }), ['answered', 200]],
  ['the management', () => ({ path: '/admin/info', network: 'inner' }), ['answered', 200]],
  [
    'a page that it lacks',
    () => ({ path: '/admin/nothing', network: 'inner' }),
    ['refused', 404, 'management/not-found'],
  ],
  [
    'a reload without the token',
    () => ({ path: '/api/reload', method: 'POST', network: 'inner' }),
    ['refused', 401, 'auth/missing'],
  ],
]

for (const [what, asked, [result, status, code]] of rows) {
  test(`${what}: ${result} ${status ?? ''}`, async () => {
    const { outcome } = await compare(await asked())
    assert.equal([outcome.result, outcome.status, outcome.code], [result, status, code ?? null])
    assert.is(outcome.certain, true)
  })
}

test('a reload is not done by explaining it', async () => {
  const headers = [['authorization', `Bearer ${planted.operator}`]] as const
  const { json } = await explained({ path: '/api/reload', method: 'POST', network: 'inner', headers })
  assert.equal([json.outcome.result, json.outcome.status], ['answered', 200])
  assert.ok(json.notes.some((note) => note.includes('not done here')))
  assert.is(gateway.lines.filter((line) => line['event'] === 'reload').length, 0)
})

test('whatever is asked, explain and the gateway agree', async () => {
  const tokens = [undefined, await meshToken(), await meshToken({ exp: 1 }), basic(planted.password), 'Bearer x.y.z']
  const segment = fc.constantFrom(
    'in',
    'open',
    'deep',
    'deeper',
    'own',
    'rules',
    'locked',
    'a',
    'out',
    'signed',
    'dicom',
    'studies',
    'echo',
    '',
    'x',
    ';v=1',
    'own;v',
    '%6fwn',
    '%2e',
    '%2f',
    'x%2f..',
    '%5c',
    '%',
    '..',
    'é',
  )
  const asked = fc.record({
    host: fc.constantFrom('any.test', 'members.test', 'mixed.test', 'out.test', 'off.test', 'ported.test:4321', 'a..b'),
    method: fc.constantFrom('GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE'),
    segments: fc.array(segment, { minLength: 1, maxLength: 4 }),
    query: fc.constantFrom('', '?', '?drop', '?q=1'),
    token: fc.constantFrom(...tokens),
    bad: fc.boolean(),
    network: fc.constantFrom('edge', 'edge', 'edge', 'inner', 'forced'),
  })
  await fc.assert(
    fc.asyncProperty(asked, async ({ host, method, segments, query, token, bad, network }) => {
      await compare({
        host,
        method,
        network,
        path: `/${segments.join('/').replaceAll('é', '%C3%A9')}${query}`,
        headers: [
          ...(token === undefined ? [] : [['authorization', token] as const]),
          ...(bad ? [['x-bad', 'no'] as const] : []),
        ],
      })
    }),
    { numRuns: 300 },
  )
})

test.run()
