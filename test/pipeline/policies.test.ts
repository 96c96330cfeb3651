// policies: how the answers of rules become one.
import * as assert from 'uvu/assert'
import * as fc from 'fast-check'
import type { Middleware, Rule } from '../../core/config/middleware.ts'
import { suite } from '../support/suite.ts'
import { ask, handler, place, policiesOf, rule, world } from './fixture.ts'
import type { World } from './fixture.ts'

const test = suite('policies')

const allow = rule('allow_all', {})
const deny = rule('deny_all', {})
const silent = rule('ip_allow', { addresses: ['203.0.113.1'] })

const passes = async (middleware: Middleware, surroundings?: World): Promise<boolean> =>
  (await ask(handler(middleware, surroundings))) === undefined

test('one rule that allows is enough, whatever the others do not say', async () => {
  assert.is(await passes(policiesOf([silent, allow, silent])), true)
})

test('any rule that denies wins, whatever its weight or its place', async () => {
  for (const weight of [0, 1000]) {
    for (const rules of [
      [allow, { ...deny, weight }],
      [{ ...deny, weight }, allow],
    ]) {
      assert.is(await passes(policiesOf(rules)), false)
    }
  }
})

test('a set that says nothing lets nobody through', async () => {
  assert.is(await passes(policiesOf([])), false)
  assert.is(await passes(policiesOf([silent])), false)
  assert.is(await passes(policiesOf([rule('rate_limit', { maxRequests: 10, windowSeconds: 60 })])), false)
  assert.is(await passes(policiesOf([rule('ip_deny', { addresses: ['203.0.113.1'] })])), false)
  assert.is(await passes({ name: 'gate', type: 'policies', policies: [], place }), false)
})

test('disabled rules and policies say nothing', async () => {
  assert.is(await passes(policiesOf([allow, { ...deny, enabled: false }])), true)
  assert.is(await passes(policiesOf([{ ...allow, enabled: false }])), false)
  assert.is(await passes(policiesOf([allow], false)), false)
})

test('a denial in one policy beats what another one allows', async () => {
  const [first] = policiesOf([allow]).policies
  const [second] = policiesOf([deny]).policies
  assert.ok(first && second)
  assert.is(await passes({ name: 'gate', type: 'policies', policies: [first, second], place }), false)
  assert.is(
    await passes({ name: 'gate', type: 'policies', policies: [first, { ...second, enabled: false }], place }),
    true,
  )
})

test('requests that are denied anyway count against a limit', async () => {
  const surroundings = world()
  const limit = rule('rate_limit', { maxRequests: 2, windowSeconds: 60 })
  const shut = handler(policiesOf([deny, limit]), surroundings)
  await ask(shut)
  await ask(shut)
  assert.is(await passes(policiesOf([allow, limit]), surroundings), false)
})

test('the log is told the rule with the highest weight, the client nothing', async () => {
  const rules = [{ ...deny, id: 'light', weight: 1 }, { ...deny, id: 'heavy', weight: 900 }, allow]
  const refusal = await ask(handler(policiesOf(rules)))
  assert.is(refusal?.code, 'policy/denied')
  assert.match(refusal?.detail ?? '', /rule heavy of policy policy/)
  assert.is(refusal?.headers, undefined)
})

test('the outcome depends on what the rules say alone, not on their order', async () => {
  const kinds: Record<string, Rule> = { allow, deny, silent }
  const rules = fc.array(fc.tuple(fc.constantFrom('allow', 'deny', 'silent'), fc.nat(3), fc.boolean()), {
    maxLength: 6,
  })
  await fc.assert(
    fc.asyncProperty(rules, async (list) => {
      const made = list.map(([kind, weight, enabled]) => ({ ...(kinds[kind] ?? deny), weight, enabled }))
      const said = new Set(list.filter(([, , enabled]) => enabled).map(([kind]) => kind))
      assert.is(await passes(policiesOf(made)), said.has('allow') && !said.has('deny'))
    }),
  )
})

test.run()
