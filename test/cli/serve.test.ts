// harmony serve as a process: its start, its log, its signals and its exit codes.
import { spawn } from 'node:child_process'
import { readFileSync, renameSync } from 'node:fs'
import http from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { onFreePorts } from '../peers/process.ts'
import { authority } from '../peers/certificate.ts'
import { until, within } from '../support/deadline.ts'
import { harmony, project, serve } from '../support/serve.ts'
import type { Project, Served } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('harmony serve')

const main = join(import.meta.dirname, '../../cli/main.ts')

const open: Served[] = []
test.after.each(async () => {
  for (const served of open.splice(0)) await served.stop()
})

const configuration = (port: number, more = '', prefix = '/echo', backend = 'service = "echo"'): string => `
[proxy]
id = "x"
primary_provider = "local"

[network.plain.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${port}

[pipelines.p]
networks = ["plain"]
endpoints = ["e"]
backends = ["b"]

[endpoints.e]
service = "http"
options.path_prefix = "${prefix}"

[backends.b]
${backend}

${more}`

type Options = Parameters<typeof serve>[1]

/** Serves on a port of its own. */
async function started(
  write: (port: number) => Record<string, string>,
  options: Options = {},
): Promise<{ served: Served; files: Project; url: string; port: number }> {
  return onFreePorts(1, async ([port = 0]) => {
    const files = project(write(port))
    const served = await serve(files, options)
    open.push(served)
    return { served, files, port, url: `http://127.0.0.1:${port}` }
  })
}

/** An origin that answers when it is told to. */
async function slowOrigin(): Promise<{ port: number; asked: () => number; answer: () => void; close: () => void }> {
  const waiting: http.ServerResponse[] = []
  let asked = 0
  const server = http.createServer((_request, response) => {
    asked += 1
    waiting.push(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    // it listens on TCP
    port: (server.address() as AddressInfo).port,
    asked: () => asked,
    answer: () => waiting.splice(0).forEach((response) => response.end('late')),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const backendAt = (port: number): string => `service = "http"

[backends.b.connection]
host = "127.0.0.1"
port = ${port}
protocol = "http"
`

test('the ready line names every address and protocol', async () => {
  const made = authority()
  const issued = made.issue('localhost')
  await onFreePorts(2, async ([port = 0, tls = 0]) => {
    const more = ['tcp_config', 'http3']
      .map((table) => `[network.tls.${table}]\nbind_address = "127.0.0.1"\nbind_port = ${tls}\n`)
      .map((table) => `${table}cert_path = "${issued.chain}"\nkey_path = "${issued.key}"\n`)
      .join('\n')
    const served = await serve(project({ 'config.toml': configuration(port, more) }))
    open.push(served)
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

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  test(`${signal} lets a request under way finish, takes no new one, and exits 0`, async () => {
    const origin = await slowOrigin()
    try {
      const { served, url } = await started((port) => ({
        'config.toml': configuration(port, '', '/slow', backendAt(origin.port)),
      }))
      const under = fetch(`${url}/slow`)
      await until(5_000, 'the request at the origin', () => origin.asked() === 1)
      served.signal(signal)
      await served.line((line) => line['event'] === 'stopping', 'the line about stopping')
      await until(5_000, 'closed doors', async () =>
        fetch(`${url}/slow`, { signal: AbortSignal.timeout(1_000) }).then(
          () => false,
          () => true,
        ),
      )
      origin.answer()
      assert.is(await (await under).text(), 'late')
      assert.is(await served.ended(), 0)
    } finally {
      origin.close()
    }
  })

test('what does not finish within --grace is cut off: exit 4', async () => {
  const origin = await slowOrigin()
  try {
    const { served, url } = await started(
      (port) => ({ 'config.toml': configuration(port, '', '/slow', backendAt(origin.port)) }),
      { args: ['--grace', '0.2', '--log-level', 'error'] },
    )
    const under = fetch(`${url}/slow`).then(
      ({ status }) => status,
      () => 0,
    )
    await until(5_000, 'the request at the origin', () => origin.asked() === 1)
    assert.is(await served.stop(), 4)
    assert.ok([0, 503].includes(await under))
    assert.is(served.lines().find((line) => line['event'] === 'stopped')?.['cut'], 1)
  } finally {
    origin.close()
  }
})

test('a second signal ends at once: exit 4', async () => {
  const origin = await slowOrigin()
  try {
    const { served, url } = await started((port) => ({
      'config.toml': configuration(port, '', '/slow', backendAt(origin.port)),
    }))
    const under = fetch(`${url}/slow`).catch(() => undefined)
    await until(5_000, 'the request at the origin', () => origin.asked() === 1)
    served.signal('SIGTERM')
    await served.line((line) => line['event'] === 'stopping', 'the line about stopping')
    const before = performance.now()
    served.signal('SIGINT')
    assert.is(await served.ended(), 4)
    assert.ok(performance.now() - before < 3_000)
    await under
  } finally {
    origin.close()
  }
})

test('a signal before it is ready stops it too', async () => {
  const { served } = await started((port) => ({ 'config.toml': configuration(port) }), { ready: false })
  served.signal('SIGTERM')
  // before its handlers are there, the signal ends the process by itself
  assert.ok([0, null].includes(await served.ended()))
})

test('SIGHUP loads the configuration again', async () => {
  const { served, files, url, port } = await started((at) => ({ 'config.toml': configuration(at) }), {
    args: ['--no-watch'],
  })
  files.write('config.toml', configuration(port, '', '/other'))
  served.signal('SIGHUP')
  await served.line((line) => line['event'] === 'reload', 'the line about the reload')
  assert.is((await fetch(`${url}/other`)).status, 200)
  assert.is((await fetch(`${url}/echo`)).status, 404)
})

test('a changed file is loaded by itself, and not with --no-watch', async () => {
  const watched = await started((at) => ({ 'config.toml': configuration(at) }))
  watched.files.write('config.toml', configuration(watched.port, '', '/other'))
  await watched.served.line((line) => line['event'] === 'reload', 'the line about the reload')
  assert.is((await fetch(`${watched.url}/other`)).status, 200)

  const unwatched = await started((at) => ({ 'config.toml': configuration(at) }), { args: ['--no-watch'] })
  unwatched.files.write('config.toml', configuration(unwatched.port, '', '/other'))
  // longer than a change takes to be seen
  await new Promise((resolve) => setTimeout(resolve, 600))
  assert.is((await fetch(`${unwatched.url}/echo`)).status, 200)
})

test('an invalid edit keeps what runs, and logs what is wrong', async () => {
  const { served, files, url } = await started((at) => ({ 'config.toml': configuration(at) }))
  files.write('config.toml', '[proxy\n')
  const found = await served.line((line) => line['event'] === 'finding', 'the finding')
  assert.is(found['level'], 'error')
  assert.is(found['file'], 'config.toml')
  assert.is((await fetch(`${url}/echo`)).status, 200)
})

test('a new log level and a new log file are taken with the configuration', async () => {
  const { served, files, url, port } = await started((at) => ({ 'config.toml': configuration(at) }))
  const logging = (file: string): string =>
    `[logging]\nlog_level = "error"\nlog_to_file = true\nlog_file_path = "${files.path(file)}"\n`
  files.write('config.toml', configuration(port, logging('logs/a.log'), '/other'))
  await until(5_000, 'the new configuration', async () => (await fetch(`${url}/other`)).status === 200)
  const before = served.lines().length
  assert.is((await fetch(`${url}/other`)).status, 200)
  assert.is(await served.stop(), 0)
  assert.is(served.lines().length, before)
  assert.is(typeof readFileSync(files.path('logs/a.log'), 'utf8'), 'string')
})

test('SIGHUP opens the log file again', async () => {
  const write = (port: number) => ({
    'config.toml': configuration(port, '[logging]\nlog_to_file = true\nlog_file_path = "gateway.log"\n'),
  })
  const { served, files, url } = await started(write)
  const log = (): string => readFileSync(files.path('gateway.log'), 'utf8')
  await until(5_000, 'the ready line in the file', () => log().includes('"event":"ready"'))
  renameSync(files.path('gateway.log'), files.path('gateway.log.1'))
  served.signal('SIGHUP')
  await served.line((line) => line['event'] === 'reload', 'the line about the reload')
  await fetch(`${url}/echo`)
  await until(5_000, 'the access line in the new file', () => log().includes('"event":"access"'))
  assert.not.match(log(), '"event":"ready"')
})

test('a log file that cannot be opened: exit 1', async () => {
  const more = '[logging]\nlog_to_file = true\nlog_file_path = "/dev/null/x.log"\n'
  const { code, stderr } = await harmony([
    'serve',
    '-c',
    project({ 'config.toml': configuration(18_080, more) }).config,
  ])
  assert.is(code, 1)
  assert.match(stderr, '/dev/null/x.log')
  assert.not.match(stderr, /^\s+at /m)
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
