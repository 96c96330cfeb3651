// No finding shows what a variable stands for, whichever step finds the fault: reading, building, checking.
import * as fc from 'fast-check'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { loadConfig } from '../../core/config/load.ts'
import { veil } from '../../core/config/veil.ts'
import { renderFindings } from '../../core/finding/render.ts'
import { suite } from '../support/suite.ts'
import { write } from './project.ts'

const test = suite('variables in findings')
const planted = 'Hunter2/"hunter2\\'

const main = `
[proxy]
id = "gateway"
[network.n]
tcp_config = { bind_address = "127.0.0.1", bind_port = 18080 }
[management]
enabled = true
network = "n"
base_path = "x/../$"
`
const pipeline = `
[pipelines.p]
networks = ["n", "$"]
endpoints = ["e", "$"]
backends = ["b", "$"]
middleware = { left = ["policy", "$"] }
mesh.ingress.i = { type = "http", urls = ["$", "https://$/"], endpoint = "$" }
[endpoints.e]
service = "$"
options.path_prefix = "$"
[backends.b]
service = "http"
connection = { host = "$", port = 1, base_path = "$" }
options.headers = { a = "$\\n" }
[middleware.policy]
type = "policies"
options = { policies = ["known", "$"] }
[policies.known]
name = "known"
rules = ["agent", "address", "time", "$"]
[rules.agent]
name = "agent"
type = "user_agent"
options = { patterns = ["$("], mode = "deny" }
[rules.address]
name = "address"
type = "ip_allow"
options = { ip_addresses = ["$"] }
[rules.time]
name = "time"
type = "time_based"
options = { timezone = "$", allow_during_window = true }
[middleware.filter]
type = "path_filter"
options = { rules = ["allow(\\"$/{\\")", "$"] }
[middleware.jwt]
type = "jwt_auth"
options = { public_key_path = "$" }
[mesh.m]
type = "http"
provider = "$"
jwt_secret = "$"
ingress = ["i", "$"]
egress = ["$"]
`

const load = async (form: string): Promise<{ text: string; count: number }> => {
  const files = { 'config.toml': main, 'pipelines/p.toml': pipeline }
  const folder = write(
    Object.fromEntries(Object.entries(files).map(([name, text]) => [name, text.replaceAll('$', () => form)])),
  )
  const { findings } = await loadConfig({
    file: join(folder, 'config.toml'),
    env: { SECRET: planted, PART: planted.slice(0, 12) },
    cwd: folder,
    now: Date.now(),
  })
  return { text: renderFindings(findings, 2) + JSON.stringify(findings), count: findings.length }
}

for (const [what, form] of [
  ['alone', '${SECRET}'],
  ['within other text', 'a${SECRET}b'],
  ['where the text is too long to be shown', `${'a'.repeat(62)}\${SECRET}`],
] as const)
  test(`a variable that is written wherever one may be is not shown, ${what}`, async () => {
    const { text, count } = await load(form)
    assert.ok(count > 15, `${count} findings`)
    assert.match(text, '${SECRET}')
    // however it is spelled
    assert.not.match(text.toLowerCase(), /hunter2/)
  })

test('whatever a variable holds, a message is itself again but for that', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ minLength: 8 }), fc.string(), (before, value, after) => {
      const core = value.replace(/^[\s/]+|[\s/]+$/g, '')
      fc.pre(core.length >= 8)
      const shown = veil(new Map([[value, '${V}']]))(`${before}${core}${after}`)
      assert.ok(shown.includes('${V}'))
      assert.not.ok(shown.toLowerCase().includes(core.toLowerCase()) && !core.includes('${V}'))
    }),
  )
})

test('what only begins alike is left, and so are short values', () => {
  const over = veil(
    new Map([
      ['https://a.example/secret', '${URL}'],
      ['80', '${PORT}'],
      ['/etc/harmony/key.pem', '${KEY}'],
    ]),
  )
  assert.is(over('https://b.example/ port 80'), 'https://b.example/ port 80')
  assert.is(over('"https://a.exam..." is cut'), '"${URL}..." is cut')
  assert.is(over('names /etc/harmony/key.pem, which'), 'names ${KEY}, which')
  assert.is(over('HTTPS://A.example/secret/x'), '${URL}/x')
})

test.run()
