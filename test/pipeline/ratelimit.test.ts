// Counters of rate limits: windows, who is counted, and what a flood of addresses can do to them.
import * as assert from 'uvu/assert'
import { createRateLimits } from '../../core/pipeline/ratelimit.ts'
import { suite } from '../support/suite.ts'

const test = suite('rate limits')

const windowMs = 60_000

test('as many requests pass as the limit says, and the next ones until the window ends do not', () => {
  const limits = createRateLimits()
  const take = (nowMs: number): boolean => limits.take('r', '192.0.2.7', 3, windowMs, nowMs)
  assert.equal([take(1000), take(1000), take(30_000), take(30_001), take(60_999)], [true, true, true, false, false])
  // a new window starts with the first request behind the end, not with the clock
  assert.equal([take(75_000), take(134_999), take(134_999), take(134_999)], [true, true, true, false])
  assert.is(take(135_000), true)
})

test('refused requests do not lengthen the window', () => {
  const limits = createRateLimits()
  for (let nowMs = 0; nowMs < windowMs; nowMs += 1000) limits.take('r', '192.0.2.7', 1, windowMs, nowMs)
  assert.is(limits.take('r', '192.0.2.7', 1, windowMs, windowMs), true)
})

test('a limit of none lets nothing pass', () => {
  assert.is(createRateLimits().take('r', '192.0.2.7', 0, windowMs, 0), false)
})

test('rules and clients are counted apart, addresses of one IPv6 network together', () => {
  const limits = createRateLimits()
  const take = (rule: string, client: string): boolean => limits.take(rule, client, 1, windowMs, 0)
  assert.is(take('r', '192.0.2.7'), true)
  assert.is(take('s', '192.0.2.7'), true)
  assert.is(take('r', '192.0.2.8'), true)
  assert.is(take('r', '::ffff:192.0.2.7'), false)
  assert.is(take('r', '2001:db8::1'), true)
  assert.is(take('r', '2001:db8::2'), false)
  assert.is(take('r', '2001:db8:0:1::1'), true)
})

test('a limit that a reload raised counts at once', () => {
  const limits = createRateLimits()
  assert.equal(
    [1, 1, 3, 3].map((most) => limits.take('r', '192.0.2.7', most, windowMs, 0)),
    [true, false, true, false],
  )
})

test('a clock that is set back does not lock clients out', () => {
  const limits = createRateLimits()
  for (let count = 0; count < 5; count++) limits.take('r', '192.0.2.7', 1, windowMs, 10_000_000)
  assert.is(limits.take('r', '192.0.2.7', 1, windowMs, 1000), true)
})

test('a flood from other addresses frees nobody who is over the limit', () => {
  const limits = createRateLimits(100)
  const take = (client: string): boolean => limits.take('r', client, 2, windowMs, 0)
  for (let count = 0; count < 3; count++) take('192.0.2.7')
  for (let other = 0; other < 10_000; other++) take(`10.0.${other >> 8}.${other & 255}`)
  assert.is(take('192.0.2.7'), false)
})

test('memory stays bounded: the counters of the longest silent are dropped', () => {
  const limits = createRateLimits(100)
  const take = (client: string): boolean => limits.take('r', client, 1, windowMs, 0)
  take('192.0.2.7')
  for (let other = 0; other < 100; other++) take(`10.0.0.${other}`)
  assert.is(take('192.0.2.7'), true)
  // those that are over the limit are bounded too
  for (let round = 0; round < 2; round++) for (let other = 0; other < 101; other++) take(`10.1.0.${other}`)
  assert.is(take('10.1.0.100'), false)
})

test.run()
