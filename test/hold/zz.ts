// Every limit of a listener and of the engine: what the client sees, and what is told of it.
// deadline: 120 s
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import * as assert from 'uvu/assert'
import type { Decide, EngineOptions, ListenerLimits, Listener, ListenOptions, Protocol } from '../../quic/index.ts'
import { until, within } from '../support/deadline.ts'
import * as frames from '../support/frames.ts'
import { identity, listenOptions, portOf, protocols, startClient, watchedEngine, withRig } from '../support/rig.ts'
import type { Client, Handler, Watched } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('limits')

type Gate = Watched & { listener: Listener; port: number }

const ok: Decide = () => ({ kind: 'respond', status: 200, body: 'ok' })

/** A gateway that answers by itself, and whatever the test connects to it. */
async function withGate(
  setup: { protocol: Protocol; limits: ListenerLimits; plain?: boolean; decide?: Decide; engine?: EngineOptions },
  body: (gate: Gate) => Promise<void>,
): Promise<void> {
  const watched = await watchedEngine(setup.engine)
  const options: ListenOptions = setup.plain
    ? { address: '127.0.0.1', port: 0, limits: setup.limits, tcp: { protocols: [setup.protocol as 'h1' | 'h2'] } }
    : listenOptions(setup.protocol, setup.limits)
  const listener = await watched.engine.listen(options, setup.decide ?? ok)
  try {
    await body({ ...watched, listener, port: portOf(listener, setup.protocol) })
  } finally {
    await watched.engine.stop({ graceMs: 0 })
  }
}

async function withClient(protocol: Protocol, port: number, body: (client: Client) => Promise<void>): Promise<void> {
  const client = await startClient(protocol, port)
  try {
    await body(client)
  } finally {
    await client.close()
  }
}

type Wire = { socket: Socket; read: () => Buffer; text: () => string; closed: () => boolean }

/** A connection on which the test says every byte. */
async function wire(port: number, body: (wire: Wire) => Promise<void>): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  const pieces: Buffer[] = []
  let closed = false
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  socket.on('error', () => (closed = true))
  socket.on('end', () => (closed = true))
  socket.on('close', () => (closed = true))
  const read = (): Buffer => Buffer.concat(pieces)
  try {
    await body({ socket, read, text: () => read().toString('latin1'), closed: () => closed })
  } finally {
    socket.destroy()
  }
}

type Frame = { kind: number; flags: number; stream: number; payload: Buffer }

/** The whole frames among what arrived (RFC 9113 4.1). */
function framesOf(bytes: Buffer): Frame[] {
  const list: Frame[] = []
  let at = 0
  while (at + 9 <= bytes.length) {
    const end = at + 9 + bytes.readUIntBE(at, 3)
    if (end > bytes.length) break
    const [kind, flags] = [bytes.readUInt8(at + 3), bytes.readUInt8(at + 4)]
    list.push({ kind, flags, stream: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + 9, end) })
    at = end
  }
  return list
}

const goaway = 7
const enhanceYourCalm = 0xb

/** The error code of the last GOAWAY (RFC 9113 6.8). */
const goawayCode = (bytes: Buffer): number | undefined =>
  framesOf(bytes)
    .findLast(({ kind }) => kind === goaway)
    ?.payload.readUInt32BE(4)

const limitEvents = ({ events }: Watched, limit: string): unknown[] =>
  events.filter((event) => event.type === 'limit' && event.limit === limit)

// --- connections and time ---

for (const limit of ['maxConnections','maxConnections', 'maxConnectionsPerAddress','maxConnections'] as const) {
  for (const protocol of ['h3'] as const) {
    test(`a connection over ${limit} is refused and told, and there is room again when one ends, ${protocol}`, async () => {
      await withGate({ protocol, limits: { [limit]: 1 } }, async (gate) => {
        await withClient(protocol, gate.port, async (first) => {
          assert.is((await first.send({})).status, 200)
          await withClient(protocol, gate.port, async (second) => {
            const outcome = await within(
              20_000,
              'the refusal',
              second.send({}).then(
                ({ status }) => status,
                () => 'refused',
              ),
            )
            // the engine behind an HTTP/3 client tells it as a failure of its upstream
            assert.is(outcome, 502)
            await until(5_000, 'the event', () => limitEvents(gate, limit).length > 0)
            assert.ok((gate.engine.stats().counts['limitsHit'] ?? 0) > 0)
          })
        })
        await until(10_000, 'room', async () => {
          let status = 0
          await withClient(protocol, gate.port, async (third) => {
            status = await third.send({}).then(
              (reply) => reply.status,
              () => 0,
            )
          })
          console.error(status, gate.engine.stats().counts.openHttp3, gate.engine.stats().counts.limitsHit); return status === 200
        })
      })
    })
  }
}

test.run()
