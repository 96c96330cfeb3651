// The application's Authorization through two gateways, and attempts to forge what carries it.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { carrier, inbound, outbound } from '../../core/mesh/authorization.ts'
import type { Edit, Fields } from '../../core/mesh/authorization.ts'
import { suite } from '../support/suite.ts'

const test = suite('mesh/authorization')

type Field = readonly [string, string]

test('without a token nothing changes', () => {
  const fields: Field[] = [
    ['authorization', 'Basic abc'],
    ['x', '1'],
  ]
  assert.equal(apply(fields, inbound(view(fields), false)), fields)
})

test('a forged carrier goes on arrival when no token was accepted, the own value stays', () => {
  const fields: Field[] = [
    ['authorization', 'Basic mine'],
    [carrier, 'Basic admin'],
    ['x', '1'],
    [carrier, 'Basic two'],
  ]
  assert.equal(apply(fields, inbound(view(fields), false)), [
    ['authorization', 'Basic mine'],
    ['x', '1'],
  ])
})

test('a forged carrier without any Authorization goes too', () => {
  const fields: Field[] = [[carrier, 'Basic admin']]
  assert.equal(apply(fields, inbound(view(fields), false)), [])
})

test('an accepted token does not travel on', () => {
  const fields: Field[] = [
    ['authorization', 'Bearer mesh.token.x'],
    ['x', '1'],
  ]
  assert.equal(apply(fields, inbound(view(fields), true)), [['x', '1']])
})

test('with an accepted token the carried value stands as Authorization again, and the carrier goes', () => {
  const fields: Field[] = [
    [carrier, 'Digest  a="b", c=""'],
    ['authorization', 'Bearer t'],
    ['x', '1'],
  ]
  assert.equal(apply(fields, inbound(view(fields), true)), [
    ['x', '1'],
    ['authorization', 'Digest  a="b", c=""'],
  ])
})

test('an egress without an own value leaves no carrier, whoever put one there', () => {
  const fields: Field[] = [
    [carrier, 'Basic admin'],
    ['x', '1'],
  ]
  assert.equal(apply(fields, outbound('t', [])), [
    ['x', '1'],
    ['authorization', 'Bearer t'],
  ])
})

test('an egress replaces a carrier that something put there', () => {
  const fields: Field[] = [
    ['authorization', 'Basic mine'],
    [carrier, 'Basic admin'],
  ]
  assert.equal(apply(fields, outbound('t', ['Basic mine'])), [
    ['authorization', 'Bearer t'],
    [carrier, 'Basic mine'],
  ])
})

test('any values arrive through two gateways as they left, in number, order and bytes', () => {
  const value = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) })
  const forged = fc.array(value, { maxLength: 2 })
  fc.assert(
    fc.property(fc.array(value, { maxLength: 4 }), forged, (values, lies) => {
      const sent: Field[] = [...lies.map((lie): Field => [carrier, lie]), ...values.map(own)]
      const inA = apply(sent, inbound(view(sent), false))
      const onWire = apply(inA, outbound('token', view(inA).headerAll('authorization')))
      assert.equal(view(onWire).headerAll('authorization'), ['Bearer token'])
      const inB = apply(onWire, inbound(view(onWire), true))
      assert.equal(inB, values.map(own))
    }),
  )
})

test('across a third gateway the value is still the first', () => {
  const start: Field[] = [own('Basic first')]
  const toB = apply(start, outbound('ab', ['Basic first']))
  const inB = apply(toB, inbound(view(toB), true))
  const toC = apply(inB, outbound('bc', view(inB).headerAll('authorization')))
  const inC = apply(toC, inbound(view(toC), true))
  assert.equal(inC, start)
})

test.run()

function own(value: string): Field {
  return ['authorization', value]
}

function view(fields: readonly Field[]): Fields {
  const headerAll = (name: string): string[] => fields.filter(([field]) => field === name).map(([, value]) => value)
  return { headerAll, header: (name) => headerAll(name)[0] }
}

/** As the engine applies them: `set` takes the place of all fields of the name, at the end. */
function apply(fields: readonly Field[], edits: readonly Edit[]): Field[] {
  let list = [...fields]
  for (const edit of edits) {
    if ('append' in edit) list.push(edit.append)
    else {
      const name = 'remove' in edit ? edit.remove : edit.set[0]
      list = list.filter(([field]) => field !== name)
      if ('set' in edit) list.push(edit.set)
    }
  }
  return list
}
