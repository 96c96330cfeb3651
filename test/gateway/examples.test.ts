// The examples are what they say: each checks without a finding, and the two organisations talk as their README shows.
import { globSync, readFileSync } from 'node:fs'
import { request as https } from 'node:https'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { loadConfig } from '../../core/config/load.ts'
import { authority } from '../peers/certificate.ts'
import { onFreePorts } from '../peers/process.ts'
import { harmony, project, serve } from '../support/serve.ts'
import type { Project } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('examples')
const folder = join(import.meta.dirname, '../../examples')
const made = authority()
const issued = made.issue('localhost', { days: 90 })
const secrets = {
  MESH_SECRET: 'a secret for examples with more than thirty-two characters',
  MESH_JWT_SECRET: 'another secret for examples with more than thirty-two characters',
  RECORDS_TOKEN: 'none',
  TLS_CERT: issued.chain,
  TLS_KEY: issued.key,
  TLS_CA: made.ca,
}

const mains = globSync('**/config.toml', { cwd: folder }).toSorted()

test('there are examples', () => {
  assert.equal(mains, ['healthcare/config.toml', 'two-organisations/a/config.toml', 'two-organisations/b/config.toml'])
})

for (const main of mains)
  test(`${main} checks without a finding`, async () => {
    const loaded = await loadConfig({ file: join(folder, main), env: secrets, cwd: folder, now: Date.now() })
    // the authority of the tests ends within thirty days
    assert.equal(
      loaded.findings.filter(({ code }) => code !== 'tls/ends-soon'),
      [],
    )
    assert.ok(loaded.config)
  })

/** A copy of an example in a folder of its own. */
function copied(example: string): Project {
  const from = join(folder, example)
  const files = globSync('**/*.toml', { cwd: from })
  return project(Object.fromEntries(files.map((file) => [file, readFileSync(join(from, file), 'utf8')])))
}

/** The status that B answers by itself. */
async function direct(port: number, headers: Record<string, string>): Promise<number | undefined> {
  const options = {
    host: '127.0.0.1',
    servername: 'localhost',
    port,
    path: '/fhir/Patient/1',
    ca: readFileSync(made.ca),
  }
  return new Promise((resolve, reject) => {
    const asked = https(
      { ...options, headers: { host: `localhost:${port}`, ...headers }, agent: false },
      (response) => {
        response.resume().once('end', () => resolve(response.statusCode))
      },
    )
    asked.once('error', reject).end()
  })
}

test('the two organisations answer as their README says', async () =>
  onFreePorts(3, async ([plain = 0, admin = 0, edge = 0]) => {
    const env = { ...secrets, A_PORT: String(plain), A_ADMIN_PORT: String(admin), B_PORT: String(edge) }
    const b = await serve(copied('two-organisations/b'), { env })
    const files = copied('two-organisations/a')
    const a = await serve(files, { env })
    try {
      const through = await fetch(`http://127.0.0.1:${plain}/partner/Patient/1?_format=json`, {
        headers: { authorization: 'Basic YXBwOnBhc3N3b3Jk' },
      })
      assert.is(through.status, 200)
      // what the echo service answers
      const echoed = (await through.json()) as { full_path: string; headers: Record<string, string> }
      assert.is(echoed.full_path, '/fhir/Patient/1?_format=json')
      assert.is(echoed.headers['authorization'], 'Basic YXBwOnBhc3N3b3Jk')
      const out = await a.line((line) => line['event'] === 'access', 'the access line of A')
      assert.equal([out['protocolOut'], out['signedFor']], ['HTTP/3', 'partners'])
      const came = await b.line((line) => line['event'] === 'access', 'the access line of B')
      assert.equal([came['mesh'], came['sub']], ['partners', 'gateway-a'])

      assert.is(await direct(edge, {}), 403)
      const { stdout } = await harmony(['token', '--mesh', 'partners', '-c', files.config], { env })
      assert.is(await direct(edge, { authorization: `Bearer ${stdout.trim()}` }), 200)

      for (const path of ['/admin/config/status', '/admin/metrics', '/health'])
        assert.is((await fetch(`http://127.0.0.1:${admin}${path}`)).status, 200, path)
    } finally {
      await Promise.all([a.stop(), b.stop()])
    }
  }))

test.run()
