// Load on `harmony serve` while its configuration changes about each second: no request may notice.
// deadline: 240 s
// alone: the load takes what the machine has
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { pattern } from '../peers/index.ts'
import { onFreePorts } from '../peers/process.ts'
import { until } from '../support/deadline.ts'
import { answered, filesOf, issueTwo, namedOrigin, present, serialIn, serialOf } from '../support/reloading.ts'
import type { Setting } from '../support/reloading.ts'
import { protocols, startClient } from '../support/rig.ts'
import type { Client } from '../support/rig.ts'
import { project, serve } from '../support/serve.ts'
import type { Served } from '../support/serve.ts'
import type { Protocol } from '../../quic/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('load while the configuration changes')

const loadMs = process.env['HARMONY_LONG'] ? 60_000 : 8_000
/** From one change to the next. */
const stepMs = 1_000
/** Requests at once on the connection that each protocol keeps. */
const lanes = 3

test(
  'not one request fails over HTTP/1.1, HTTP/2 and HTTP/3, on connections that stay and on new ones',
  async () =>
    withScene(async (scene) => {
      const load = startLoad(scene.port, scene.spare)
      try {
        const began = performance.now()
        const done = new Map<string, number>()
        for (let step = 0; performance.now() - began < loadMs; step += 1) {
          const next = performance.now() + stepMs
          const [name, run] = steps[step % steps.length] ?? ['none', async () => undefined]
          await run(scene)
          done.set(name, (done.get(name) ?? 0) + 1)
          assert.equal(load.failures, [], `after the step: ${name}`)
          await until(stepMs * 2, 'the next step', () => performance.now() >= next)
        }
        for (const [name] of steps) assert.ok(done.has(name), `time for the step: ${name}`)
      } finally {
        await load.end()
      }
      assert.equal(load.failures, [])
      for (const [lane, names] of load.answers)
        if (lane !== 'spare')
          assert.equal([...names.keys()].toSorted(), ['a', 'b'], `${lane}: each origin has answered, by turns`)
      const expected = [...protocols.flatMap((protocol) => [`${protocol} kept`, `${protocol} new`]), 'spare']
      assert.equal([...load.answers.keys()].toSorted(), expected.toSorted())
    }),
  { withinMs: loadMs + 90_000 },
)

type Step = readonly [name: string, run: (scene: Scene) => Promise<void>]

const steps: readonly Step[] = [
  [
    'another backend',
    async (scene) => {
      const { generation } = await scene.status()
      scene.switchBackend()
      await scene.taken(generation + 1)
    },
  ],
  [
    'another certificate',
    async (scene) => {
      const { generation } = await scene.status()
      const serial = scene.switchCertificate()
      await scene.taken(generation + 1)
      assert.is(await serialOf(scene.port('h2')), serial)
    },
  ],
  [
    'an invalid edit',
    async (scene) => {
      scene.spoil()
      await until(10_000, 'a reload that is refused', async () => (await scene.status()).last_reload?.ok === false)
    },
  ],
  [
    'repaired, with another backend, and SIGHUP',
    async (scene) => {
      const { generation } = await scene.status()
      scene.switchBackend()
      scene.served.signal('SIGHUP')
      await scene.taken(generation + 1)
    },
  ],
  [
    'a listener more or less',
    async (scene) => {
      const { generation } = await scene.status()
      // the lines of this step alone
      const lines = scene.served.lines().length
      scene.switchSpare()
      try {
        await scene.taken(generation + 1)
      } catch (error) {
        // a client's own port may be the spare one just now: the refusal is right, and the old listeners stay
        if (!/cannot listen on .* in use/.test(JSON.stringify(scene.served.lines().slice(lines)))) throw error
        scene.switchSpare()
      }
    },
  ],
  [
    'SIGHUP without a change',
    async (scene) => {
      const { generation } = await scene.status()
      scene.served.signal('SIGHUP')
      await scene.taken(generation + 1)
    },
  ],
]

// --- the gateway ---

type Scene = {
  readonly served: Served
  readonly port: (protocol: Protocol) => number
  /** A port that is not always open. */
  readonly spare: number
  readonly switchBackend: () => void
  /** Returns the serial number of the new one. */
  readonly switchCertificate: () => string
  readonly switchSpare: () => void
  /** Leaves a file that is no TOML; the next change repairs it. */
  readonly spoil: () => void
  /** What the gateway says of its configuration. */
  readonly status: () => Promise<Status>
  /** Waits until this generation decides, or a later one. */
  readonly taken: (generation: number) => Promise<void>
}

type Status = { readonly generation: number; readonly last_reload?: { readonly ok: boolean } }

const relay = 'pipelines/relay.toml'

async function withScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  const [a, b] = [await namedOrigin('a'), await namedOrigin('b')]
  const pairs = issueTwo()
  await onFreePorts(8, async ([plain = 0, tls = 0, ...spare]) => {
    let setting: Setting = { plain, tls, backend: a.port }
    let identity = 0
    const files = project(filesOf(setting))
    present(files, pairs, identity)
    // the access lines of the load would fill this process
    const served = await serve(files, { args: ['--log-level', 'warn'] })
    const operator = await startClient('h1', plain)
    const change = (more: Partial<Setting>): void => {
      setting = { ...setting, ...more }
      for (const [file, text] of Object.entries(filesOf(setting))) files.write(file, text)
    }
    const status = async (): Promise<Status> => {
      const reply = await operator.send({ path: '/admin/config/status' })
      // what core/gateway/pages.ts shows
      return JSON.parse((await reply.bytes()).toString()) as Status
    }
    try {
      await body({
        served,
        port: (protocol) => (protocol === 'h1' ? plain : tls),
        spare: spare[0] ?? 0,
        switchBackend: () => change({ backend: setting.backend === a.port ? b.port : a.port }),
        switchCertificate: () => {
          identity = 1 - identity
          present(files, pairs, identity)
          return serialIn(pairs, identity)
        },
        switchSpare: () => change({ spare: setting.spare === undefined ? spare : undefined }),
        spoil: () => files.write(relay, `${filesOf(setting)[relay]}\n[backends.origin\n`),
        status,
        taken: async (generation) =>
          void (await until(10_000, `generation ${generation}`, async () => (await status()).generation >= generation)),
      })
      assert.is(await served.stop(), 0, served.output())
      // whatever else went wrong inside would be here
      const expected = new Set(['ready', 'reload', 'finding'])
      assert.equal(
        served.lines().filter(({ event }) => !expected.has(String(event))),
        [],
      )
    } finally {
      await operator.close()
      await served.stop()
      await Promise.all([a.close(), b.close()])
    }
  })
}

// --- the load ---

type Load = {
  readonly failures: string[]
  /** How often each origin answered, by protocol and kind of connection. */
  readonly answers: Map<string, Map<string, number>>
  end(): Promise<void>
}

/** What becomes of a connection to a port where nobody listens any more. */
const closed: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET'])

function startLoad(port: (protocol: Protocol) => number, spare: number): Load {
  const failures: string[] = []
  const answers = new Map<string, Map<string, number>>()
  const over = new AbortController()
  const succeeded = (name: string, origin: string): void => {
    const of = answers.get(name) ?? new Map<string, number>()
    answers.set(name, of.set(origin, (of.get(origin) ?? 0) + 1))
  }
  const failed = (what: string, error: unknown): void =>
    void failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  let count = 0
  const ask = async (name: string, client: Client): Promise<void> => {
    count += 1
    // from nothing to more than a window
    const bytes = (count * 7919) % 150_000
    const body = pattern(bytes)
    const request = count % 4 === 0 ? { method: 'POST', path: '/echo', body } : { path: `/bytes/${bytes}` }
    try {
      succeeded(name, await answered(client, request, body))
    } catch (error) {
      failed(`${name} ${request.path}`, error)
    }
  }
  const staying = async (protocol: Protocol): Promise<void> => {
    const client = await startClient(protocol, port(protocol))
    const lane = async (): Promise<void> => {
      while (!over.signal.aborted) await ask(`${protocol} kept`, client)
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    await client.close()
  }
  const coming = async (protocol: Protocol): Promise<void> => {
    while (!over.signal.aborted) {
      const client = await startClient(protocol, port(protocol))
      for (let left = 3; left > 0; left -= 1) await ask(`${protocol} new`, client)
      await client.close()
    }
  }
  // who gets through to a port that comes and goes gets a right answer
  const knocking = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const client = await startClient('h1', spare)
      try {
        succeeded('spare', await answered(client, { path: '/bytes/100' }, pattern(100)))
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && closed.has(String(error.code)))) failed('spare', error)
        await pause(2)
      }
      await client.close()
    }
  }
  const running = [...protocols.flatMap((protocol) => [staying(protocol), coming(protocol)]), knocking()]
  return {
    failures,
    answers,
    end: async () => {
      over.abort()
      await Promise.all(running)
    },
  }
}

test.run()
