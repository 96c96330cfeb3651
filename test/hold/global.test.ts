// Nothing global: engines in one process know nothing of each other, and a stopped or forgotten one leaves nothing.
// deadline: 300 s
// alone: it counts the threads, descriptors and pages of its process
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { setImmediate as tick } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as assert from 'uvu/assert'
import { startEngine } from '../../quic/index.ts'
import type { Decide, Engine, ListenOptions, Protocol } from '../../quic/index.ts'
import { until, within } from '../support/deadline.ts'
import {
  identity,
  listenFor,
  portOf,
  protocols,
  startClient,
  startOrigin,
  toOrigin,
  watchedEngine,
} from '../support/rig.ts'
import type { Client, TestOrigin } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('nothing global')

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const threads = (): number => readdirSync('/proc/self/task').length
const engineThreads = (): number =>
  readdirSync('/proc/self/task').filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'utf8').startsWith('harmony-engine')
    } catch {
      return false
    }
  }).length
// sorted out of the count: the descriptor that reads the folder
const descriptors = (): number => readdirSync('/proc/self/fd').length - 1
const residentBytes = (): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024

const hello: Decide = (head) => ({ kind: 'respond', status: 200, headers: [], body: `hello ${head.target}` })

/** Everything that listens, at once: HTTP/1.1 and HTTP/2 over TLS, and HTTP/3. */
function everything(): ListenOptions {
  const tls = { identities: [{ certificate: identity().certificate, key: identity().key }] }
  return { address: '127.0.0.1', port: 0, tcp: { tls, protocols: ['h2', 'h1'] }, quic: { tls } }
}

/** What is left when all is still: JavaScript's garbage is collected, and threads that end have ended. */
async function settled(before: { threads: number; descriptors: number }): Promise<void> {
  await until(20_000, `${before.threads} threads and ${before.descriptors} descriptors`, async () => {
    collect()
    await tick()
    return threads() <= before.threads && descriptors() <= before.descriptors
  }).catch((error: unknown) => {
    throw new Error(`${threads()} threads and ${descriptors()} descriptors are left`, { cause: error })
  })
}

/** Runs `cycle` often and compares memory after a warm-up with memory at the end. */
async function steady(count: number, boundBytes: number, cycle: (index: number) => Promise<void>): Promise<void> {
  const warm = Math.ceil(count / 4)
  for (let index = 0; index < warm; index += 1) await cycle(index)
  collect()
  const before = { threads: threads(), descriptors: descriptors() }
  const bytes = residentBytes()
  for (let index = warm; index < count; index += 1) await cycle(index)
  await settled(before)
  collect()
  const grown = residentBytes() - bytes
  assert.ok(grown < boundBytes, `${count - warm} cycles left ${Math.round(grown / 1024)} KiB`)
}

test('two engines in one process know nothing of each other', async () => {
  const one = await watchedEngine()
  const two = await watchedEngine()
  try {
    const first = await listenFor(one.engine, 'h1', (head) => ({
      kind: 'respond',
      status: 200,
      headers: [],
      body: `one ${head.listener}`,
    }))
    const second = await listenFor(two.engine, 'h1', (head) => ({
      kind: 'respond',
      status: 201,
      headers: [],
      body: `two ${head.listener}`,
    }))
    const clients = [await startClient('h1', first.port), await startClient('h1', second.port)] as const
    const ask = async (client: Client) => {
      const reply = await client.send({})
      return `${reply.status} ${String(await reply.bytes())}`
    }
    assert.is(await ask(clients[0]), `200 one ${first.id}`)
    assert.is(await ask(clients[1]), `201 two ${second.id}`)
    await until(5_000, 'a record each', () => one.records.length === 1 && two.records.length === 1)
    assert.is(one.engine.stats().counts['exchanges'], 1)
    assert.is(two.engine.stats().counts['exchanges'], 1)
    // ids are each engine's own
    assert.is(first.id, second.id)

    const foreign = two.engine.upstream({ origin: 'http://127.0.0.1:1' })
    const confused = await listenFor(one.engine, 'h1', () => ({ kind: 'forward', upstream: foreign }))
    const client = await startClient('h1', confused.port)
    assert.is((await client.send({})).status, 500, 'an upstream of another engine is refused')

    await one.engine.stop({ graceMs: 0 })
    assert.is(await ask(clients[1]), `201 two ${second.id}`, 'the other one goes on')
    assert.is(two.events.filter(({ type }) => type === 'listener-down').length, 0)
    for (const each of [...clients, client]) await each.close()
  } finally {
    await one.engine.stop({ graceMs: 0 })
    await two.engine.stop({ graceMs: 0 })
  }
})

test(
  'a thousand engines, started and stopped, leave no thread, no descriptor and no memory',
  async () => {
    await steady(1_000, 6 << 20, async () => {
      const engine = await startEngine({ threads: 2 })
      engine.upstream({ origin: 'http://127.0.0.1:1' })
      await engine.stop({ graceMs: 0 })
    })
    assert.is(engineThreads(), 0)
  },
  { withinMs: 120_000 },
)

test(
  'two hundred engines that listened and forwarded in every protocol leave nothing',
  async () => {
    const origins = new Map<Protocol, TestOrigin>()
    for (const protocol of protocols) {
      origins.set(protocol, await startOrigin(protocol, (_request, response) => response.end('origin')))
    }
    // a client engine for HTTP/3, once: what it leaves is not what is measured
    const far = await startEngine()
    const pairOf = (index: number) =>
      [protocols[index % 3] ?? 'h1', protocols[Math.floor(index / 3) % 3] ?? 'h1'] as const
    try {
      await steady(200, 12 << 20, async (index) => {
        const [from, to] = pairOf(index)
        const origin = origins.get(to)
        if (origin === undefined) throw new Error('no origin')
        const engine = await startEngine({ threads: 2 })
        const upstream = engine.upstream(toOrigin(origin, to))
        const listener = await engine.listen(everything(), (head) => ({
          kind: 'forward',
          upstream,
          authority: head.authority,
        }))
        const near = far.upstream({
          origin: `https://localhost:${portOf(listener, from)}`,
          protocols: [from],
          addresses: ['127.0.0.1'],
          tls: { ca: identity().ca },
        })
        const bridge = await listenFor(far, 'h1', (head) => ({
          kind: 'forward',
          upstream: near,
          authority: head.authority,
        }))
        const client = await startClient('h1', bridge.port)
        const reply = await within(10_000, 'the answer', client.send({}))
        assert.is(String(await reply.bytes()), 'origin')
        await client.close()
        near.close()
        await bridge.drain({ graceMs: 0 })
        await engine.stop({ graceMs: 0 })
      })
    } finally {
      await far.stop({ graceMs: 0 })
      for (const origin of origins.values()) await origin.close()
    }
    assert.is(engineThreads(), 0)
  },
  { withinMs: 180_000 },
)

for (const from of protocols) {
  test(`a stop during load ends every exchange and the engine's threads, ${from}`, async () => {
    const before = engineThreads()
    const { engine, records } = await watchedEngine()
    const listener = await listenFor(engine, from, async (head) => {
      // half of them are never answered: they are under way when the engine stops
      if (head.target.endsWith('1')) await new Promise(() => undefined)
      return hello(head)
    })
    const client = await startClient(from, portOf(listener, from))
    let asked = 0
    let ended = 0
    const over = new AbortController()
    const load = Array.from({ length: 20 }, async () => {
      while (!over.signal.aborted) {
        const path = `/${asked % 10 === 1 ? 1 : 0}`
        asked += 1
        const reply = await client.send({ path }).catch(() => undefined)
        await reply?.bytes().catch(() => undefined)
        ended += 1
      }
    })
    await until(10_000, 'some requests', () => ended > 30)
    over.abort()
    const stopped = await within(10_000, 'the stop', engine.stop({ graceMs: 0 }))
    await within(10_000, 'the clients', Promise.all(load))
    await client.close()
    assert.ok(stopped.cut > 0, 'some were cut off')
    assert.is(new Set(records.map(({ id }) => id)).size, records.length, 'one record each')
    // whatever was cut says that it was; an answer that was on its way may still have come through
    const codes = new Set(records.map(({ code }) => code).filter((code) => code !== undefined))
    assert.equal([...codes], ['drain/cut'])
    await until(10_000, 'the end of its threads', () => engineThreads() === before)
  })
}

test('an engine that was forgotten without a listener is collected, and its threads end', async () => {
  const before = { threads: threads(), descriptors: descriptors() }
  const forget = async (): Promise<void> => {
    const engines: Engine[] = []
    for (let count = 0; count < 5; count += 1) {
      const engine = await startEngine({ threads: 2 })
      engines.push(engine)
      engine.upstream({ origin: 'http://127.0.0.1:1' })
      const listener = await engine.listen(everything(), hello)
      await listener.drain({ graceMs: 0 })
    }
    await until(5_000, 'two threads each', () => engineThreads() === 2 * engines.length)
  }
  await forget()
  await settled(before)
  assert.is(engineThreads(), 0)
})

test('an engine that listens goes on, even if nobody keeps it', async () => {
  const engines: WeakRef<Engine>[] = []
  const begin = async (): Promise<number> => {
    const engine = await startEngine({ threads: 1 })
    engines.push(new WeakRef(engine))
    return (await listenFor(engine, 'h1', hello)).port
  }
  const port = await begin()
  for (let count = 0; count < 3; count += 1) {
    await tick()
    collect()
  }
  const client = await startClient('h1', port)
  assert.is(String(await (await client.send({ path: '/x' })).bytes()), 'hello /x')
  await client.close()
  await engines[0]?.deref()?.stop({ graceMs: 0 })
})

/** Runs a module's text in a process of its own and gives what it printed, or how it failed. */
function runProcess(text: string): Promise<string> {
  const library = fileURLToPath(new URL('../../quic/index.ts', import.meta.url))
  const script = `import { startEngine } from ${JSON.stringify(library)}\n${text}`
  return new Promise((resolve, reject) => {
    const args = ['--input-type=module', '--eval', script]
    execFile(process.execPath, args, { timeout: 20_000, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.signal ?? error.code}: ${stderr}`, { cause: error }))
      else resolve(stdout)
    })
  })
}

const listens = `const listener = await engine.listen({ address: '127.0.0.1', port: 0, tcp: { protocols: ['h1'] } }, () => ({ kind: 'respond', status: 204, headers: [] }))
const answer = await fetch('http://127.0.0.1:' + listener.port)
console.log(answer.status)`

for (const [name, text, printed] of [
  [
    'a process whose engine was stopped exits by itself',
    `const engine = await startEngine()\n${listens}\nawait engine.stop({ graceMs: 0 })`,
    '204\n',
  ],
  [
    'a process that forgets to stop an engine without a listener exits',
    `globalThis.engine = await startEngine()\nconsole.log('up')`,
    'up\n',
  ],
  [
    'a process whose last listener was drained exits',
    `const engine = await startEngine()\n${listens}\nawait listener.drain({ graceMs: 0 })`,
    '204\n',
  ],
  [
    'a process may exit while its engine serves',
    `const engine = await startEngine()\n${listens}\nprocess.exit(0)`,
    '204\n',
  ],
] as const) {
  test(name, async () => {
    assert.is(await runProcess(text), printed)
  })
}

test('a process stays alive while its engine listens', async () => {
  // the timer alone would not keep it
  const later = `setTimeout(() => { console.log('alive'); process.exit() }, 300).unref()`
  assert.is(await runProcess(`const engine = await startEngine()\n${listens}\n${later}`), '204\nalive\n')
})

test.run()
