// What is made from the schema: the page on every field, and the JSON Schema for editors.
import { parse } from 'smol-toml'
import * as assert from 'uvu/assert'
import { configJsonSchema } from '../../core/config/jsonschema.ts'
import { configReference } from '../../core/config/reference.ts'
import { schemas } from '../../core/config/schema/index.ts'
import { shapeOf } from '../../core/config/schema/shape.ts'
import type { Shape } from '../../core/config/schema/shape.ts'
import { text } from '../arch/tree.ts'
import { suite } from '../support/suite.ts'
import { accepts } from './accepts.ts'

const test = suite('the reference')

test('docs/configuration.md is what the schema makes of it: npm run docs', () => {
  assert.is(text('docs/configuration.md'), configReference())
})

/** Every field of every table, by its name alone, with what is known of it. */
function* everyField(shape: Shape): Generator<[string, Shape]> {
  if (shape.kind === 'table')
    for (const [key, field] of shape.fields) {
      yield [key, field.shape]
      yield* everyField(field.shape)
    }
  else if (shape.kind === 'list' || shape.kind === 'named') yield* everyField(shape.item)
  else if (shape.kind === 'either') for (const option of shape.options) yield* everyField(option)
  else if (shape.kind === 'variant') for (const option of shape.options.values()) yield* everyField(option)
}

test('every field is on the page, and says what it means', () => {
  const page = configReference()
  for (const [section, schema] of Object.entries(schemas))
    for (const [key, shape] of everyField(shapeOf(schema))) {
      assert.match(page, new RegExp(`\`(?:[\\w.<>\\[\\]]+\\.)?${key}\``), `${section}: ${key}`)
      assert.match(shape.meaning, /^[A-Z`].*[.]$|^Now /, `${section}: ${key} has no meaning: ${shape.meaning}`)
    }
})

test("Harmony's own fields are marked, on the page and for editors", () => {
  const own = [
    'trusted_proxies',
    'content_limits.max_head_bytes',
    'content_limits.max_fields',
    'content_limits.max_target_bytes',
    'limits.max_connections',
    'limits.max_connections_per_address',
    'limits.max_streams',
    'connection.fallback',
    'connection.idle_timeout_secs',
    'connection.connect_timeout_secs',
    'leeway_secs',
    'previous_jwt_secret',
    'previous_jwt_public_key_paths',
    'verify_audience',
    'mesh.ingress.<name>.enforce',
    'token',
    'log_paths',
  ]
  const page = configReference()
  for (const name of own)
    assert.match(page, new RegExp(`^\\| \`${name.replace(/[.<>]/g, '\\$&')}\` \\|.*\\*Harmony\\* \\|$`, 'm'), name)
  assert.match(JSON.stringify(configJsonSchema()), /believed\. \(Harmony\)/)
})

const accepted = [
  '[proxy]\nid = "a"\nlog_level = "debug"\ncontent_limits.max_body_size = 4096\n',
  '[network.a.http]\nbind_port = "${PORT}"\nforce_https = "${FORCE}"\n',
  '[network.a.tcp_config]\nbind_port = 65535\n[network.a.limits]\nmax_streams = 5\n',
  '[logging]\nlog_level = "${LEVEL:-info}"\n',
  '[targets.a]\nurl = "http://h"\n[peers.b]\ntype = "http3"\nconnection = { host = "h", protocol = "http3" }\n',
  '[endpoints.a]\nservice = "dimse"\noptions.aet = "X"\n',
  '[backends.a]\nservice = "http"\noptions = { url = "http://h", authentication_ref = "x", headers = { "X-A" = "1" } }\n',
  '[middleware.a]\ntype = "json"\n[middleware.b]\ntype = "passthru"\nany = 1\noptions.thing = 2\n',
  '[middleware.a]\ntype = "jwtauth"\nleeway_seconds = 5\n[middleware.b]\ntype = "transform"\nspec_path = "x"\n',
  '[middleware.a]\ntype = "policies"\noptions.policies = ["a", { rules = ["b", { type = "deny_all" }] }]\n',
  '[rules.a]\ntype = "allow_all"\n[rules.b]\ntype = "ip_deny"\noptions.ip_addresses = ["10.0.0.0/8"]\n',
  '[pipelines.a]\nnetworks = ["a"]\nendpoints = ["b"]\nmiddleware = { left = ["x"] }\nmesh.ingress."a.b" = { type = "http", urls = ["u"] }\n',
  '[runbeam]\nenabled = true\n[provider.x]\napi = "http://h"\n',
]

const refused = [
  '[proxy]\nidd = "a"\n',
  '[netwrok]\n',
  '[network.a]\nhttps = {}\n',
  '[network.A]\n',
  '[network.a.tcp_config]\nbind_port = 70000\n',
  '[network.a.tcp_config]\nbind_port = "8080"\n',
  '[logging]\nlog_level = "loud"\n',
  '[mesh.a]\ntype = "http"\n',
  '[rules.a]\ntype = "ip_alow"\n',
  '[rules.a]\ntype = "ip_deny"\n',
  '[middleware.a]\ntype = "transform"\n',
  '[middleware.a]\ntype = "log_dump"\nlable = "x"\n',
  '[middleware.a]\ntype = "log_dump"\noptions.lable = "x"\n',
  '[remote_ingress.a]\nurls = []\n',
  '[endpoints.a]\noptions.path_prefix = "/"\n',
]

test('the JSON Schema accepts what the loader accepts, other spellings and variables too', () => {
  const schema = configJsonSchema()
  for (const example of accepted) assert.equal(accepts(schema, plain(example)), true, example)
})

test('the JSON Schema refuses what the loader finds', () => {
  const schema = configJsonSchema()
  for (const example of refused) assert.equal(accepts(schema, plain(example)), false, example)
})

test('the JSON Schema is draft 7, and says nothing that only this program understands', () => {
  const schema = configJsonSchema()
  assert.is(schema.$schema, 'http://json-schema.org/draft-07/schema#')
  const keywords = new Set<string>()
  collect(JSON.parse(JSON.stringify(schema)), keywords)
  for (const own of ['x-note', 'harmony', 'aliases', 'spellings', 'otherwise', 'needed', 'secret', 'names', '$defs'])
    assert.not(keywords.has(own), own)
})

/** As an editor hands it to a validator: plain JSON. */
function plain(toml: string): unknown {
  return JSON.parse(JSON.stringify(parse(toml)))
}

function collect(value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, each] of Object.entries(value)) {
    // Below these, keys are names of fields.
    if (key === 'properties' || key === 'patternProperties' || key === 'definitions')
      for (const inner of Object.values(Object(each))) collect(inner, found)
    else {
      found.add(key)
      if (key !== 'default') collect(each, found)
    }
  }
}

test.run()
