// Rules about who asks, how, and for what: each says allow, deny, or nothing.
import * as assert from 'uvu/assert'
import type { Rule } from '../../core/config/middleware.ts'
import { rules } from '../../core/pipeline/rule/registry.ts'
import type { Outcome } from '../../core/pipeline/rule/rule.ts'
import { fakeExchange } from '../support/exchange.ts'
import type { RequestParts } from '../support/exchange.ts'
import { suite } from '../support/suite.ts'
import { compiled, rule, world } from './fixture.ts'

const test = suite('rules')

const says = (made: Rule, request: RequestParts = {}): Outcome => compiled(made)(fakeExchange(request))

test('every type of the specification has its row', () => {
  const types =
    'allow_all deny_all ip_allow ip_deny rate_limit path geo header time_based method user_agent content_type query_parameter'
  assert.equal(Object.keys(rules).toSorted(), types.split(' ').toSorted())
})

test('allow_all allows and deny_all denies', () => {
  assert.is(says(rule('allow_all', {})), 'allow')
  assert.is(says(rule('deny_all', {})), 'deny')
})

test('ip_allow allows the listed and says nothing about others', () => {
  const made = rule('ip_allow', { addresses: ['192.0.2.0/24', '2001:db8::/32'] })
  assert.is(says(made, { clientAddress: '192.0.2.9' }), 'allow')
  assert.is(says(made, { clientAddress: '2001:db8::9' }), 'allow')
  assert.is(says(made, { clientAddress: '198.51.100.9' }), undefined)
  assert.is(says(made, { clientAddress: 'unknown' }), undefined)
})

test('ip_deny denies the listed, and clients whose address cannot be read', () => {
  const made = rule('ip_deny', { addresses: ['192.0.2.0/24'] })
  assert.is(says(made, { clientAddress: '192.0.2.9' }), 'deny')
  assert.is(says(made, { clientAddress: '::ffff:192.0.2.9' }), 'deny')
  assert.is(says(made, { clientAddress: 'unknown' }), 'deny')
  assert.is(says(made, { clientAddress: '198.51.100.9' }), undefined)
})

test('rules about addresses look at the client that the gateway found, never at a header', () => {
  const headers = [
    ['x-forwarded-for', '192.0.2.9'],
    ['forwarded', 'for=192.0.2.9'],
    ['x-real-ip', '192.0.2.9'],
  ] as const
  const request = { clientAddress: '198.51.100.9', headers, metadata: { client_ip: '192.0.2.9' } }
  assert.is(says(rule('ip_allow', { addresses: ['192.0.2.0/24'] }), request), undefined)
  assert.is(says(rule('ip_deny', { addresses: ['198.51.100.0/24'] }), request), 'deny')
  const limit = compiled(rule('rate_limit', { maxRequests: 1, windowSeconds: 60 }))
  limit(fakeExchange({ clientAddress: '198.51.100.9' }))
  assert.is(limit(fakeExchange(request)), 'deny')
})

test('rate_limit denies what is over the limit, and never allows', () => {
  const surroundings = world()
  const made = rule('rate_limit', { id: 'login', maxRequests: 2, windowSeconds: 10 })
  const ask = (): Outcome => compiled(made, surroundings)(fakeExchange())
  // compiled anew each time, as a reload does: the counter is the gateway's
  assert.equal([ask(), ask(), ask()], [undefined, undefined, 'deny'])
  surroundings.nowMs += 10_000
  assert.is(ask(), undefined)
})

test('path matches what follows the prefix', () => {
  const request = { prefix: '/fhir', path: 'Patient/1' }
  assert.is(says(rule('path', { paths: ['/none', '/Patient/{id}'], mode: 'allow' }), request), 'allow')
  assert.is(says(rule('path', { paths: ['/Patient/{id}'], mode: 'deny' }), request), 'deny')
  assert.is(says(rule('path', { paths: ['/fhir/Patient/{id}'], mode: 'allow' }), request), undefined)
  assert.is(says(rule('path', { paths: ['/'], mode: 'allow' }), { prefix: '/fhir' }), 'allow')
})

test('path denies by either reading and allows by both', () => {
  const path = 'Patient/1%2F_history'
  assert.is(says(rule('path', { paths: ['/Patient/{id}'], mode: 'allow' }), { path }), undefined)
  assert.is(says(rule('path', { paths: ['/Patient/{id}'], mode: 'deny' }), { path }), 'deny')
  assert.is(says(rule('path', { paths: ['/Patient/{id}/_history'], mode: 'deny' }), { path }), 'deny')
  assert.is(
    says(rule('path', { paths: ['/Patient/{id}', '/Patient/{id}/_history'], mode: 'allow' }), { path }),
    'allow',
  )
})

test('geo matches the country of the metadata, and nothing without one', () => {
  const allow = rule('geo', { countryCodes: ['no', 'SE'], mode: 'allow' })
  assert.is(says(allow, { metadata: { geo_country: 'NO' } }), 'allow')
  assert.is(says(allow, { metadata: { country_code: 'se' } }), 'allow')
  assert.is(says(allow, { metadata: { geo_country: 'DK', country_code: 'SE' } }), undefined)
  assert.is(says(allow), undefined)
  assert.is(says(rule('geo', { countryCodes: ['NO'], mode: 'deny' }), { metadata: { geo_country: 'no' } }), 'deny')
})

test('method allows exactly and denies in any case', () => {
  const allow = rule('method', { methods: ['get', 'HEAD'], mode: 'allow' })
  const deny = rule('method', { methods: ['DELETE'], mode: 'deny' })
  assert.is(says(allow, { method: 'GET' }), 'allow')
  assert.is(says(allow, { method: 'get' }), undefined)
  assert.is(says(allow, { method: 'POST' }), undefined)
  assert.is(says(deny, { method: 'delete' }), 'deny')
  assert.is(says(deny, { method: 'DELETEX' }), undefined)
})

test.run()
