// The log as it is written: levels, formats, files, and readers that do not read.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import * as assert from 'uvu/assert'
import { createLog } from '../../core/log/pino.ts'
import type { LogOptions, OpenLog } from '../../core/log/pino.ts'
import { Secret } from '../../core/secret.ts'
import { temporary } from '../peers/process.ts'
import { until, within } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('the log')

type Opened = { log: OpenLog; text: () => Promise<string>; lines: () => Promise<Record<string, unknown>[]> }

function opened(options: Partial<LogOptions> = {}): Opened {
  let written = ''
  const output = new PassThrough()
  output.setEncoding('utf8').on('data', (chunk: string) => (written += chunk))
  const log = createLog({
    level: 'info',
    format: 'json',
    colour: false,
    output,
    file: undefined,
    sensitivePatterns: [],
    ...options,
  })
  const text = async (): Promise<string> => {
    await log.flush(1_000)
    return written
  }
  return { log, text, lines: async () => linesOf(await text()) }
}

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Record<string, unknown> => JSON.parse(line))

test('a line is JSON with level, time and message', async () => {
  const { log, lines } = opened()
  log.info({ event: 'x', count: 2 }, 'hello')
  const [line] = await lines()
  assert.is(line?.['level'], 'info')
  assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.is(line?.['message'], 'hello')
  assert.is(line?.['event'], 'x')
  assert.is(line?.['count'], 2)
})

const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const

for (const [at, level] of levels.entries())
  test(`level ${level} prints ${level} and what is more severe, and always notices and fatal errors`, async () => {
    const { log, lines } = opened({ level })
    for (const one of levels) log[one]({}, one)
    log.notice({ event: 'ready' }, 'ready')
    log.fatal({}, 'over')
    const messages = (await lines()).map((line) => line['message'])
    assert.equal(messages, [...levels.slice(at), 'ready', 'over'])
  })

test('a child carries its fields, and those of its parent', async () => {
  const { log, lines } = opened()
  log.child({ a: 1, b: 1 }).child({ b: 2 }).info({ c: 3 }, 'x')
  const [line] = await lines()
  assert.equal([line?.['a'], line?.['b'], line?.['c']], [1, 2, 3])
})

test('a new level and new patterns hold for children that are there already', async () => {
  const { log, lines } = opened()
  const child = log.child({ ssn: '123' })
  log.configure({ level: 'error', file: undefined, sensitivePatterns: ['ssn'] })
  child.info({}, 'hidden')
  child.error({}, 'shown')
  const [line, ...more] = await lines()
  assert.equal(more, [])
  assert.is(line?.['message'], 'shown')
  assert.is(line?.['ssn'], '[redacted]')
})

test('nothing that is logged can start a line of its own', async () => {
  for (const format of ['json', 'pretty'] as const) {
    const { log, text } = opened({ format })
    const forged = '\n{"level":"info","event":"ready"}\r\n\u2028\u001b[2J\u009b31m'
    log.info({ [forged]: forged, error: new Error(forged), list: [forged] }, forged)
    const written = await text()
    assert.is(written.split('\n').length, 2, written)
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    assert.not.match(written.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u2028]/)
  }
})

test('the pretty form has time, level, message and fields in one line, with colours only when asked for', async () => {
  for (const colour of [false, true]) {
    const { log, text } = opened({ format: 'pretty', colour })
    log.warn({ a: { b: 1 } }, 'careful')
    const written = await text()
    assert.match(written, /^\[\d{4}-[^\]]*Z\] .*WARN.*careful.* \{"a":\{"b":1\}\}\n$/)
    assert.is(written.includes('\u001b['), colour)
  }
})

test('secrets are masked in both forms and in the file', async () => {
  for (const format of ['json', 'pretty'] as const) {
    const file = join(temporary(), 'gateway.log')
    const { log, text } = opened({ format, file })
    log
      .child({ token: 'planted' })
      .info({ x: new Secret('planted'), headers: [['cookie', 'planted']] }, 'Bearer planted9')
    const written = (await text()) + readFileSync(file, 'utf8')
    assert.match(written, 'redacted')
    assert.not.match(written, 'planted')
  }
})

test('the file gets JSON lines, whatever the form of the output, and its folders are made', async () => {
  const file = join(temporary(), 'a/b/gateway.log')
  const { log, text } = opened({ format: 'pretty', file })
  log.info({ a: 1 }, 'hello')
  assert.match(await text(), 'INFO')
  assert.is(linesOf(readFileSync(file, 'utf8'))[0]?.['message'], 'hello')
  assert.is(statSync(file).mode & 0o007, 0)
})

test('what is in the file stays', async () => {
  const file = join(temporary(), 'gateway.log')
  for (const message of ['one', 'two']) {
    const { log, text } = opened({ file })
    log.info({}, message)
    await text()
  }
  assert.equal(
    linesOf(readFileSync(file, 'utf8')).map((line) => line['message']),
    ['one', 'two'],
  )
})

test('a file that was moved away is opened again under its name', async () => {
  const file = join(temporary(), 'gateway.log')
  const { log, text } = opened({ file })
  log.info({}, 'before')
  await text()
  renameSync(file, `${file}.1`)
  log.info({}, 'still the old one')
  log.reopen()
  log.info({}, 'after')
  await until(1_000, 'the old file', () => readFileSync(`${file}.1`, 'utf8').includes('still the old one'))
  await until(1_000, 'the new file', () => readFileSync(file, 'utf8').includes('after'))
  assert.not.match(readFileSync(file, 'utf8'), 'old one')
})

test('a file that cannot be opened again stays open', async () => {
  const folder = temporary()
  const file = join(folder, 'gateway.log')
  const { log, text } = opened({ file })
  renameSync(file, `${file}.1`)
  mkdirSync(file)
  assert.throws(() => log.reopen(), /EISDIR/)
  log.info({}, 'after')
  await text()
  assert.match(readFileSync(`${file}.1`, 'utf8'), 'after')
})

test('another file, or none, takes the place of the first', async () => {
  const folder = temporary()
  const [one, two] = [join(folder, 'one.log'), join(folder, 'two.log')]
  const { log } = opened({ file: one })
  const settings = { level: 'info', sensitivePatterns: [] } as const
  log.configure({ ...settings, file: two })
  log.info({}, 'second')
  await until(1_000, 'the second file', () => readFileSync(two, 'utf8').includes('second'))
  assert.is(readFileSync(one, 'utf8'), '')
  log.configure({ ...settings, file: undefined })
  log.info({}, 'third')
  await log.flush(1_000)
  assert.not.match(readFileSync(two, 'utf8'), 'third')
})

test('a file that cannot be opened is an error, and so is a pipe that nobody reads', async () => {
  const folder = temporary()
  assert.throws(() => opened({ file: folder }), /EISDIR/)
  const pipe = join(folder, 'pipe')
  const made = spawn('mkfifo', [pipe])
  await within(5_000, 'mkfifo', new Promise((resolve) => made.once('close', resolve)))
  assert.ok(existsSync(pipe))
  assert.throws(() => opened({ file: pipe }), /ENXIO/)
})

test('a stream that does not drain gets no more than the bound, and hears afterwards how much was dropped', async () => {
  const written: string[] = []
  let drain: (() => void) | undefined
  const output = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      written.push(chunk)
      drain = done
    },
  })
  const { log } = opened({ output, maxBytes: 20_000 })
  for (let at = 0; at < 1_000; at += 1) log.info({ at }, 'x'.repeat(100))
  assert.ok(output.writableLength <= 20_000)
  await until(5_000, 'what was dropped', () => {
    const done = drain
    drain = undefined
    done?.()
    return written.join('').includes('log-dropped')
  })
  const lines = linesOf(written.join(''))
  const dropped = Number(lines.find((line) => line['event'] === 'log-dropped')?.['lines'])
  assert.is(lines.length - 1 + dropped, 1_000)
})

test('a stream whose reader has gone is not written to, and nothing is thrown', async () => {
  let writes = 0
  const output = new Writable({
    write: (_chunk, _encoding, done) => {
      writes += 1
      done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' }))
    },
  })
  const { log } = opened({ output })
  log.info({}, 'one')
  await log.flush(1_000)
  await new Promise((resolve) => setImmediate(resolve))
  log.info({}, 'two')
  await log.flush(1_000)
  assert.is(writes, 1)
})

/** A process that logs into its stdout, which nobody reads. */
function stalled(): { child: ChildProcess; said: () => string } {
  const script = `
    import { createLog } from ${JSON.stringify(join(import.meta.dirname, '../../core/log/pino.ts'))}
    const log = createLog({ level: 'info', format: 'json', colour: false, output: process.stdout, file: undefined, sensitivePatterns: [] })
    for (let at = 0; at < 20_000; at += 1) log.info({ at }, 'x'.repeat(1_000))
    let ticks = 0
    const timer = setInterval(() => {
      ticks += 1
      log.info({ ticks }, 'tick')
      process.stderr.write('tick\\n')
    }, 10)
    process.on('SIGTERM', async () => {
      clearInterval(timer)
      await log.flush(100)
      process.exit(7)
    })
    process.on('SIGUSR2', () => log.info({}, 'after'))`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return { child, said: () => text }
}

test('a reader that stalls stops neither the process nor its end', async () => {
  const { child, said } = stalled()
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  try {
    await until(10_000, 'ten turns', () => said().split('tick').length > 10)
    child.kill('SIGTERM')
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    assert.is(await within(5_000, 'the end', exited), 7)
    child.stdout?.destroy()
    await ended
  } finally {
    child.kill('SIGKILL')
  }
})

test('a reader that comes back gets whole lines, and hears how many are missing', async () => {
  const { child, said } = stalled()
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  try {
    await until(10_000, 'ten turns', () => said().split('tick').length > 10)
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    await until(10_000, 'what was dropped', () => text.includes('log-dropped'))
    child.kill('SIGTERM')
    await within(5_000, 'the end', ended)
    const lines = linesOf(text)
    const dropped = lines.filter((line) => line['event'] === 'log-dropped').map((line) => Number(line['lines']))
    assert.ok((dropped[0] ?? 0) > 1_000)
    assert.is(lines[0]?.['at'], 0)
  } finally {
    child.kill('SIGKILL')
  }
})

test.run()
