// harmony serve told to stop: what is under way finishes, within bounds; exit codes.
import * as assert from 'uvu/assert'
import { until } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'
import { backendAt, configuration, slowOrigin, started, stopAll } from './service.ts'

const test = suite('harmony serve, stopped')

test.after.each(stopAll)

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
    assert.ok(performance.now() - before < 10_000)
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

test.run()
