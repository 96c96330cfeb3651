// The access line of one exchange.
import * as assert from 'uvu/assert'
import { accessLine } from '../../core/log/access.ts'
import type { AccessFacts } from '../../core/log/access.ts'
import { cleanFields } from '../../core/log/clean.ts'
import { sensitiveNames } from '../../core/log/sensitive.ts'
import type { ExchangeRecord } from '../../quic/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('the access line')

const record: ExchangeRecord = {
  id: 1,
  connection: 2,
  listener: 3,
  upstream: 4,
  protocolIn: 20,
  protocolOut: 30,
  status: 200,
  bytesIn: 10,
  bytesOut: 20,
  acceptedMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  decidedMs: 0.123,
  connectedMs: 1.26,
  firstByteMs: 12.34,
  endMs: 56.78,
  attempts: 1,
  reused: true,
  code: undefined,
  detail: '',
  wireCode: undefined,
  upstreamAddress: '192.0.2.1:443',
}

const facts: AccessFacts = {
  requestId: 'id-1',
  network: 'edge',
  clientAddress: '198.51.100.7',
  method: 'GET',
  authority: 'api.example',
  target: '/fhir/Patient/jane-doe?ssn=planted#fragment',
  prefix: '/fhir',
  pipeline: 'p',
  ingress: 'i',
  endpoint: 'e',
  backend: 'b',
  egress: 'out',
  mesh: { mesh: 'prod', meshId: 'm1', sub: 'partner', claims: { secret: 'planted' }, ingress: 'i' },
  signedFor: 'other',
  code: undefined,
  detail: undefined,
}

/** As it is written: without what is undefined. */
const written = (line: { fields: Readonly<Record<string, unknown>> }): unknown =>
  JSON.parse(JSON.stringify(line.fields))

test('it says what a request was and what became of it', () => {
  const line = accessLine(record, facts, false)
  assert.equal(written(line), {
    event: 'access',
    accepted: '2026-01-02T03:04:05.678Z',
    requestId: 'id-1',
    network: 'edge',
    client: '198.51.100.7',
    method: 'GET',
    host: 'api.example',
    prefix: '/fhir',
    pipeline: 'p',
    ingress: 'i',
    endpoint: 'e',
    backend: 'b',
    egress: 'out',
    mesh: 'prod',
    sub: 'partner',
    signedFor: 'other',
    protocol: 'HTTP/2',
    status: 200,
    bytesIn: 10,
    bytesOut: 20,
    durationMs: 56.8,
    decidedMs: 0.1,
    protocolOut: 'HTTP/3',
    upstream: '192.0.2.1:443',
    attempts: 1,
    reused: true,
    connectedMs: 1.3,
    firstByteMs: 12.3,
  })
  assert.is(line.message, 'GET api.example/fhir 200 56.8 ms')
})

test('the rest of the path is there only when paths are logged, and the query never', () => {
  const without = JSON.stringify(accessLine(record, facts, false))
  assert.not.match(without, 'jane-doe')
  const line = accessLine(record, facts, true)
  assert.is(line.fields['path'], '/fhir/Patient/jane-doe')
  for (const text of [without, JSON.stringify(line)]) assert.not.match(text, /planted|fragment|\?/)
})

test('a request that no route matched shows no path', () => {
  const line = accessLine(record, { ...facts, prefix: undefined }, false)
  assert.not.match(JSON.stringify(line), '/fhir')
})

test('no claim of a token is there but its subject', () => {
  assert.not.match(JSON.stringify(accessLine(record, facts, true)), 'planted')
})

test('the reason of the gateway goes before that of the engine, which is kept', () => {
  const failed = { ...record, status: 502, code: 'connect/refused', detail: 'engine', wireCode: 2 } as const
  const line = accessLine(failed, { ...facts, code: 'upstream/failed', detail: 'gateway' }, false)
  assert.is(line.fields['code'], 'upstream/failed')
  assert.is(line.fields['detail'], 'gateway')
  assert.is(line.fields['transport'], 'connect/refused')
  assert.is(line.fields['wireCode'], 2)
  const alone = accessLine(failed, facts, false)
  assert.is(alone.fields['code'], 'connect/refused')
  assert.is(alone.fields['detail'], 'engine')
  assert.is(alone.fields['transport'], undefined)
})

test('an exchange that the gateway keeps no facts of has a line too', () => {
  const unsent = { ...record, status: 0, attempts: 0, protocolOut: undefined, endMs: undefined, upstreamAddress: '' }
  const line = accessLine(unsent, undefined, true)
  assert.is(line.fields['status'], 0)
  assert.is(line.fields['protocol'], 'HTTP/2')
  assert.is('protocolOut' in line.fields, false)
  assert.is(line.message, '- - no answer')
})

test('what a client, a partner or an upstream wrote is bounded and printable', () => {
  const evil = `\n{"event":"ready"}\u001b[2J\u202e${'x'.repeat(100_000)}`
  const line = accessLine(
    { ...record, detail: evil },
    {
      ...facts,
      requestId: evil,
      method: evil,
      authority: evil,
      target: evil,
      prefix: evil,
      mesh: { mesh: 'prod', meshId: 'm', sub: evil, claims: {}, ingress: undefined },
      detail: evil,
    },
    true,
  )
  const fields = cleanFields(line.fields, sensitiveNames([]))
  for (const text of [...Object.values(fields).map(String), line.message]) {
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    assert.not.match(text, /[\u0000-\u001f\u202e]/)
  }
  assert.ok(JSON.stringify(fields).length < 8_000)
  assert.ok(line.message.length < 4_000)
})

test('no name of the line is masked', () => {
  const line = accessLine(record, facts, true)
  const fields = JSON.stringify(cleanFields(line.fields, sensitiveNames([])))
  assert.not.match(fields, 'redacted')
})

test.run()
