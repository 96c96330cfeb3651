// Fixed changes to a response (`responseEdit`), which the engine makes by itself, in every pair of protocols.
// deadline: 180 s
import * as assert from 'uvu/assert'
import type { Forward, HeaderEdit, RequestHead, ResponseHead } from '../../quic/index.ts'
import { pairs, portOf, protocols, withRig } from '../support/rig.ts'
import type { Handler, Reply, RigOptions } from '../support/rig.ts'
import { acceptOf } from '../support/upgrade.ts'
import { startTunnelClient } from '../support/tunnel.ts'
import { suite } from '../support/suite.ts'

const test = suite('fixed changes to a response')

const content = 'content '.repeat(10_000)

/** Answers as the path asks. */
const handler: Handler = (request, response) => {
  const path = request.url ?? ''
  response.setHeader('x-gone', ['1', '2'])
  response.setHeader('x-set', 'origin')
  response.setHeader('x-kept', 'origin')
  response.setHeader('set-cookie', ['a=1'])
  if (path.startsWith('/status/')) {
    response.statusCode = Number(path.slice('/status/'.length))
    response.end()
  } else if (path === '/hints') {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' })
    response.end('hinted')
  } else if (path === '/stream') {
    response.write(content)
    response.end(content)
  } else {
    response.setHeader('content-length', content.length)
    response.end(content)
  }
}

const edits: readonly HeaderEdit[] = [
  { remove: 'X-Gone' },
  { remove: 'x-never' },
  { set: ['x-set', 'gate'] },
  { append: ['set-cookie', 'b=2'] },
  { set: ['x-late', 'never'] },
  { remove: 'x-late' },
]

function check(reply: Pick<Reply, 'headers'>): void {
  assert.is(reply.headers['x-gone'], undefined)
  assert.is(reply.headers['x-set'], 'gate')
  assert.is(reply.headers['x-kept'], 'origin')
  assert.equal(reply.headers['set-cookie'], ['a=1', 'b=2'])
  assert.is(reply.headers['x-late'], undefined)
}

/** Forwards with the same change to every response, and whatever else is given. */
const forwarding =
  (more: Partial<Forward> = {}): NonNullable<RigOptions['decide']> =>
  (upstream) =>
  (head: RequestHead) => ({
    kind: 'forward',
    upstream,
    authority: head.authority,
    responseEdit: edits,
    ...more,
  })

for (const { from, to, name } of pairs) {
  test(`the final response has them, whatever its status and content, ${name}`, async () => {
    await withRig({ from, to, handler, decide: forwarding() }, async ({ client }) => {
      for (const [path, length] of [
        ['/', content.length],
        ['/stream', 2 * content.length],
        ['/status/404', 0],
        ['/status/503', 0],
        ['/status/304', 0],
      ] as const) {
        const reply = await client.send({ path })
        check(reply)
        assert.is((await reply.bytes()).length, length, path)
      }
      const head = await client.send({ method: 'HEAD' })
      check(head)
      assert.is(head.headers['content-length'], String(content.length))
      await head.bytes()
      const hints = await client.send({ path: '/hints' })
      check(hints)
      assert.is(String(await hints.bytes()), 'hinted')
      const [early] = hints.interim
      assert.is(early?.headers['link'], '</a.css>; rel=preload')
      assert.is(early?.headers['x-set'], undefined, 'an interim response is not the final one')
    })
  })

  test(`they cannot touch the framing or the connection, ${name}`, async () => {
    const names = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-connection', 'te']
    const responseEdit: HeaderEdit[] = [
      { remove: 'content-length' },
      ...names.flatMap((each): HeaderEdit[] => [
        { remove: each },
        { set: [each, 'x-kept'] },
        { append: [each, 'chunked, close'] },
      ]),
      { set: ['x-set', 'gate'] },
    ]
    await withRig({ from, to, handler, decide: forwarding({ responseEdit }) }, async ({ client, record }) => {
      for (const [path, length] of [
        ['/', content.length],
        ['/stream', 2 * content.length],
      ] as const) {
        const reply = await client.send({ path })
        assert.is((await reply.bytes()).length, length)
        assert.is(reply.headers['content-length'], path === '/' ? String(length) : undefined)
        assert.is(reply.headers['x-set'], 'gate')
        assert.is(reply.headers['x-kept'], 'origin')
        const fields = reply.rawHeaders.filter(([, value]) => value.includes('x-kept') || value.includes('close'))
        assert.equal(fields, [])
      }
      assert.equal([(await record(1)).connection, (await record(2)).code], [(await record(2)).connection, undefined])
    })
  })

  test(`an upgrade that was accepted has them, its handshake stays, ${name}`, async () => {
    const responseEdit: HeaderEdit[] = [
      { remove: 'x-gone' },
      { set: ['x-set', 'gate'] },
      { set: ['sec-websocket-accept', 'forged'] },
      { remove: 'upgrade' },
      { remove: 'connection' },
      { set: ['transfer-encoding', 'chunked'] },
    ]
    const rig: RigOptions = {
      from,
      to,
      handler,
      decide: forwarding({ responseEdit }),
      onUpgrade: (upgrade) => {
        const wire = upgrade.accept({ 'x-gone': '1', 'x-set': 'origin', 'x-kept': 'origin' })
        wire.pipe(wire)
      },
    }
    await withRig(rig, async ({ listener }) => {
      const client = await startTunnelClient(from, portOf(listener, from))
      try {
        const { headers, wire, status, key } = await client.open()
        assert.is(headers['x-gone'], undefined)
        assert.is(headers['x-set'], 'gate')
        assert.is(headers['x-kept'], 'origin')
        assert.is(headers['transfer-encoding'], undefined)
        if (from === 'h1') {
          assert.is(status, 101)
          assert.is(headers['sec-websocket-accept'], acceptOf(key))
          assert.is(String(headers['upgrade']).toLowerCase(), 'websocket')
        } else if (from === 'h2') {
          assert.is(status, 200)
          assert.is(headers['sec-websocket-accept'], undefined)
        }
        const echoed = new Promise((resolve) => wire.once('data', resolve))
        wire.write('x')
        assert.is(String(await echoed), 'x')
        wire.destroy()
      } finally {
        await client.close()
      }
    })
  })
}

for (const from of protocols) {
  test(`a hook sees the response as it came, and they come after its edits, ${from}`, async () => {
    const seen: (string | undefined)[] = []
    const hook = (response: ResponseHead) => {
      seen.push(response.header('x-set'), response.header('x-gone'))
      return {
        kind: 'pass' as const,
        status: 206,
        edit: [
          { set: ['x-set', 'hook'] as const },
          { append: ['x-gone', '3'] as const },
          { set: ['x-hook', 'yes'] as const },
          // RFC 9110 7.6.1: names a field of the connection, which then goes no further
          { set: ['connection', 'x-set'] as const },
        ],
      }
    }
    await withRig({ from, to: 'h1', handler, decide: forwarding({ onResponse: hook }) }, async ({ client }) => {
      const reply = await client.send({})
      assert.is(reply.status, 206)
      check(reply)
      assert.is(reply.headers['x-hook'], 'yes')
      assert.equal(seen, ['origin', '1'])
      await reply.bytes()
    })
  })

  test(`they come after fields that a hook puts in place of all, and when it says nothing, ${from}`, async () => {
    let all = true
    const onResponse = () =>
      all ? { kind: 'pass' as const, headers: { 'x-gone': 'hook', 'x-set': 'hook' } } : undefined
    await withRig({ from, to: 'h1', handler, decide: forwarding({ onResponse }) }, async ({ client }) => {
      const reply = await client.send({})
      assert.equal(
        [reply.headers['x-gone'], reply.headers['x-set'], reply.headers['x-kept']],
        [undefined, 'gate', undefined],
      )
      assert.equal(reply.headers['set-cookie'], ['b=2'])
      assert.is((await reply.bytes()).length, content.length)
      all = false
      check(await client.send({}))
    })
  })

  test(`answers of the policy and of the engine do not have them, ${from}`, async () => {
    const onResponse = () => ({ kind: 'respond', status: 418, headers: { 'x-gone': 'mine' } }) as const
    await withRig({ from, to: 'h1', handler, decide: forwarding({ onResponse }) }, async ({ client }) => {
      const reply = await client.send({})
      assert.equal([reply.status, reply.headers['x-gone'], reply.headers['x-set']], [418, 'mine', undefined])
    })
    const onFailure = () => ({ kind: 'respond', status: 419, headers: { 'x-gone': 'mine' } }) as const
    for (const [more, status] of [
      [{ onFailure }, 419],
      [{}, 413],
    ] as const) {
      await withRig(
        { from, to: 'h1', handler, decide: forwarding({ maxBodyBytes: 1, ...more }) },
        async ({ client }) => {
          const reply = await client.send({ method: 'POST', body: 'xx' })
          assert.equal([reply.status, reply.headers['x-set']], [status, undefined])
        },
      )
    }
  })

  test(`those of a later decision take the place of the first one's, ${from}`, async () => {
    const decide: NonNullable<RigOptions['decide']> = (upstream) => (head) => {
      const forward = { kind: 'forward', upstream, authority: head.authority } as const
      const again = { ...forward, responseEdit: [{ set: ['x-set', 'second'] }] } as const
      return { ...forward, responseEdit: [{ remove: 'x-gone' }], onResponse: () => again }
    }
    await withRig({ from, to: 'h1', handler, decide }, async ({ client }) => {
      const reply = await client.send({})
      assert.equal([reply.headers['x-set'], reply.headers['x-gone']], ['second', '1, 2'])
    })
  })

  test(`a change of the length or the host is refused before the upstream hears of it, ${from}`, async () => {
    let asked = 0
    const counting: Handler = (request, response) => {
      asked += 1
      handler(request, response)
    }
    for (const field of ['content-length', 'host']) {
      for (const edit of [{ set: [field, '5'] as const }, { append: [field, '5'] as const }]) {
        const decide = forwarding({ responseEdit: [edit] })
        await withRig({ from, to: 'h1', handler: counting, decide }, async ({ client, record }) => {
          assert.is((await client.send({})).status, 500)
          assert.is((await record()).code, 'internal/answer')
        })
      }
    }
    assert.is(asked, 0)
  })
}

test.run()
