// harmony serve while its files change: the configuration and the log file.
import { readFileSync, renameSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { until } from '../support/deadline.ts'
import { harmony, project } from '../support/serve.ts'
import { suite } from '../support/suite.ts'
import { configuration, started, stopAll } from './service.ts'

const test = suite('harmony serve, reloaded')

test.after.each(stopAll)

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

test.run()
