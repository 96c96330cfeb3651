// Two `harmony serve` processes, as two organisations run them: only members of the mesh get in.
import { Agent, request as https } from 'node:https'
import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { aioquic, curl, goquic } from '../peers/index.ts'
import type { Client, Version } from '../peers/index.ts'
import { startOrganisations } from '../support/organisations.ts'
import type { Organisations } from '../support/organisations.ts'
import { harmony } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('two organisations')
let both: Organisations
test.before(async () => {
  both = await startOrganisations()
})
test.after(async () => both.close())

const into: { client: Client; http: Version; url: () => string }[] = [
  { client: curl, http: 'h1', url: () => `http://127.0.0.1:${both.ports.plain}` },
  { client: curl, http: 'h2', url: () => `https://localhost:${both.ports.tls}` },
  { client: aioquic, http: 'h3', url: () => `https://localhost:${both.ports.tls}` },
  { client: goquic, http: 'h3', url: () => `https://localhost:${both.ports.tls}` },
]

for (const { client, http, url } of into)
  test(
    `${client.name} calls A over ${http}, A calls B's mesh-only ingress over HTTP/3, and the origin's bytes come back`,
    async () => {
      const before = both.origin.arrived.length
      const answer = await client.ask({ url: `${url()}/partner/Patient?_id=1`, http, ca: both.authority.ca })
      assert.is(answer.status, 200)
      assert.is(answer.text, 'origin')
      assert.is(both.origin.arrived.length, before + 1)
      assert.is(both.origin.arrived.at(-1)?.target, '/Patient?_id=1')
      const id = answer.headers.find(([name]) => name === 'x-request-id')?.[1]
      const line = await both.a.line(
        (one) => one['requestId'] === id && one['event'] === 'access',
        'the access line of A',
      )
      assert.is(line['protocolOut'], 'HTTP/3')
      assert.is(line['mesh'], undefined)
      assert.is(line['signedFor'], 'prod')
    },
    { skip: client.missing(http) },
  )

/** Asks B directly. */
const direct = async (
  headers: Record<string, string>,
  path = '/fhir/Patient',
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const asked = https(
      {
        host: 'localhost',
        port: both.ports.b,
        path,
        headers,
        ca: readFileSync(both.authority.ca),
        agent: new Agent({ keepAlive: false }),
        lookup: (_name, options, callback) =>
          options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      },
    )
    asked.on('error', reject).end()
  })

test('straight at B without a token: 403, and the origin sees nothing', async () => {
  const before = both.origin.arrived.length
  const { status, text } = await direct({})
  assert.is(status, 403)
  assert.is(JSON.parse(text).error, 'mesh/required')
  assert.is(both.origin.arrived.length, before)
})

for (const path of [
  '/internal/Patient',
  '/%66hir/Patient',
  '/fhir//Patient',
  '//fhir/Patient',
  '/FHIR/Patient',
  '/fhir',
])
  test(`without a token, ${path} does not reach B's origin either`, async () => {
    const before = both.origin.arrived.length
    const { status } = await direct({}, path)
    assert.ok([400, 403, 404].includes(status), `status ${status}`)
    assert.is(both.origin.arrived.length, before)
  })

test('a token of harmony token opens B, and never reaches the origin', async () => {
  const minted = await harmony(['token', '--mesh', 'prod', '-c', both.a.project.config], {
    env: { ...both.env },
  })
  assert.is(minted.code, 0, minted.stderr)
  const token = minted.stdout.trim()
  const { status } = await direct({ authorization: `Bearer ${token}` })
  assert.is(status, 200)
  const seen = both.origin.arrived.at(-1)
  assert.is(
    seen?.headers.some(([, value]) => value.includes(token)),
    false,
  )
})

test('the application’s own Authorization arrives byte for byte', async () => {
  const own = 'Basic YWxhZGRpbjpvcGVuc2VzYW1l== , odd="\u00e9"'
  const answer = await fetch(`http://127.0.0.1:${both.ports.plain}/partner/x`, { headers: { authorization: own } })
  assert.is(answer.status, 200)
  const fields = both.origin.arrived.at(-1)?.headers.filter(([name]) => name === 'authorization')
  assert.equal(fields, [['authorization', own]])
})

test('a carried Authorization that came from outside is removed', async () => {
  const forged = { 'harmony-forwarded-authorization': 'Bearer forged' }
  const answer = await fetch(`http://127.0.0.1:${both.ports.plain}/partner/x`, { headers: forged })
  assert.is(answer.status, 200)
  const seen = both.origin.arrived.at(-1)?.headers ?? []
  assert.is(
    seen.some(([name, value]) => name === 'harmony-forwarded-authorization' || value.includes('forged')),
    false,
  )
})

test.run()
