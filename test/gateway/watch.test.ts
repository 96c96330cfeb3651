// What counts as a change of the configuration's files, and how often it is told.
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { watchFiles } from '../../core/gateway/watch.ts'
import type { Watching, WatchOptions } from '../../core/gateway/watch.ts'
import { temporary } from '../peers/process.ts'
import { until } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('watching files')

/** Looks by itself so seldom that only events can tell. */
const never = 3_600_000

type Scene = {
  readonly folder: string
  path(name: string): string
  write(name: string, text: string): void
  readonly calls: () => number
  /** Waits for that many calls, and for quiet after them. */
  settle(calls: number): Promise<void>
  readonly watching: Watching
}

const open: Watching[] = []
test.after.each(async () => {
  for (const watching of open.splice(0)) await watching.close()
})

async function scene(
  options: WatchOptions & {
    files?: readonly string[]
    onChange?: () => Promise<void> | void
    before?: (folder: string) => void
  } = {},
): Promise<Scene> {
  const folder = temporary()
  const path = (name: string): string => join(folder, name)
  const write = (name: string, text: string): void => writeFileSync(path(name), text)
  mkdirSync(path('pipelines'))
  write('config.toml', 'a = 1')
  write('pipelines/a.toml', 'a = 1')
  options.before?.(folder)
  let calls = 0
  const watching = watchFiles(
    (options.files ?? ['config.toml', 'pipelines', 'mesh', 'tls/cert.pem']).map(path),
    async () => {
      calls += 1
      await options.onChange?.()
    },
    { debounceMs: 50, pollMs: never, ...options },
  )
  open.push(watching)
  await watching.ready
  const settle = async (wanted: number): Promise<void> => {
    await until(5_000, `call ${wanted}`, () => calls >= wanted)
    // longer than the quiet time: a call too many would come now
    await pause(300)
    assert.is(calls, wanted)
  }
  return { folder, path, write, calls: () => calls, settle, watching }
}

test('nothing is told when nothing changes', async () => {
  const { settle } = await scene()
  await settle(0)
})

test('a file that is written in place is told once', async () => {
  const { write, settle } = await scene()
  write('config.toml', 'a = 2')
  await settle(1)
})

test('a file that is replaced by renaming is told, and so is the next time', async () => {
  const { write, path, settle } = await scene()
  for (const time of [1, 2, 3]) {
    write('config.toml.new', `a = ${time}`)
    renameSync(path('config.toml.new'), path('config.toml'))
    await settle(time)
  }
})

test('a file that is replaced by one of the same size and time is told', async () => {
  const { write, path, settle } = await scene()
  utimesSync(path('config.toml'), 1_000, 1_000)
  await settle(1)
  write('other', 'a = 2')
  utimesSync(path('other'), 1_000, 1_000)
  renameSync(path('other'), path('config.toml'))
  await settle(2)
})

test('new, changed and removed files of a folder are told', async () => {
  const { write, path, settle } = await scene()
  write('pipelines/b.toml', 'b = 1')
  await settle(1)
  write('pipelines/b.toml', 'b = 2')
  await settle(2)
  rmSync(path('pipelines/b.toml'))
  await settle(3)
})

test('a file that is deleted and comes back is told both times', async () => {
  const { write, path, settle } = await scene()
  rmSync(path('config.toml'))
  await settle(1)
  write('config.toml', 'a = 1')
  await settle(2)
})

test('a folder that did not exist is told with its files', async () => {
  const { write, path, settle } = await scene()
  mkdirSync(path('mesh'))
  await settle(1)
  write('mesh/prod.toml', 'a = 1')
  await settle(2)
})

test('a folder that is removed and comes back is told, and its files are watched again', async () => {
  const { write, path, settle } = await scene()
  rmSync(path('pipelines'), { recursive: true })
  await settle(1)
  mkdirSync(path('pipelines'))
  await settle(2)
  write('pipelines/c.toml', 'c = 1')
  await settle(3)
})

test('a certificate in a folder that comes later is told', async () => {
  const { write, path, settle } = await scene()
  mkdirSync(path('tls'))
  write('tls/cert.pem', 'one')
  await settle(1)
  write('tls/cert.pem', 'two')
  await settle(2)
})

test('what lies beside the files is not told: logs, backups, swap files, other folders', async () => {
  const { write, path, settle } = await scene()
  write('gateway.log', 'a line')
  write('.config.toml.swp', 'x')
  write('config.toml~', 'x')
  write('pipelines/README.md', 'x')
  mkdirSync(path('pipelines/deeper'))
  write('pipelines/deeper/x.toml', 'x')
  await settle(0)
})

test('the exchange of a mounted ConfigMap is told once each time', async () => {
  const version = (folder: string, name: string): void => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'config.toml'), `v = "${name}"`)
  }
  const { folder, path, settle } = await scene({
    files: ['mounted/config.toml'],
    before: (at) => {
      mkdirSync(join(at, 'mounted'))
      version(join(at, 'mounted'), '..1')
      symlinkSync('..1', join(at, 'mounted/..data'))
      symlinkSync('..data/config.toml', join(at, 'mounted/config.toml'))
    },
  })
  for (const time of [1, 2, 3]) {
    version(join(folder, 'mounted'), `..${time + 1}`)
    symlinkSync(`..${time + 1}`, path('mounted/..data_tmp'))
    renameSync(path('mounted/..data_tmp'), path('mounted/..data'))
    rmSync(path(`mounted/..${time}`), { recursive: true })
    await settle(time)
    assert.is(readFileSync(path('mounted/config.toml'), 'utf8'), `v = "..${time + 1}"`)
  }
})

test('a file behind a link is told when it changes where it lies', async () => {
  const { write, settle } = await scene({
    files: ['live/cert.pem'],
    before: (at) => {
      mkdirSync(join(at, 'live'))
      mkdirSync(join(at, 'archive'))
      writeFileSync(join(at, 'archive/cert1.pem'), 'one')
      symlinkSync('../archive/cert1.pem', join(at, 'live/cert.pem'))
    },
  })
  write('archive/cert1.pem', 'two')
  await settle(1)
})

test('a storm of events is told once', async () => {
  const { write, settle } = await scene()
  for (let at = 0; at < 500; at += 1) write(`pipelines/${at % 50}.toml`, `at = ${at}`)
  await settle(1)
})

test('a storm that does not end is told all the same', async () => {
  const { write, calls } = await scene({ debounceMs: 200, maxWaitMs: 400 })
  let at = 0
  await until(5_000, 'a call in the storm', () => {
    at += 1
    write('config.toml', `at = ${at}`)
    return calls() > 0
  })
})

test('what changes during a call causes one more, and calls do not overlap', async () => {
  let inside = 0
  let finish = (): void => undefined
  const { write, calls, settle } = await scene({
    onChange: async () => {
      inside += 1
      assert.is(inside, 1)
      if (calls() === 1) await new Promise<void>((resolve) => (finish = resolve))
      inside -= 1
    },
  })
  write('config.toml', 'a = 2')
  await until(5_000, 'the first call', () => calls() === 1)
  for (let at = 0; at < 20; at += 1) write('pipelines/a.toml', `at = ${at}`)
  await pause(150)
  assert.is(calls(), 1)
  finish()
  await settle(2)
})

test('a call that fails is followed by the next', async () => {
  const errors: unknown[] = []
  const { write, settle } = await scene({
    onError: (error) => errors.push(error),
    onChange: () => {
      throw new Error('refused')
    },
  })
  write('config.toml', 'a = 2')
  await settle(1)
  write('config.toml', 'a = 3')
  await settle(2)
  assert.is(errors.length, 2)
})

test('paths that are taken away are not told, and new ones are', async () => {
  const before = (at: string): void => writeFileSync(join(at, 'other.toml'), 'x')
  const { write, path, watching, settle } = await scene({ before })
  watching.update([path('other.toml')])
  await settle(0)
  write('config.toml', 'a = 2')
  await settle(0)
  write('other.toml', 'y')
  await settle(1)
})

test('what changed between the reading and the watching is told', async () => {
  const since = Date.now()
  // the file is written after it
  const { settle } = await scene({ since })
  await settle(1)
})

test('a change that no event told of is seen by the next look', async () => {
  const { path, settle } = await scene({
    pollMs: 100,
    files: ['a/cert.pem'],
    before: (at) => {
      for (const name of ['a', 'b', 'c']) mkdirSync(join(at, name))
      writeFileSync(join(at, 'c/one.pem'), 'one')
      writeFileSync(join(at, 'c/two.pem'), 'two')
      symlinkSync('../c/one.pem', join(at, 'b/cert.pem'))
      symlinkSync('../b/cert.pem', join(at, 'a/cert.pem'))
    },
  })
  await settle(0)
  // the link in the middle: neither where the path stands nor where it leads to
  symlinkSync('../c/two.pem', path('b/new'))
  renameSync(path('b/new'), path('b/cert.pem'))
  await settle(1)
})

test('after closing nothing is told', async () => {
  const { write, watching, settle } = await scene()
  write('config.toml', 'a = 2')
  await watching.close()
  await settle(0)
})

test.run()
