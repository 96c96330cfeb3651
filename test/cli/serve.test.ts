// harmony serve as a process: its start, its log, and what keeps it from starting.
import { spawn } from 'node:child_process'
import http from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { onFreePorts } from '../peers/process.ts'
import { authority } from '../peers/certificate.ts'
import { until, within } from '../support/deadline.ts'
import { harmony, project } from '../support/serve.ts'
import { suite } from '../support/suite.ts'
import { configuration, start, started, stopAll } from './service.ts'

const test = suite('harmony serve')

const main = join(import.meta.dirname, '../../cli/main.ts')

test.after.each(stopAll)

test('the ready line names every address and protocol', async () => {
  const made = authority()
  const issued = made.issue('localhost')
  await onFreePorts(2, async ([port = 0, tls = 0]) => {
    const more = ['tcp_config', 'http3']
      .map((table) => `[network.tls.${table}]\nbind_address = "127.0.0.1"\nbind_port = ${tls}\n`)
      .map((table) => `${table}cert_path = "${issued.chain}"\nkey_path = "${issued.key}"\n`)
      .join('\n')
    const served = await start(project({ 'config.toml': configuration(port, more) }))
    const ready = await served.line((line) => line['event'] === 'ready', 'ready')
    assert.equal(ready['listening'], [
      { network: 'plain', address: '127.0.0.1', port, protocols: ['http/1.1', 'h2'], tls: false },
      { network: 'tls', address: '127.0.0.1', port: tls, protocols: ['http/1.1', 'h2'], tls: true },
      { network: 'tls', address: '127.0.0.1', port: tls, protocols: ['h3'], tls: true },
    ])
    assert.match(String(ready['message']), `plain 127.0.0.1:${port} (http/1.1, h2, not encrypted)`)
    assert.match(String(ready['message']), `tls 127.0.0.1:${tls} (h3)`)
  })
})

test('the ready line is printed at every level, and nothing else at level error', async () => {
  const { served, url } = await started((port) => ({ 'config.toml': configuration(port) }), {
    args: ['--log-level', 'error'],
  })
  assert.is((await fetch(`${url}/echo`)).status, 200)
  assert.is(await served.stop(), 0)
  assert.equal(
    served.lines().map((line) => line['event']),
    ['ready'],
  )
})

test('the level of the configuration counts, and --log-level goes before it', async () => {
  const write = (port: number) => ({ 'config.toml': configuration(port, '[logging]\nlog_level = "error"\n') })
  const quiet = await started(write)
  assert.is((await fetch(`${quiet.url}/echo`)).status, 200)
  await quiet.served.stop()
  assert.is(
    quiet.served.lines().some((line) => line['event'] === 'access'),
    false,
  )
  const loud = await started(write, { args: ['--log-level', 'info'] })
  assert.is((await fetch(`${loud.url}/echo`)).status, 200)
  await loud.served.line((line) => line['event'] === 'access', 'the access line')
})

test('a request leaves one access line, without its query, its fields, its content and the rest of its path', async () => {
  const { served, url } = await started((port) => ({ 'config.toml': configuration(port) }))
  const answer = await fetch(`${url}/echo/planted?planted=planted`, {
    method: 'POST',
    body: 'planted',
    headers: { authorization: 'Bearer planted', cookie: 'planted=planted', 'x-other': 'planted' },
  })
  assert.is(answer.status, 200)
  const line = await served.line((one) => one['event'] === 'access', 'the access line')
  assert.is(line['method'], 'POST')
  assert.is(line['prefix'], '/echo')
  assert.is(line['status'], 200)
  assert.is(line['pipeline'], 'p')
  assert.is(line['requestId'], answer.headers.get('x-request-id'))
  await served.stop()
  assert.not.match(served.output(), 'planted')
})

test('with log_paths the path is there, and still no query', async () => {
  const { served, url } = await started((port) => ({
    'config.toml': configuration(port, '[logging]\nlog_paths = true\n'),
  }))
  await fetch(`${url}/echo/Patient/1?planted=1`)
  const line = await served.line((one) => one['event'] === 'access', 'the access line')
  assert.is(line['path'], '/echo/Patient/1')
  await served.stop()
  assert.not.match(served.output(), 'planted')
})

test('a configuration with errors: its findings on stderr, exit 1, nothing bound', async () => {
  await onFreePorts(1, async ([port = 0]) => {
    const files = project({ 'config.toml': configuration(port, '[mesh.x]\nprovider = "nowhere"\n') })
    const { code, stdout, stderr } = await harmony(['serve', '-c', files.config, '--log-level', 'error'])
    assert.is(code, 1)
    assert.match(stderr, /^error\[[\w/-]+\]: .*\n +--> config\.toml:\d+:\d+$/m)
    assert.match(stderr, 'error[config/invalid]')
    // a fatal error is in the log at every level
    const lines = stdout.trim().split('\n')
    assert.is(lines.length, 1)
    assert.is(JSON.parse(lines[0] ?? '').level, 'fatal')
    const server = createServer()
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
    server.close()
  })
})

test('a port that is taken: exit 1, and a message that names network, address and port', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  try {
    // it listens on TCP
    const { port } = taken.address() as AddressInfo
    const { code, stderr } = await harmony(['serve', '-c', project({ 'config.toml': configuration(port) }).config])
    assert.is(code, 1)
    assert.match(stderr, 'error[serve/bind]')
    for (const part of ['"plain"', '127.0.0.1', String(port)]) assert.match(stderr, part)
    assert.not.match(stderr, /^\s+at /m)
  } finally {
    taken.close()
  }
})

test('a stalled reader of the log stops neither requests nor the end', async () => {
  await onFreePorts(1, async ([port = 0]) => {
    const files = project({ 'config.toml': configuration(port) })
    const child = spawn(process.execPath, [main, 'serve', '-c', files.config], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
      const ask = async (): Promise<number> =>
        new Promise((resolve) => {
          http
            .get({ host: '127.0.0.1', port, path: '/echo', agent }, (response) => {
              response.resume().once('end', () => resolve(response.statusCode ?? 0))
            })
            .once('error', () => resolve(0))
        })
      await until(20_000, 'the first answer', async () => (await ask()) === 200)
      // each leaves a line: together more than any pipe holds
      const statuses = await within(20_000, 'a thousand answers', Promise.all(Array.from({ length: 1_000 }, ask)))
      assert.ok(statuses.every((status) => status === 200))
      agent.destroy()
      child.kill('SIGTERM')
      const code = await within(10_000, 'the end', new Promise((resolve) => child.once('exit', resolve)))
      assert.is(code, 0)
    } finally {
      child.kill('SIGKILL')
    }
  })
})

test('a reader of the log that leaves does not end the gateway', async () => {
  await onFreePorts(1, async ([port = 0]) => {
    const files = project({ 'config.toml': configuration(port) })
    const child = spawn(process.execPath, [main, 'serve', '-c', files.config], { stdio: ['ignore', 'pipe', 'pipe'] })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaint += chunk))
    try {
      await within(20_000, 'the ready line', new Promise((resolve) => child.stdout.once('data', resolve)))
      child.stdout.destroy()
      for (let at = 0; at < 5; at += 1) assert.is((await fetch(`http://127.0.0.1:${port}/echo`)).status, 200)
      child.kill('SIGTERM')
      const code = await within(10_000, 'the end', new Promise((resolve) => child.once('exit', resolve)))
      assert.is(code, 0)
      assert.is(complaint, '')
    } finally {
      child.kill('SIGKILL')
    }
  })
})

test('without --log-format a pipe gets JSON, and pretty is one line for each', async () => {
  await onFreePorts(1, async ([port = 0]) => {
    const files = project({ 'config.toml': configuration(port) })
    for (const [args, first] of [
      [[], /^\{"level":"info",/],
      [['--log-format', 'pretty'], /^\[\d{4}-.*INFO.*ready: plain/],
    ] as const) {
      const child = spawn(process.execPath, [main, 'serve', '-c', files.config, ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      try {
        child.stdout.setEncoding('utf8')
        const text = await within(
          20_000,
          'the ready line',
          new Promise<string>((resolve) => child.stdout.once('data', resolve)),
        )
        assert.match(text, first)
        assert.not.match(text, '\u001b[')
      } finally {
        child.kill('SIGKILL')
        await new Promise((resolve) => child.once('exit', resolve))
      }
    }
  })
})

test.run()
