import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createClients, forwardingEdits, responseEdits } from '../../core/gateway/forwarded.ts'
import type { Client } from '../../core/gateway/forwarded.ts'
import { edited } from '../../core/pipeline/fields.ts'
import type { Field, Version } from '../../quic/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('gateway/forwarded')

type Given = { from?: string; tls?: boolean; version?: Version; authority?: string }

function head(fields: readonly Field[] = [], given: Given = {}) {
  const headers = fields.map(([name, value]): Field => [name.toLowerCase(), value])
  return {
    remoteAddress: given.from ?? '198.51.100.1',
    authority: given.authority ?? 'a.test',
    tls: given.tls ?? false,
    version: given.version ?? 11,
    headers,
    header: (name: string) => headers.find(([known]) => known === name)?.[1],
    headerAll: (name: string) => headers.flatMap(([known, value]) => (known === name ? [value] : [])),
  }
}

const clients = createClients({
  identity: 'gw',
  trustedProxies: ['10.0.0.0/8', '2001:db8:1::/48', '::ffff:192.0.2.0/120'],
})
const alone = createClients({ identity: 'gw', trustedProxies: [] })

function client(fields: readonly Field[], given: Given = {}): Client {
  return clients.of(head(fields, { from: '10.0.0.1', ...given }))
}

/** What leaves: the fields of these names, in the order of the message. */
function sent(fields: readonly Field[], given: Given = {}, known = clients): Record<string, string[]> {
  const request = head(fields, given)
  const found: Record<string, string[]> = {}
  for (const [name, value] of edited(request.headers, forwardingEdits(request, known.of(request))))
    (found[name] ??= []).push(value)
  return found
}

// --- whose request it is ---

test('a peer that is not trusted is the client, whatever it says', () => {
  const said: Field[] = [
    ['x-forwarded-for', '203.0.113.7'],
    ['forwarded', 'for=203.0.113.7;proto=https;host=b.test'],
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-host', 'b.test'],
    ['x-request-id', 'mine'],
  ]
  for (const known of [clients, alone]) {
    const { address, peer, trusted, scheme, authority, requestId, hops } = known.of(head(said))
    assert.equal(
      { address, peer, trusted, hops },
      { address: '198.51.100.1', peer: '198.51.100.1', trusted: false, hops: ['198.51.100.1'] },
    )
    assert.equal([scheme, authority, requestId], [undefined, undefined, undefined])
  }
})

test('nobody is trusted without trusted_proxies, not even this machine', () => {
  for (const from of ['127.0.0.1', '::1', '10.0.0.1'])
    assert.is(alone.of(head([['x-forwarded-for', '203.0.113.7']], { from })).address, from)
})

test('a trusted proxy names the client', () => {
  assert.is(client([['x-forwarded-for', '203.0.113.7']]).address, '203.0.113.7')
  assert.is(client([['forwarded', 'for=203.0.113.7']]).address, '203.0.113.7')
  assert.is(client([]).address, '10.0.0.1')
})

test('IPv4 inside IPv6 is IPv4, of the peer and of whom it names', () => {
  const mapped = clients.of(head([['x-forwarded-for', '::ffff:203.0.113.7']], { from: '::ffff:10.0.0.1' }))
  assert.equal([mapped.address, mapped.peer], ['203.0.113.7', '10.0.0.1'])
  assert.is(clients.of(head([], { from: '::ffff:198.51.100.1' })).address, '198.51.100.1')
  assert.ok(clients.of(head([], { from: '192.0.2.9' })).trusted)
  assert.is(client([['x-forwarded-for', '::ffff:cb00:7107']]).address, '203.0.113.7')
})

test('the list is read from the right and believed up to the first who is not trusted', () => {
  for (const [list, address] of [
    ['6.6.6.6, 203.0.113.7', '203.0.113.7'],
    ['6.6.6.6, 203.0.113.7, 10.0.0.2', '203.0.113.7'],
    ['6.6.6.6,203.0.113.7,\t10.0.0.2 , 10.9.9.9', '203.0.113.7'],
    ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['6.6.6.6, 2001:db8:2::1, 2001:db8:1::5', '2001:db8:2::1'],
    ['6.6.6.6, 203.0.113.7:4711', '203.0.113.7'],
    ['6.6.6.6, [2001:DB8:2:0::1]:4711', '2001:db8:2::1'],
  ] as const)
    assert.is(client([['x-forwarded-for', list]]).address, address, list)
  assert.is(
    client([
      ['x-forwarded-for', '6.6.6.6'],
      ['x-forwarded-for', '203.0.113.7'],
    ]).address,
    '203.0.113.7',
  )
})

test('what is no address ends the list', () => {
  const bad = [
    'unknown',
    '_hidden',
    '',
    'a.test',
    '203.0.113',
    '0313.0.113.7',
    '203.0.113.07',
    '0xcb.0.113.7',
    '3405803783',
  ]
  for (const entry of [
    ...bad,
    '203.0.113.7/32',
    '203.0.113.7:x',
    '[203.0.113.7]',
    'fe80::1%eth0',
    '"203.0.113.7"',
    '::g',
    '1'.repeat(5000),
  ]) {
    assert.is(client([['x-forwarded-for', `6.6.6.6, ${entry}`]]).address, '10.0.0.1', entry)
    assert.is(client([['x-forwarded-for', `6.6.6.6, ${entry}, 10.0.0.2`]]).address, '10.0.0.2', entry)
  }
})

test('Forwarded is read as RFC 7239 writes it', () => {
  for (const [list, address] of [
    ['for=6.6.6.6, for=203.0.113.7', '203.0.113.7'],
    ['for=6.6.6.6, For="203.0.113.7:80";proto=https;by=_x', '203.0.113.7'],
    ['for=203.0.113.7, for="[2001:db8:1::5]:4711";host="a, b"', '203.0.113.7'],
    ['for=6.6.6.6, proto=https;for="[2001:db8:2::1]"', '2001:db8:2::1'],
    ['for=6.6.6.6, for=unknown', '10.0.0.1'],
    ['for=6.6.6.6, proto=https', '10.0.0.1'],
    ['for=6.6.6.6, for=203.0.113.7;for=203.0.113.8', '10.0.0.1'],
    ['for=6.6.6.6, for=2001:db8:2::1', '10.0.0.1'],
    ['for=6.6.6.6, for=203.0.113.7;', '10.0.0.1'],
  ] as const)
    assert.is(client([['forwarded', list]]).address, address, list)
})

test('a quote that a client leaves open hides nothing that a proxy adds', () => {
  for (const start of ['for="', 'for="6.6.6.6', '"', 'for=6.6.6.6;host="', '\\"', 'for="a\\'])
    assert.is(client([['forwarded', `${start}, for=203.0.113.7`]]).address, '203.0.113.7', start)
  assert.is(client([['forwarded', 'for="6.6.6.6, for="[2001:db8:2::1]"']]).address, '2001:db8:2::1')
})

test('Forwarded of a client does not pass for the one of a proxy that writes X-Forwarded-For alone', () => {
  const fields: Field[] = [
    ['forwarded', 'for=6.6.6.6'],
    ['x-forwarded-for', '203.0.113.7'],
  ]
  assert.is(client(fields).address, '203.0.113.7')
  assert.equal(sent(fields, { from: '10.0.0.1' })['forwarded'], [
    'for=203.0.113.7, for=10.0.0.1;host=a.test;proto=http',
  ])
})

test('a list without end is looked at in part', () => {
  const hops = client([['x-forwarded-for', `203.0.113.7, ${'10.0.0.2, '.repeat(8000)}10.0.0.3`]])
  assert.is(hops.address, '10.0.0.2')
  assert.ok(hops.hops.length < 40)
})

test('whatever clients send before, the client is whom the proxy has seen', () => {
  const noise = fc.string({
    unit: fc.constantFrom('"', ',', ';', '=', 'for', '6.6.6.6', ' ', '\\', '[', ']', ':', 'a'),
    maxLength: 30,
  })
  fc.assert(
    fc.property(noise, fc.ipV6(), fc.boolean(), (before, six, standard) => {
      const name = standard ? 'forwarded' : 'x-forwarded-for'
      const written = (address: string): string => (standard ? `for=${address}` : address)
      assert.is(client([[name, `${before}, ${written('203.0.113.7')}`]]).address, '203.0.113.7')
      assert.is(
        client([
          [name, before],
          [name, written('203.0.113.7')],
        ]).address,
        '203.0.113.7',
      )
      const named = client([[name, `${before}, ${standard ? `for="[${six}]"` : six}`]]).address
      assert.not.equal(named, '6.6.6.6')
    }),
    { numRuns: 1000 },
  )
})

test('scheme, host and request id are those of a trusted proxy, when they are valid', () => {
  const said = client([
    ['x-forwarded-proto', 'HTTPS'],
    ['x-forwarded-host', 'B.test:8443'],
    ['x-request-id', 'ab-12_3.4'],
  ])
  assert.equal([said.scheme, said.authority, said.requestId], ['https', 'B.test:8443', 'ab-12_3.4'])
  const standard = client([
    ['forwarded', 'for=6.6.6.6;host=c.test, for=203.0.113.7;proto=https;host="b.test:1", for=10.0.0.2;host=d'],
  ])
  assert.equal([standard.scheme, standard.authority], ['https', 'b.test:1'])
  const last = client([
    ['x-forwarded-proto', 'https, http'],
    ['x-forwarded-host', 'evil.test, b.test'],
  ])
  assert.equal([last.scheme, last.authority], ['http', 'b.test'])
  const wrong = client([
    ['x-forwarded-proto', 'javascript'],
    ['x-forwarded-host', 'b.test/../c'],
    ['x-request-id', 'a b'],
  ])
  assert.equal([wrong.scheme, wrong.authority, wrong.requestId], [undefined, undefined, undefined])
  for (const id of ['', 'a"b', 'a\u00e9', 'x'.repeat(129), '{}'])
    assert.is(client([['x-request-id', id]]).requestId, undefined)
})

// --- what an upstream is told ---

test('an upstream is told of the peer, the scheme and the host', () => {
  const told = sent([['accept', '*/*']], { tls: true, authority: 'a.test:8443' })
  assert.equal(told['x-forwarded-for'], ['198.51.100.1'])
  assert.equal(told['x-forwarded-proto'], ['https'])
  assert.equal(told['x-forwarded-host'], ['a.test:8443'])
  assert.equal(told['forwarded'], ['for=198.51.100.1;host="a.test:8443";proto=https'])
  assert.equal(told['accept'], ['*/*'])
  assert.equal(sent([], { from: '2001:db8::1' })['forwarded'], ['for="[2001:db8::1]";host=a.test;proto=http'])
  assert.is(sent([['x-forwarded-host', 'evil']], { authority: '', version: 10 })['x-forwarded-host'], undefined)
})

test('what a peer that is not trusted says of itself does not leave', () => {
  const told = sent([
    ['forwarded', 'for=6.6.6.6'],
    ['x-forwarded-for', '6.6.6.6'],
    ['x-forwarded-for', '6.6.6.7'],
    ['x-forwarded-host', 'evil.test'],
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-port', '1'],
    ['x-forwarded-prefix', '/evil'],
    ['x-forwarded-user', 'admin'],
    ['x-forwarded', '6.6.6.6'],
    ['x-real-ip', '6.6.6.6'],
    ['X_Forwarded_For', '6.6.6.6'],
    ['x-forwarded_for', '6.6.6.6'],
    ['x_real-ip', '6.6.6.6'],
    ['x-forwardedness', 'kept'],
  ])
  assert.equal(Object.keys(told).sort(), [
    'forwarded',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwardedness',
  ])
  assert.not.match(JSON.stringify(told), /6\.6\.6|evil|https|admin/)
})

test('lists of a trusted proxy are kept, and the proxy is put at their end', () => {
  const given = { from: '10.0.0.1', tls: true } as const
  const told = sent(
    [
      ['x-forwarded-for', '6.6.6.6, 203.0.113.7'],
      ['x-forwarded-for', '10.0.0.2'],
      ['x-forwarded-proto', 'http'],
      ['x-forwarded-host', 'public.test'],
      ['x-forwarded-port', '80'],
      ['x-real-ip', '203.0.113.7'],
      ['x_forwarded_for', '6.6.6.6'],
    ],
    given,
  )
  assert.equal(told['x-forwarded-for'], ['6.6.6.6, 203.0.113.7, 10.0.0.2, 10.0.0.1'])
  assert.equal(told['x-forwarded-proto'], ['http'])
  assert.equal(told['x-forwarded-host'], ['public.test'])
  assert.equal(told['x-forwarded-port'], ['80'])
  assert.equal(told['x-real-ip'], ['203.0.113.7'])
  assert.is(told['x_forwarded_for'], undefined)
  assert.equal(told['forwarded'], [
    'for=203.0.113.7;host=public.test;proto=http, for=10.0.0.2, for=10.0.0.1;host=a.test;proto=https',
  ])
  const standard = sent([['forwarded', 'for=203.0.113.7;proto=http']], given)
  assert.equal(standard['forwarded'], ['for=203.0.113.7;proto=http, for=10.0.0.1;host=a.test;proto=https'])
  assert.equal(standard['x-forwarded-for'], ['203.0.113.7, 10.0.0.1'])
})

test('Via keeps who was there and names this gateway, without its name, and the version it was asked in', () => {
  for (const [version, said] of [
    [10, '1.0'],
    [11, '1.1'],
    [20, '2.0'],
    [30, '3.0'],
  ] as const) {
    const told = sent([['via', '1.0 fred (x, y)']], { version })['via']
    assert.is(told?.[0], '1.0 fred (x, y)')
    assert.match(told?.[1] ?? '', new RegExp(`^${said} harmony-[0-9a-f]{10}$`))
  }
})

test('each gateway has a name of its own, which a reload keeps', () => {
  const name = (identity: string): string => createClients({ identity, trustedProxies: [] }).of(head()).pseudonym
  assert.is(name('a'), name('a'))
  assert.not.equal(name('a'), name('b'))
})

test('a request that has passed here too often is a loop; others may pass', () => {
  const { pseudonym } = clients.of(head())
  const loops = (...via: string[]): boolean => clients.of(head(via.map((value): Field => ['via', value]))).loops
  const us = `1.1 ${pseudonym}`
  assert.not(loops())
  assert.not(loops(us, us, us))
  assert.ok(loops(us, us, us, us))
  assert.ok(loops(`${us}, 1.1 other, 2.0\t${pseudonym}`, `HTTP/1.1 ${pseudonym} (comment) ,${us}`))
  assert.not(loops(...Array.from({ length: 9 }, () => '1.1 harmony-0123456789')))
  assert.not(loops(...Array.from({ length: 9 }, () => `1.1 ${pseudonym}x`), `1.1 x (${pseudonym})`))
})

test('credentials of a proxy go no further, either way', () => {
  assert.is(sent([['proxy-authorization', 'Basic eDp5']])['proxy-authorization'], undefined)
  const { headers } = head([
    ['proxy-authenticate', 'Basic'],
    ['www-authenticate', 'Basic'],
  ])
  assert.equal(edited(headers, responseEdits), [['www-authenticate', 'Basic']])
})

test('a bad entry of trusted_proxies stops the build', () => {
  for (const entry of ['10.0.0.0/33', 'a.test', '10.1', '010.0.0.1', ''])
    assert.throws(() => createClients({ identity: 'gw', trustedProxies: [entry] }), entry)
})

test.run()
