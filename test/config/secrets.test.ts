// No finding shows a secret: not in its message, not in its help, not in the line of the file that is shown with it.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { looksSecret } from '../../core/config/mask.ts'
import { renderFindings } from '../../core/finding/render.ts'
import { suite } from '../support/suite.ts'
import { read } from './project.ts'

const test = suite('secrets in findings')
const planted = 'hunter2hunter2'

/** All that could be printed of a configuration, and how many findings that is. */
async function printed(text: string, env: Record<string, string> = {}): Promise<{ text: string; count: number }> {
  const { findings } = await read({ 'config.toml': text }, env)
  return { text: renderFindings(findings, 1) + JSON.stringify(findings), count: findings.length }
}

/** Fails unless something was found and nothing of it shows what was planted. */
async function hides(text: string, env: Record<string, string> = {}): Promise<void> {
  const found = await printed(text, env)
  assert.ok(found.count > 0, `nothing was found in ${text}`)
  assert.not.ok(found.text.includes(planted), `${text}\n${found.text}`)
}

test('values of keys that hold secrets are never shown, whatever is wrong with them or beside them', async () => {
  for (const key of ['jwt_secret', 'previous_jwt_secret', 'password', 'token', 'api_key', 'x-api-key', 'credentials']) {
    await hides(`[mesh.m]\ntype = "http"\nprovider = "local"\nzzz = { "${key}" = "${planted}" }\n`)
    await hides(`[mesh.m]\nunknown = { a = 1, ${key} = "${planted}" }\n`)
    await hides(`[mesh.m]\n${key} = ["${planted}"]\n`)
    await hides(`[mesh.m]\n${key} = { a = "${planted}" }\n`)
    await hides(`[mesh.m]\n${key}.a.b = "${planted}"\n`)
    await hides(`[${key}]\nx = "${planted}"\ny = 1\n[network.${key}]\nx = 1\n`)
  }
})

test('a secret of several lines is hidden on each', async () => {
  await hides(`[mesh.m]\njwt_secret = ["""\n${planted}\n${planted}""",\n"${planted}"]\n`)
  await hides(`[mesh.m]\ntype = "x"\njwt_secret = """\n${planted}""" # ${planted}\n`)
})

test('a comment beside a secret, or about one, is hidden', async () => {
  await hides(`[mesh.m]\njwt_secret = 5 # was ${planted}\n`)
  await hides(`[mesh.m]\ntype = "x" # the secret is ${planted}\n`)
})

test('header fields and parameters are hidden when their name says so', async () => {
  await hides(
    `[rules.r]\ntype = "header"\n[rules.r.options]\nmode = "allow"\nheaders = [{ name = "x-api-key", value = "${planted}", zz = 1 }]\n`,
  )
  await hides(`[backends.b]\nservice = "http"\noptions.headers = { Authorization = "Bearer ${planted}", a = 5 }\n`)
  await hides(`[backends.b]\nservice = "http"\noptions.headers = { "X-Auth" = "${planted}", a = 5 }\n`)
})

test('credentials in URLs are hidden', async () => {
  await hides(`[remote_ingress.r]\nurls = "https://user:${planted}@h/"\n`)
  await hides(`[provider.p]\napi = "https://${planted}@h/"\npoll_interval_secs = "https://u:${planted}@h"\n`)
})

test('what a variable holds, and what stands in for it, are hidden', async () => {
  await hides('[network.a.tcp_config]\nbind_port = "${PORT}"\n', { PORT: planted })
  await hides('[logging]\nlog_level = "${LEVEL}"\n', { LEVEL: planted })
  await hides(`[logging]\nlog_level = "\${LEVEL:-${planted}}"\n`)
  await hides('[mesh.m]\ntype = "${T}"\nprovider = "local"\n', { T: planted })
})

test('what is wrong with TOML is shown without what could be a secret', async () => {
  for (const broken of [
    `jwt_secret = ${planted}`,
    `jwt_secret = "${planted}`,
    `jwt_secret = '${planted}" x`,
    `jwt_secret = "${planted}" "${planted}"`,
    `jwt_secret = ["${planted}" "${planted}"]`,
    `jwt_secret = [\n"${planted}"\n"${planted}"]`,
    `jwt_secret = [\n"a",\nx = "${planted}"\n]`,
    `jwt_secret = """\n${planted}\n[x]\n${planted} = ${planted}\n`,
    `jwt_secret = """\nx = ${planted} \\q"""`,
    `jwt_secret = "\\q${planted}"`,
    `jwt_secret =\n${planted}`,
    planted,
    `jwt_secret = { a = "${planted}" b = 1 }`,
    `a = { password = "${planted}" b = 1 }`,
    `a = 1 # the password is ${planted}\na = 2 # ${planted}`,
    `url = "https://u:${planted}@h/" x`,
    `jwt_secret = "${planted}"\njwt_secret = "${planted}"`,
  ])
    for (const text of [broken, `[mesh.m]\n${broken}\n`, `${broken}\r\n[x]\r\n`]) await hides(text)
})

test('what is not secret is shown', async () => {
  const { text } = await printed('[network.a.tcp_config]\nbind_address = "0.0.0.0"\nbind_port = 0.0.0.0 # public\n')
  assert.match(text, 'bind_port = 0.0.0.0')
  const other = await printed('[authentications.token-auth]\nmethod = "bearr" # for partners\n')
  assert.match(other.text, 'method = "bearr" # for partners')
})

test('keys that hold secrets are told from those that lead to them', () => {
  for (const key of [
    'jwt_secret',
    'PASSWORD',
    'apiKey',
    'x-token',
    'cookie',
    'private_key',
    'secret_access_key',
    'pwd',
  ])
    assert.ok(looksSecret(key), key)
  for (const key of ['key_path', 'jwt_private_key_path', 'previous_jwt_public_key_paths', 'token_path', 'monkey', 'id'])
    assert.not(looksSecret(key), key)
})

test('wherever a secret is planted, it is not shown', async () => {
  const key = fc.constantFrom('jwt_secret', 'password', 'token', 'hs256_secret', 'x_api_key', 'credentials')
  const value = fc.constantFrom(
    `"${planted}"`,
    `'${planted}'`,
    `"""\n${planted}"""`,
    `["a", "${planted}"]`,
    `{ a = "${planted}" }`,
    `[[{ b = '''\n${planted}\n''' }]]`,
    planted,
    `"${planted}`,
    `"${planted}" x`,
    `["${planted}"\n"${planted}"]`,
  )
  const other = fc.constantFrom(
    'type = 5',
    'urls = "x"',
    'zz = 1',
    '# note',
    '',
    '[mesh.n]',
    '[[x]]',
    'a = {',
    'b = 1 2',
  )
  const text = fc
    .tuple(fc.array(other), key, value, fc.array(other))
    .map(([before, name, planted, after]) => ['[mesh.m]', ...before, `${name} = ${planted}`, ...after].join('\n'))
  await fc.assert(
    fc.asyncProperty(text, async (config) => {
      const found = await printed(config)
      assert.not.ok(found.text.includes(planted), found.text)
    }),
    { numRuns: 300 },
  )
})

test.run()
