// Content that is held in memory is bounded over all requests, not only for each.
import * as assert from 'uvu/assert'
import { Room } from '../../core/gateway/room.ts'
import { until } from '../support/deadline.ts'
import { startEdge } from '../support/edge.ts'
import type { Edge } from '../support/edge.ts'
import { suite } from '../support/suite.ts'
import { connect, statuses } from '../support/wire.ts'
import type { Wire } from '../support/wire.ts'

const test = suite('room for content')

let edge: Edge
test.before(async () => {
  edge = await startEdge({
    files: {
      'pipelines/p.toml': `
[pipelines.echo]
networks = ["plain"]
endpoints = ["echo"]
backends = ["echo"]
[endpoints.echo]
service = "http"
options.path_prefix = "/echo"
[backends.echo]
service = "echo"
`,
    },
  })
})
test.after(async () => edge.close())

const post = async (framing: string, content = ''): Promise<Wire> => {
  const wire = await connect(edge.plain)
  wire.write(`POST /echo/x HTTP/1.1\r\nhost: any.test\r\n${framing}\r\n\r\n${content}`)
  return wire
}
const answered = async (wire: Wire): Promise<number> => {
  const status = await until(5_000, 'an answer', () => statuses(wire.text())[0])
  wire.destroy()
  return status
}
const whole = async (): Promise<number> => answered(await post('transfer-encoding: chunked', '2\r\n{}\r\n0\r\n\r\n'))

test('many requests of one client that would each be gathered take no more than its part, and give it back', async () => {
  // 256 MiB at 10 MiB each: content that does not say how long it is
  const open: Wire[] = []
  // each asks to continue: what came of it tells that its content is being gathered
  for (let count = 0; count < 25; count++) open.push(await post('transfer-encoding: chunked\r\nexpect: 100-continue'))
  for (const wire of open) await until(5_000, 'to be asked for content', () => wire.text().includes('100 Continue'))
  assert.is(await whole(), 503)
  assert.is(await answered(await post('content-length: 10000000')), 503)
  // what says that it is small needs little
  assert.is(await answered(await post('content-length: 2', '{}')), 200)
  const line = edge.lines.find((one) => one['event'] === 'access' && one['code'] === 'body/no-room')
  assert.is(line?.['status'], 503)

  open.pop()?.destroy()
  await until(5_000, 'room again', async () => (await whole()) === 200)
  for (const wire of open) wire.destroy()
})

test('what one client takes leaves room for another, until all of it is taken', () => {
  const room = new Room(100, 40)
  const one = room.take('192.0.2.1', 40)
  assert.ok(one)
  assert.is(room.take('192.0.2.1', 1), undefined)
  // an IPv6 client has a /64 to itself
  assert.ok(room.take('2001:db8::1', 40))
  assert.is(room.take('2001:db8::2', 1), undefined)
  assert.ok(room.take('192.0.2.3', 20))
  assert.is(room.take('192.0.2.4', 1), undefined)
  one?.()
  one?.()
  assert.is(room.taken, 60)
  assert.ok(room.take('192.0.2.4', 40))
})

test('a single request may have what the operator allows it', () => {
  const room = new Room(100, 40)
  const back = room.take('192.0.2.1', 1_000)
  assert.ok(back)
  assert.is(room.take('192.0.2.2', 1), undefined)
  back?.()
  assert.ok(room.take('192.0.2.2', 1))
})

test('after ends that were lost it counts anew, and late ends change nothing', () => {
  const room = new Room(100, 40)
  const lost = room.take('192.0.2.1', 40)
  room.forget()
  assert.is(room.taken, 0)
  assert.ok(room.take('192.0.2.1', 40))
  lost?.()
  assert.is(room.taken, 40)
})

test.run()
