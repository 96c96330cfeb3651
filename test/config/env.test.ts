// Environment variables in values: what is replaced, by what, and what is said when there is nothing to replace it by.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { expand } from '../../core/config/env.ts'
import { suite } from '../support/suite.ts'
import { read, readWell } from './project.ts'

const test = suite('environment variables')

const value = (text: string, env: Record<string, string> = {}): string => expand(text, env)?.value ?? text

test('variables are replaced anywhere in a value', () => {
  const env = { A: '1', B_2: 'two', _c: '' }
  assert.is(value('${A}', env), '1')
  assert.is(value('x${A}y${B_2}z${A}', env), 'x1ytwoz1')
  assert.is(value('[${_c}]', env), '[]')
})

test('a default stands in for a variable that is absent or empty', () => {
  assert.is(value('${A:-b c}'), 'b c')
  assert.is(value('${A:-}'), '')
  assert.is(value('${A:-b}', { A: '' }), 'b')
  assert.is(value('${A:-b}', { A: 'a' }), 'a')
  assert.is(value('${A:-http://x:1/}y', {}), 'http://x:1/y')
})

test('two dollars stand for one, and what follows is not a variable', () => {
  assert.is(value('$${A}', { A: '1' }), '${A}')
  assert.is(value('$$${A}', { A: '1' }), '$${A}')
  assert.is(value('$A $$A {A}', { A: '1' }), '$A $$A {A}')
})

test('what a variable holds is not looked at again', () => {
  assert.is(value('${A}', { A: '${B}', B: 'b' }), '${B}')
  assert.is(value('${A}', { A: '$${B}' }), '$${B}')
})

test('properties of objects are not variables', () => {
  assert.equal(expand('${constructor} ${toString} ${__proto__}', {})?.unset, ['constructor', 'toString', '__proto__'])
})

test('whatever the text is, it is replaced in time, and text without "${" is left alone', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', ':', '-', 'A', '1', ' ') }), (text) => {
      const found = expand(text, { A: 'a' })
      if (text.includes('${')) assert.type(found?.value, 'string')
      else assert.is(found, undefined)
    }),
  )
  const long = '${A:-'.repeat(200_000)
  assert.is(expand(long, {})?.malformed, true)
})

test('numbers, true and false, words and items of lists may be variables', async () => {
  const text = `
    [proxy]
    id = "\${ID}"
    trusted_proxies = ["\${NET}", "::1"]
    [proxy.content_limits]
    max_body_size = "\${SIZE}"
    [logging]
    log_level = "\${LEVEL}"
    log_paths = "\${PATHS}"
    [network.public.http]
    bind_port = "\${PORT:-9000}"`
  const raw = await readWell(text, { ID: 'gw', NET: '10.0.0.0/8', SIZE: ' 4096 ', LEVEL: 'debug', PATHS: 'true' })
  assert.is(raw.proxy?.value.id, 'gw')
  assert.equal(raw.proxy?.value.trusted_proxies, ['10.0.0.0/8', '::1'])
  assert.is(raw.proxy?.value.content_limits.max_body_size, 4096)
  assert.is(raw.logging?.value.log_level, 'debug')
  assert.is(raw.logging?.value.log_paths, true)
  assert.is(raw.all('network')[0]?.value.tcp_config?.bind_port, 9000)
})

test('text without a variable is not made a number', async () => {
  const { lines, findings } = await read('[network.public.tcp_config]\nbind_port = "8080"\n')
  assert.equal(lines, ['value/type: network.public.tcp_config.bind_port is "8080": must be an integer'])
  assert.is(findings[0]?.help, 'numbers stand without quotes: 8080')
})

test('a variable with a wrong value is shown by its name, not by what it holds', async () => {
  const text = '[network.public.tcp_config]\nbind_port = "${PORT}"\n[logging]\nlog_level = "${LEVEL}"\n'
  const { lines } = await read(text, { PORT: 'planted-1', LEVEL: 'planted-2' })
  assert.equal(lines, [
    'value/type: network.public.tcp_config.bind_port is "${PORT}": must be an integer',
    'value/enum: logging.log_level is "${LEVEL}": must be "trace", "debug", "info", "warn" or "error"',
  ])
  const range = await read('[network.public.tcp_config]\nbind_port = "${PORT}"\n', { PORT: '70000' })
  assert.equal(range.lines, ['value/range: network.public.tcp_config.bind_port is "${PORT}": must be 1 to 65535'])
})

test('a variable that is not set is an error with file and key, and no other is made of it', async () => {
  const { findings, lines, raw } = await read({
    'config.toml': '[proxy]\nid = "gw"\n',
    'pipelines/a.toml': '[backends.a]\nservice = "http"\nconnection.host = "${HOST}.${ZONE}"\n',
  })
  assert.equal(lines, [
    'env/unset: backends.a.connection.host needs the environment variable HOST, which is not set',
    'env/unset: backends.a.connection.host needs the environment variable ZONE, which is not set',
  ])
  const [first] = findings
  assert.equal([first?.file, first?.line, first?.column], ['pipelines/a.toml', 3, 19])
  assert.is(first?.help, 'set it, or give a default: ${HOST:-VALUE}')
  assert.equal(raw?.all('backends')[0]?.value.connection, {})
})

test('a table whose required value is a variable that is not set is left out without a second finding', async () => {
  const { lines, raw } = await read('[backends.a]\nservice = "${SERVICE}"\n')
  assert.equal(lines, ['env/unset: backends.a.service needs the environment variable SERVICE, which is not set'])
  assert.is(raw?.find('backends', 'a', 'config.toml'), undefined)
  assert.is(raw?.broken('backends', 'a'), true)
})

test('a "${" that starts nothing is a warning, and the text is kept', async () => {
  const { findings, raw } = await read('[targets.a]\ndescription = "${not closed"\nconnection.host = "h"\n')
  assert.equal(
    findings.map(({ code, severity }) => [code, severity]),
    [['env/malformed', 'warning']],
  )
  assert.is(raw?.all('targets')[0]?.value.description, '${not closed')
})

test('keys are not variables', async () => {
  const { lines } = await read('[network."${NAME}".tcp_config]\nbind_port = 1\n', { NAME: 'x' })
  assert.match(lines.join(), /^name\/form: network."\$\{NAME\}" has a name that is not allowed/)
})

test('required variables must be set and not empty, and each that is not is found', async () => {
  const text = '[proxy]\nid = "gw"\nrequired_env_vars = ["A", "B", "C", "toString"]\n'
  const { findings } = await read(text, { A: 'x', B: '' })
  assert.equal(
    findings.map(({ message, column }) => `${column}: ${message}`),
    [
      '27: the environment variable B is empty, and the configuration requires it',
      '32: the environment variable C is not set, and the configuration requires it',
      '37: the environment variable toString is not set, and the configuration requires it',
    ],
  )
})

test.run()
