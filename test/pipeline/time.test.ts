// time_based: windows of dates, days and times, in zones with and without summer time.
import * as assert from 'uvu/assert'
import type { TimeWindow } from '../../core/config/middleware.ts'
import { fakeExchange } from '../support/exchange.ts'
import { suite } from '../support/suite.ts'
import { compiled, rule, world } from './fixture.ts'

const test = suite('time_based')

const always: TimeWindow = {
  allowDuringWindow: true,
  timezone: 'UTC',
  startMinute: undefined,
  endMinute: undefined,
  days: undefined,
  startDate: undefined,
  endDate: undefined,
}

/** What a window says at a moment. */
function says(window: Partial<TimeWindow>, moment: string): 'allow' | 'deny' | undefined {
  const surroundings = world()
  surroundings.nowMs = Date.parse(moment)
  return compiled(rule('time_based', { ...always, ...window }), surroundings)(fakeExchange())
}

const at = (hour: number, minute = 0): number => hour * 60 + minute

test('inside of the window is allowed and outside denied, or the other way round', () => {
  const office = { startMinute: at(9), endMinute: at(17) }
  assert.is(says(office, '2026-11-20T12:00:00Z'), 'allow')
  assert.is(says(office, '2026-11-20T18:00:00Z'), 'deny')
  assert.is(says({ ...office, allowDuringWindow: false }, '2026-11-20T12:00:00Z'), 'deny')
  assert.is(says({ ...office, allowDuringWindow: false }, '2026-11-20T18:00:00Z'), 'allow')
  assert.is(says({}, '2026-11-20T18:00:00Z'), 'allow')
})

test('the start is inclusive and the end exclusive', () => {
  const office = { startMinute: at(9), endMinute: at(17) }
  assert.is(says(office, '2026-11-20T08:59:59.999Z'), 'deny')
  assert.is(says(office, '2026-11-20T09:00:00Z'), 'allow')
  assert.is(says(office, '2026-11-20T16:59:59.999Z'), 'allow')
  assert.is(says(office, '2026-11-20T17:00:00Z'), 'deny')
})

test('a window goes over midnight when its end is not after its start', () => {
  const night = { startMinute: at(22), endMinute: at(6) }
  for (const [time, outcome] of [
    ['21:59', 'deny'],
    ['22:00', 'allow'],
    ['00:00', 'allow'],
    ['05:59', 'allow'],
    ['06:00', 'deny'],
  ] as const) {
    assert.is(says(night, `2026-11-20T${time}:00Z`), outcome, time)
  }
  assert.is(says({ startMinute: at(8), endMinute: at(8) }, '2026-11-20T07:59:00Z'), 'allow')
})

test('a start or an end alone bounds one side of the day', () => {
  assert.is(says({ startMinute: at(12) }, '2026-11-20T23:59:00Z'), 'allow')
  assert.is(says({ startMinute: at(12) }, '2026-11-20T11:59:00Z'), 'deny')
  assert.is(says({ endMinute: at(12) }, '2026-11-20T00:00:00Z'), 'allow')
  assert.is(says({ endMinute: at(12) }, '2026-11-20T12:00:00Z'), 'deny')
  assert.is(says({ endMinute: at(24) }, '2026-11-20T23:59:00Z'), 'allow')
})

test('days are those of the zone', () => {
  const friday = { days: [5] }
  assert.is(says(friday, '2026-11-20T12:00:00Z'), 'allow')
  assert.is(says(friday, '2026-11-21T00:30:00Z'), 'deny')
  assert.is(says({ ...friday, timezone: 'America/New_York' }, '2026-11-21T00:30:00Z'), 'allow')
  assert.is(says({ days: [0] }, '2026-11-22T12:00:00Z'), 'allow')
})

test('dates are inclusive, in the zone', () => {
  const november = { startDate: '2026-11-01', endDate: '2026-11-30' }
  assert.is(says(november, '2026-10-31T23:59:59Z'), 'deny')
  assert.is(says(november, '2026-11-01T00:00:00Z'), 'allow')
  assert.is(says(november, '2026-11-30T23:59:59Z'), 'allow')
  assert.is(says(november, '2026-12-01T00:00:00Z'), 'deny')
  assert.is(says({ ...november, timezone: 'Pacific/Auckland' }, '2026-10-31T12:00:00Z'), 'allow')
})

test('summer time moves the window with the clock on the wall', () => {
  const office = { startMinute: at(9), endMinute: at(17), timezone: 'Europe/Berlin' }
  assert.is(says(office, '2026-01-15T08:00:00Z'), 'allow')
  assert.is(says(office, '2026-01-15T07:59:00Z'), 'deny')
  assert.is(says(office, '2026-07-15T07:00:00Z'), 'allow')
  assert.is(says(office, '2026-07-15T15:00:00Z'), 'deny')
})

test('zones off the hour count their minutes', () => {
  assert.is(says({ startMinute: at(9), timezone: 'Asia/Kathmandu' }, '2026-11-20T03:15:00Z'), 'allow')
  assert.is(says({ startMinute: at(9), timezone: 'Asia/Kathmandu' }, '2026-11-20T03:14:00Z'), 'deny')
})

test('the answer changes with the minute, also in a rule that has been asked before', () => {
  const surroundings = world()
  surroundings.nowMs = Date.parse('2026-11-20T08:59:59Z')
  const ask = compiled(rule('time_based', { ...always, startMinute: at(9) }), surroundings)
  assert.is(ask(fakeExchange()), 'deny')
  surroundings.nowMs += 1000
  assert.is(ask(fakeExchange()), 'allow')
})

test('a zone that does not exist is refused when the rule is built', () => {
  assert.throws(() => compiled(rule('time_based', { ...always, timezone: 'Europe/Atlantis' })), /Atlantis/)
})

test.run()
