// Lists of addresses: which clients are in them.
import * as assert from 'uvu/assert'
import * as fc from 'fast-check'
import { clientKey, compileAddresses } from '../core/address.ts'
import { suite } from './support/suite.ts'

const test = suite('address')

test('addresses and ranges of both families hold what they say', () => {
  const cases: [entry: string, address: string, listed: boolean][] = [
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.1.2.3/8', '10.9.9.9', true],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '203.0.113.1', false],
    ['2001:db8::/32', '2001:DB8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['192.0.2.0/24', '::ffff:192.0.2.9', true],
    ['192.0.2.0/24', '::ffff:c000:209', true],
    ['::ffff:192.0.2.0/120', '192.0.2.9', true],
    ['::ffff:192.0.2.0/120', '192.0.3.9', false],
    ['::ffff:192.0.2.9', '192.0.2.9', true],
    ['::ffff:0.0.0.0/95', '::fffe:1.2.3.4', true],
    ['::ffff:0.0.0.0/95', '192.0.2.9', false],
    ['fe80::/10', 'fe80::1%eth0', true],
  ]
  for (const [entry, address, listed] of cases) {
    assert.is(compileAddresses([entry])(address), listed, `${address} in ${entry}`)
  }
})

test('what is no address is neither in a list nor outside of it', () => {
  for (const text of [
    '',
    'localhost',
    '1',
    '010.0.0.1',
    '10.0.1',
    '0x0a.0.0.1',
    '10.0.0.256',
    '::ffff:010.0.0.1',
    '10.0.0.1, 10.0.0.2',
    ':::',
  ]) {
    assert.is(compileAddresses(['0.0.0.0/0', '::/0'])(text), undefined, text)
  }
})

test('an entry that could be read in two ways is refused', () => {
  for (const entry of [
    '010.0.0.1',
    '10.1',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/8 ',
    '',
    'a.example',
    '1/8',
  ]) {
    assert.throws(() => compileAddresses([entry]), /is no (address|range)/, entry)
  }
})

test('ranges of IPv4 agree with arithmetic on random addresses', () => {
  const bits32 = fc.integer({ min: 0, max: 0xffffffff })
  fc.assert(
    fc.property(
      bits32,
      fc.integer({ min: 0, max: 32 }),
      bits32,
      fc.integer({ min: 0, max: 32 }),
      (base, length, noise, shared) => {
        const address = keep(base, noise, 32, shared)
        const listed = compileAddresses([`${dotted(base)}/${length}`])
        assert.is(listed(dotted(address)), same(BigInt(base), BigInt(address), 32, length))
        assert.is(listed(`::ffff:${dotted(address)}`), same(BigInt(base), BigInt(address), 32, length))
      },
    ),
    { numRuns: 5000 },
  )
})

test('ranges of IPv6 agree with arithmetic on random addresses', () => {
  const bits128 = fc.bigInt({ min: 1n << 120n, max: (1n << 128n) - 1n })
  fc.assert(
    fc.property(
      bits128,
      fc.integer({ min: 0, max: 128 }),
      fc.integer({ min: 0, max: 127 }),
      (base, length, flipped) => {
        const address = base ^ (1n << BigInt(127 - flipped))
        assert.is(compileAddresses([`${groups(base)}/${length}`])(groups(address)), same(base, address, 128, length))
      },
    ),
    { numRuns: 5000 },
  )
})

test('limits count an IPv4 address, and the /64 of an IPv6 one', () => {
  assert.is(clientKey('192.0.2.7'), clientKey('::ffff:192.0.2.7'))
  assert.is.not(clientKey('192.0.2.7'), clientKey('192.0.2.8'))
  assert.is(clientKey('2001:db8:0:1::1'), clientKey('2001:DB8:0:1:ffff:ffff:ffff:ffff'))
  assert.is.not(clientKey('2001:db8:0:1::1'), clientKey('2001:db8:0:2::1'))
  assert.is(clientKey('fe80::1%eth0'), clientKey('fe80::2%eth1'))
})

/** The first `shared` bits of one number, the others of another. */
function keep(base: number, noise: number, size: number, shared: number): number {
  const mask = shared === 0 ? 0n : ((1n << BigInt(shared)) - 1n) << BigInt(size - shared)
  return Number((BigInt(base) & mask) | (BigInt(noise) & ~mask & ((1n << BigInt(size)) - 1n)))
}

function same(one: bigint, other: bigint, size: number, length: number): boolean {
  return one >> BigInt(size - length) === other >> BigInt(size - length)
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
}

function groups(address: bigint): string {
  return [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => ((address >> shift) & 0xffffn).toString(16)).join(':')
}

test.run()
