// Chains: the order in which handlers run, what stops them, and what is shared.
import * as assert from 'uvu/assert'
import type { Middleware } from '../../core/config/middleware.ts'
import { createChains } from '../../core/pipeline/chain.ts'
import type { Verdict } from '../../core/pipeline/middleware.ts'
import { middlewareTypes } from '../../core/pipeline/registry.ts'
import { refuse } from '../../core/refusal/refusal.ts'
import { fakeExchange, fakeResponse } from '../support/exchange.ts'
import { fakeLog } from '../support/log.ts'
import { suite } from '../support/suite.ts'
import { chain, configOf, pipelineOf, place, policiesOf, rule, runLeft, world } from './fixture.ts'
import type { World } from './fixture.ts'
import { jwk, jwt, rsa, sign } from './tokens.ts'

const test = suite('chain')

type Step = () => Verdict | Promise<Verdict>

/** A world whose mesh checks, by name, are these steps. */
function steps(table: Readonly<Record<string, Step>>): { surroundings: World; ran: string[] } {
  const ran: string[] = []
  const surroundings: World = Object.assign(world(), {
    meshCheck: (auth: { meshId: string }) => () => {
      ran.push(auth.meshId)
      return table[auth.meshId]?.()
    },
  })
  return { surroundings, ran }
}

const step = (meshId: string): Middleware => ({
  name: meshId,
  type: 'mesh_auth',
  place,
  direction: 'ingress',
  required: true,
  meshId,
  algorithm: 'HS256',
  signing: undefined,
  verification: [],
  destination: undefined,
  mesh: {
    name: meshId,
    id: meshId,
    type: 'http',
    provider: 'local',
    algorithm: 'HS256',
    signing: undefined,
    verification: [],
    leewaySecs: 30,
    verifyAudience: true,
    jwksUrl: undefined,
    ingress: [],
    egress: [],
    enabled: true,
    description: undefined,
    place,
  },
})

const dump = (name: string, sides: { left: boolean; right: boolean }, maxBytes = 1000): Middleware => ({
  name,
  type: 'log_dump',
  place,
  sides,
  pretty: false,
  maxBytes,
  redactHeaders: [],
  redactMetadata: [],
  redactDataFields: [],
  label: undefined,
})
const no = refuse('policy/denied', 'no')

test('handlers run in the order of the list, and the first refusal ends it', async () => {
  const { surroundings, ran } = steps({ b: async () => undefined, d: () => no })
  const left = ['a', 'b', 'c', 'd', 'e'].map(step)
  assert.is(await runLeft(chain({ left }, surroundings), fakeExchange()), no)
  assert.equal(ran, ['a', 'b', 'c', 'd'])
})

test('a refusal that is waited for ends it too', async () => {
  const { surroundings, ran } = steps({ a: async () => undefined, b: async () => no })
  assert.is(await runLeft(chain({ left: ['a', 'b', 'c'].map(step) }, surroundings), fakeExchange()), no)
  assert.equal(ran, ['a', 'b'])
})

test('without a handler that waits the verdict is there at once', () => {
  const { surroundings } = steps({})
  const sync = chain(
    { left: [step('a'), policiesOf([rule('allow_all', {})]), dump('d', { left: true, right: true })] },
    surroundings,
  )
  assert.is(runLeft(sync, fakeExchange()), undefined)
  assert.is(runLeft(chain({}), fakeExchange()), undefined)
})

test('a handler that throws refuses the request: the log learns why, the client does not', async () => {
  const thrown = (): never => {
    throw new Error('planted')
  }
  for (const b of [thrown, async () => thrown()]) {
    const { surroundings, ran } = steps({ b })
    const verdict = await runLeft(chain({ left: ['a', 'b', 'c'].map(step) }, surroundings), fakeExchange())
    assert.is(verdict?.code, 'internal')
    assert.not.match(JSON.stringify(verdict), /planted/)
    assert.equal(ran, ['a', 'b'])
    const [line] = surroundings.log.lines
    assert.is(line?.level, 'error')
    assert.match(String(line?.fields['reason']), /planted/)
    assert.is(line?.fields['middleware'], 'b')
    assert.is(line?.fields['requestId'], 'request-1')
  }
})

test('right handlers see the response in their order', () => {
  const log = fakeLog()
  const both = { left: true, right: true }
  const made = chain({ left: [dump('l', both)], right: [dump('a', both), step('m'), dump('b', both)] })
  assert.equal(made.runRight(fakeExchange({ log }), fakeResponse(200)), [])
  assert.equal(
    log.lines.map(({ fields }) => fields['middleware']),
    ['a', 'b'],
  )
})

test('a chain knows whether its right side does anything', () => {
  assert.ok(chain({ right: [step('m'), dump('a', { left: true, right: true })] }).hasRight)
  assert.not(chain({ left: [dump('a', { left: true, right: true })] }).hasRight)
  // one that acts on requests alone
  assert.not(chain({ right: [step('m'), dump('a', { left: true, right: false })] }).hasRight)
})

test('a right handler that throws lets no response pass', () => {
  const broken = {
    ...fakeLog(),
    child: () => {
      throw new Error('planted')
    },
  }
  const surroundings = world()
  const made = chain({ right: [dump('a', { left: true, right: true })] }, surroundings)
  assert.throws(() => made.runRight(fakeExchange({ log: broken }), fakeResponse(200)), /planted/)
  assert.is(surroundings.log.lines[0]?.fields['middleware'], 'a')
})

test('the largest wish for content counts', () => {
  const left = { left: true, right: false }
  const exchange = fakeExchange({ body: '{}' })
  assert.is(chain({ left: [dump('a', left, 10), dump('b', left, 500), dump('c', left, 1)] }).wants(exchange), 500)
  assert.is(chain({ left: [dump('a', left, 1)] }).wants(exchange), undefined)
  assert.is(chain({ right: [dump('a', { left: true, right: true }, 10)] }).wants(exchange), undefined)
})

test('whoever is refused ahead of a handler that asks for content is refused without it', async () => {
  const exchange = fakeExchange({ body: '{}' })
  const { surroundings, ran } = steps({ b: async () => no })
  const look = dump('look', { left: true, right: false })
  const refusing = chain({ left: [step('a'), step('b'), look, step('c')] }, surroundings)
  assert.is(await refusing.runAhead(exchange), no)
  assert.equal(ran, ['a', 'b'])
})

test('the two parts of the left side are all of it, each handler once', async () => {
  const look = dump('look', { left: true, right: false })
  const left = [step('a'), step('b'), look, step('c'), dump('again', { left: true, right: false }), step('d')]
  for (const b of [() => undefined, async () => undefined]) {
    const { surroundings, ran } = steps({ b })
    const made = chain({ left }, surroundings)
    const exchange = fakeExchange({ body: '{}' })
    assert.is(await made.runAhead(exchange), undefined)
    assert.equal(ran, ['a', 'b'])
    assert.is(await made.runRest(exchange), undefined)
    assert.equal(ran, ['a', 'b', 'c', 'd'])
  }
  // nobody asks: all of it is the first part
  const { surroundings, ran } = steps({})
  const made = chain({ left }, surroundings)
  assert.is(made.runAhead(fakeExchange()), undefined)
  assert.is(made.runRest(fakeExchange()), undefined)
  assert.equal(ran, ['a', 'b', 'c', 'd'])
})

test('passthru and json_extractor do nothing on either side', () => {
  for (const type of ['passthru', 'json_extractor'] as const) {
    const made = chain({ left: [{ name: type, type, place }], right: [{ name: type, type, place }] })
    const exchange = fakeExchange({ body: '{"a":1}' })
    assert.is(made.wants(exchange), undefined)
    assert.is(runLeft(made, exchange), undefined)
    assert.equal(made.runRight(exchange, fakeResponse(200)), [])
    assert.is(exchange.metadata.size, 0)
    assert.equal(exchange.edits, [])
  }
})

test('every type of the configuration has its row', () => {
  assert.equal(Object.keys(middlewareTypes).toSorted(), [
    'basic_auth',
    'json_extractor',
    'jwt_auth',
    'log_dump',
    'mesh_auth',
    'passthru',
    'path_filter',
    'policies',
  ])
})

test('pipelines and generations share keys of a JWKS and counters, not handlers', async () => {
  const surroundings = world()
  const keys = [await jwk(rsa.publicKey)]
  surroundings.provide = () => ({ keys })
  const chains = createChains(surroundings)
  const generation = () => {
    const gate = jwt({ keys: { kind: 'jwks', url: 'https://idp.example/keys', cacheHours: 1 } })
    const limit = policiesOf([rule('allow_all', {}), rule('rate_limit', { maxRequests: 3, windowSeconds: 60 })])
    const left = [gate, limit]
    return chains.build(configOf([pipelineOf('a', { left }), pipelineOf('b', { left })]))
  }
  const token = await sign()
  const exchange = () => fakeExchange({ headers: [['authorization', `Bearer ${token}`]] })
  const codes: (string | undefined)[] = []
  for (const made of [generation(), generation()]) {
    for (const name of ['a', 'b']) codes.push((await runLeft(made.get(name), exchange()))?.code)
  }
  assert.equal(codes, [undefined, undefined, undefined, 'policy/denied'])
  assert.is(surroundings.fetches, 1)
})

test('a middleware in two pipelines is one: what it has verified for one, the other knows', async () => {
  const left = [jwt()]
  const made = createChains(world()).build(configOf([pipelineOf('a', { left }), pipelineOf('b', { left })]))
  const exchange = fakeExchange({ headers: [['authorization', `Bearer ${await sign()}`]] })
  assert.instance(runLeft(made.get('a'), exchange), Promise)
  await runLeft(made.get('a'), exchange)
  assert.is(runLeft(made.get('b'), exchange), undefined)
})

test('a JWKS that no pipeline uses any more is forgotten', async () => {
  const surroundings = world()
  const keys = [await jwk(rsa.publicKey)]
  surroundings.provide = () => ({ keys })
  const chains = createChains(surroundings)
  const gate = () =>
    pipelineOf('a', { left: [jwt({ keys: { kind: 'jwks', url: 'https://idp.example/keys', cacheHours: 1 } })] })
  const token = await sign()
  for (const pipelines of [[gate()], [], [gate()]]) {
    const made = chains.build(configOf(pipelines)).get('a')
    if (made !== undefined) await runLeft(made, fakeExchange({ headers: [['authorization', `Bearer ${token}`]] }))
  }
  assert.is(surroundings.fetches, 2)
})

test('what the configuration calls sensitive is hidden in dumps', () => {
  const log = fakeLog()
  const config = configOf([pipelineOf('a', { left: [dump('d', { left: true, right: true })] })], ['mrn'])
  const made = createChains(world()).build(config).get('a')
  assert.is(runLeft(made, fakeExchange({ query: '?mrn=planted&q=shown', log })), undefined)
  assert.match(String(log.lines[0]?.fields['dump']), /shown/)
  assert.not.match(String(log.lines[0]?.fields['dump']), /planted/)
})

test.run()
