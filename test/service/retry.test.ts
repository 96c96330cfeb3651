// What is repeated, how soon, and how often an upstream has to bear it.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Budget, backoffMs, judge, withRetries } from '../../core/pipeline/retry.ts'
import type { End, Verdict } from '../../core/pipeline/retry.ts'
import { errorCodes } from '../../quic/index.ts'
import type { ErrorCode, Failure, FailureDecision, Forward } from '../../quic/index.ts'
import { suite } from '../support/suite.ts'
import { opener, spec } from './fixture.ts'

const test = suite('retry')

// --- what may be repeated ---

const safe = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']
const unsafe = ['POST', 'PATCH', 'CONNECT', 'PROPFIND', 'get', '']
const nothingSent: ErrorCode[] = [
  'connect/closed',
  'connect/dns',
  'connect/refused',
  'connect/timeout',
  'connect/unreachable',
  'upstream/refused',
]
const maybeDone: ErrorCode[] = ['timeout/first-byte', 'timeout/idle', 'upstream/closed', 'upstream/reset']

const ask = (method: string, code: ErrorCode, more: { replayable?: boolean; repeated?: number; gone?: boolean } = {}) =>
  judge({
    method,
    failure: { code, replayable: more.replayable ?? true },
    repeated: more.repeated ?? 0,
    maxRetries: 3,
    gone: more.gone ?? false,
  })

for (const code of errorCodes) {
  const expected = (method: string): Verdict =>
    nothingSent.includes(code)
      ? 'again'
      : maybeDone.includes(code)
        ? safe.includes(method)
          ? 'again'
          : 'unsafe'
        : 'pointless'
  test(`${code}: ${expected('GET')} for GET, ${expected('POST')} for POST`, () => {
    for (const method of [...safe, ...unsafe]) assert.is(ask(method, code), expected(method), method)
  })
}

test('a request whose content is gone is never repeated', () => {
  for (const code of [...nothingSent, ...maybeDone]) {
    for (const method of [...safe, ...unsafe]) assert.is(ask(method, code, { replayable: false }), 'unsafe')
  }
})

test('no more than maxRetries, and none for a client that has left', () => {
  assert.is(ask('GET', 'connect/refused', { repeated: 2 }), 'again')
  assert.is(ask('GET', 'connect/refused', { repeated: 3 }), 'exhausted')
  assert.is(ask('GET', 'connect/refused', { gone: true }), 'gone')
  const none = {
    method: 'GET',
    failure: { code: 'connect/refused', replayable: true },
    repeated: 0,
    gone: false,
  } as const
  assert.is(judge({ ...none, maxRetries: 0 }), 'exhausted')
})

test('the wait doubles up to a second, and half of it is chance', () => {
  assert.equal(
    [0, 1, 2].map((repeated) => backoffMs(repeated, 1)),
    [25, 50, 100],
  )
  assert.equal(
    [0, 1, 2].map((repeated) => backoffMs(repeated, 0)),
    [12.5, 25, 50],
  )
  assert.is(backoffMs(9, 1), 1_000)
  assert.is(backoffMs(1_000, 1), 1_000)
})

// --- the budget ---

test('without requests the floor is all there is, and it comes back over the window', () => {
  const budget = new Budget(0, { floor: 3, windowMs: 1_000 })
  const taken = (nowMs: number) => [1, 2, 3, 4, 5].filter(() => budget.take(nowMs)).length
  assert.is(taken(0), 3)
  assert.is(taken(10), 0)
  assert.is(taken(10_000), 2, 'almost the floor again')
})

test('a fifth of the requests may be repeated, and what is saved is forgotten', () => {
  const busy = new Budget(0)
  for (let request = 0; request < 1_000; request++) busy.deposit(0)
  let taken = 0
  while (busy.take(0)) taken += 1
  assert.ok(Math.abs(taken - 210) <= 1, `${taken} of 1000 requests and a floor of 10`)

  const idle = new Budget(0)
  for (let request = 0; request < 1_000; request++) idle.deposit(0)
  taken = 0
  while (idle.take(100_000)) taken += 1
  assert.is(taken, 10)
})

test('a clock that is set back neither fills nor empties it', () => {
  const budget = new Budget(1_000_000, { floor: 2 })
  assert.is(budget.take(1_000_000), true)
  assert.is(budget.take(0), true)
  assert.is(budget.take(0), false)
  assert.is(budget.take(-1), false)
})

test('retries never exceed the share of requests and the floor of the time, in any order of events', () => {
  const step = fc.record({ afterMs: fc.integer({ min: 0, max: 3_000 }), retry: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const [share, floor, windowMs] = [0.2, 4, 10_000]
      const budget = new Budget(0, { share, floor, windowMs })
      let [now, requests, granted] = [0, 0, 0]
      for (const { afterMs, retry } of steps) {
        now += afterMs
        if (retry) granted += budget.take(now) ? 1 : 0
        else {
          requests += 1
          budget.deposit(now)
        }
        const bound = floor * (1 + now / windowMs) + share * requests
        assert.ok(granted <= bound + 1e-6, `${granted} retries, ${bound} allowed`)
      }
    }),
  )
})

test('an outage under constant load is multiplied by no more than the share', () => {
  const budget = new Budget(0)
  let granted = 0
  // 100 requests a second for a minute, each of which would be repeated three times
  for (let now = 0; now < 60_000; now += 10) {
    budget.deposit(now)
    for (let attempt = 0; attempt < 3; attempt++) if (budget.take(now)) granted += 1
  }
  assert.ok(granted >= 1_000 && granted <= 6_000 * 0.2 + 70, `${granted} retries of 6000 requests`)
})

// --- the decision that repeats itself ---

const { upstream } = opener().open(spec(), false)
const failure = (code: ErrorCode, replayable = true): Failure => ({
  code,
  replayable,
  detail: '',
  wireCode: undefined,
  upstream: 1,
  fault: 'upstream',
  retry: true,
  status: 502,
})

function trial(more: { max?: number; budget?: Budget; signal?: AbortSignal; method?: string } = {}) {
  const ends: End[] = []
  const retried: string[] = []
  const forward: Forward = { kind: 'forward', upstream, target: '/x', edit: [{ remove: 'a' }], body: 'content' }
  const decision = withRetries(forward, {
    method: more.method ?? 'GET',
    max: more.max ?? 2,
    budget: more.budget ?? new Budget(0),
    signal: () => more.signal ?? new AbortController().signal,
    now: () => 0,
    random: () => 0,
    onRetry: ({ code }) => retried.push(code),
    giveUp: (_failure, why) => {
      ends.push(why)
      return { kind: 'respond', status: 502 }
    },
  })
  const fail = async (from: Forward, code: ErrorCode): Promise<FailureDecision> => {
    if (from.onFailure === undefined) throw new Error('it has no hook')
    return from.onFailure(failure(code))
  }
  return { decision, forward, fail, ends, retried }
}

test('a failed attempt is the same decision again, until the tries are used up', async () => {
  const { decision, forward, fail, ends, retried } = trial()
  let next: FailureDecision = decision
  for (const code of ['connect/refused', 'upstream/reset'] as const) {
    if (next.kind !== 'forward') throw new Error('it gave up')
    next = await fail(next, code)
    assert.is(next.kind, 'forward')
    assert.equal({ ...next, onFailure: undefined }, { ...forward, onFailure: undefined })
  }
  if (next.kind !== 'forward') throw new Error('it gave up')
  assert.is((await fail(next, 'connect/refused')).kind, 'respond')
  assert.equal(ends, ['exhausted'])
  assert.equal(retried, ['connect/refused', 'upstream/reset'])
})

test('what may not be repeated is given up at once', async () => {
  const { decision, fail, ends, retried } = trial({ method: 'POST' })
  assert.is((await fail(decision, 'timeout/first-byte')).kind, 'respond')
  assert.equal([ends, retried], [['unsafe'], []])
})

test('a spent budget ends the retries of every request', async () => {
  const budget = new Budget(0, { floor: 1, share: 0 })
  const [first, second] = [trial({ budget }), trial({ budget })]
  assert.is((await first.fail(first.decision, 'connect/refused')).kind, 'forward')
  assert.is((await second.fail(second.decision, 'connect/refused')).kind, 'respond')
  assert.equal(second.ends, ['budget'])
})

test('a request, but not its repetition, is paid into the budget', async () => {
  const budget = new Budget(0, { floor: 0, share: 0.5 })
  const one = trial({ budget })
  assert.is((await one.fail(one.decision, 'connect/refused')).kind, 'respond', 'half a retry is none')
  const two = trial({ budget })
  assert.is((await two.fail(two.decision, 'connect/refused')).kind, 'forward')
  assert.is((await two.fail(two.decision, 'connect/refused')).kind, 'respond')
  assert.equal(two.ends, ['budget'])
})

test('a client that leaves during the wait ends it', async () => {
  const controller = new AbortController()
  const { decision, fail, ends } = trial({ signal: controller.signal })
  const waiting = fail(decision, 'connect/refused')
  controller.abort()
  assert.is((await waiting).kind, 'respond')
  assert.equal(ends, ['gone'])
})

test.run()
