// Key material is read once, bounded, and of the right kind, or there is a finding that says what is wrong.
import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { calculateJwkThumbprint, exportJWK } from 'jose'
import * as assert from 'uvu/assert'
import { materials } from '../../core/config/build/material.ts'
import type { Materials, Setting } from '../../core/config/build/material.ts'
import { rsaKid, secretKid } from '../../core/config/build/kid.ts'
import type { Report } from '../../core/finding/finding.ts'
import { suite } from '../support/suite.ts'
import { material, now } from './material.ts'

const test = suite('key material')
const folder = material()

function reading(): Materials & { reports: Report[] } {
  const reports: Report[] = []
  return { ...materials(folder, now, (report) => void reports.push(report)), reports }
}

function setting(path: string): Setting {
  return { key: 'key', path, place: { file: 'config.toml', path: [] } }
}

const identityOf = (certificate: string, key: string): { codes: string[]; read: boolean } => {
  const { identity, reports } = reading()
  const read = identity(setting(certificate), setting(key)) !== undefined
  return { codes: reports.map(({ code }) => code), read }
}

const good = { codes: [], read: true }
const refused = (...codes: string[]): { codes: string[]; read: boolean } => ({ codes, read: false })

test('a chain with its key is taken, whatever form the key has', () => {
  assert.equal(identityOf('certs/server.pem', 'certs/server.key'), good)
  assert.equal(identityOf('certs/server.pem', 'certs/sec1.key'), good)
  assert.equal(identityOf('certs/rsa.pem', 'certs/rsa.key'), good)
  assert.equal(identityOf('certs/client.pem', 'certs/client.pem'), good)
})

test('the key is passed on as PKCS#8, the certificates without what stood beside them', () => {
  const { identity } = reading()
  const found = identity(setting('certs/client.pem'), setting('certs/sec1.key'))
  assert.match(found?.key.reveal().toString() ?? '', /^-----BEGIN PRIVATE KEY-----\n/)
  assert.is(found?.certificate.toString().match(/-----BEGIN/g)?.length, 1)
})

test('a key prints nowhere', () => {
  const { identity } = reading()
  const found = identity(setting('certs/server.pem'), setting('certs/server.key'))
  const body = readFileSync(join(folder, 'certs/server.key'), 'utf8').split('\n')[1] ?? ''
  assert.is(body.length, 64)
  assert.not.match(inspect(found, { depth: 9 }) + JSON.stringify(found), body)
})

test('what cannot be read is told apart', () => {
  assert.equal(identityOf('certs/none.pem', 'certs/server.key'), refused('material/missing'))
  assert.equal(identityOf('certs/server.pem/none', 'certs/server.key'), refused('material/missing'))
  assert.equal(identityOf('certs/folder.pem', 'certs/server.key'), refused('material/unreadable'))
  assert.equal(identityOf('certs/large.pem', 'certs/server.key'), refused('material/too-large'))
  assert.equal(identityOf('\0', 'certs/server.key'), refused('material/unreadable'))
  assert.equal(identityOf('/dev/zero', 'certs/server.key'), refused('material/unreadable'))
  assert.equal(identityOf('/proc/self/environ', 'certs/server.key'), refused('material/unreadable'))
})

test('a pipe that nobody writes to does not stop the check', () => {
  execFileSync('mkfifo', [join(folder, 'certs/pipe.pem')])
  assert.equal(identityOf('certs/pipe.pem', 'certs/server.key'), refused('material/unreadable'))
})

test('a loop of links is said to be one', () => {
  symlinkSync('loop.pem', join(folder, 'certs/loop.pem'))
  const { authorities, reports } = reading()
  authorities(setting('certs/loop.pem'))
  assert.match(reports[0]?.message ?? '', /loop of symbolic links/)
})

test('what is no certificate or no key is refused', () => {
  for (const name of ['empty', 'binary', 'broken', 'ed25519', 'p224'])
    assert.equal(identityOf(`certs/${name}.pem`, 'certs/server.key'), refused('material/kind'), name)
  assert.equal(identityOf('certs/server.key', 'certs/server.key'), refused('material/kind'))
  assert.equal(identityOf('certs/server.pem', 'certs/server.pem'), refused('material/kind'))
  assert.equal(identityOf('certs/server.pem', 'certs/broken.key'), refused('material/kind'))
})

test('encrypted keys are refused in both of their forms', () => {
  assert.equal(identityOf('certs/server.pem', 'certs/encrypted.key'), refused('material/encrypted'))
  assert.equal(identityOf('certs/server.pem', 'certs/encrypted-old.key'), refused('material/encrypted'))
})

test('RSA keys of TLS have 2048 to 4096 bits', () => {
  assert.equal(identityOf('certs/small.pem', 'certs/small.key'), refused('material/size'))
  assert.equal(identityOf('certs/huge.pem', 'certs/rsa.key'), refused('material/size'))
})

test('a key of another certificate is refused', () => {
  assert.equal(identityOf('certs/server.pem', 'certs/other.key'), refused('tls/pair'))
})

test('dates and order are checked', () => {
  assert.equal(identityOf('certs/expired.pem', 'certs/server.key'), refused('tls/expired'))
  assert.equal(identityOf('certs/ending.pem', 'certs/server.key'), { codes: ['tls/ends-soon'], read: true })
  assert.equal(identityOf('certs/future.pem', 'certs/server.key'), { codes: ['tls/not-yet-valid'], read: true })
  assert.equal(identityOf('certs/old-root.pem', 'certs/server.key'), { codes: ['tls/expired'], read: true })
  assert.equal(identityOf('certs/unordered.pem', 'certs/server.key'), { codes: ['tls/chain'], read: true })
})

test('the last second of a certificate is its last', () => {
  const at = (ms: number): string[] => {
    const reports: Report[] = []
    const { identity } = materials(folder, ms, (report) => void reports.push(report))
    identity(setting('certs/ending.pem'), setting('certs/server.key'))
    return reports.map(({ code }) => code)
  }
  const end = Date.parse('2026-06-11T00:00:00Z')
  assert.equal(at(end - 1), ['tls/ends-soon'])
  assert.equal(at(end), ['tls/expired'])
  assert.equal(at(end - 30 * 24 * 3_600_000), [])
})

test('authorities may carry one that has ended beside one that has not', () => {
  const { authorities, reports } = reading()
  assert.ok(authorities(setting('certs/ca.pem')))
  assert.is(authorities(setting('certs/ca-expired.pem')), undefined)
  assert.ok(authorities(setting('certs/old-root.pem')))
  assert.equal(
    reports.map(({ code }) => code),
    ['tls/expired'],
  )
})

test('mesh keys are RSA, of 2048 bits at least', () => {
  const { rsaPrivate, rsaPublic, reports } = reading()
  assert.ok(rsaPrivate(setting('keys/mesh.key')))
  assert.ok(rsaPublic(setting('keys/mesh.pub')))
  assert.equal(reports, [])
  for (const path of ['keys/small.key', 'keys/ec.key', 'keys/mesh.pub']) assert.is(rsaPrivate(setting(path)), undefined)
  for (const path of ['keys/small.pub', 'keys/huge.pub', 'keys/ec.pub', 'keys/broken.pub', 'certs/server.pem'])
    assert.is(rsaPublic(setting(path)), undefined, path)
  const codes = ['size', 'kind', 'kind', 'size', 'size', 'kind', 'kind', 'kind'].map((code) => `material/${code}`)
  assert.equal(
    reports.map(({ code }) => code),
    codes,
  )
})

test('a private key in a place for public ones is refused, though it has a public half', () => {
  const { rsaPublic, reports } = reading()
  assert.is(rsaPublic(setting('keys/mesh.key')), undefined)
  assert.match(reports[0]?.message ?? '', /holds a private key: only the public key belongs here/)
})

test('both halves of a key have the kid that RFC 7638 gives it', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const expected = await calculateJwkThumbprint(await exportJWK(createPublicKey(privateKey)), 'sha256')
  assert.is(rsaKid(privateKey), expected)
  assert.is(rsaKid(publicKey), expected)
})

test('the example key of RFC 7638 has the kid that stands there', () => {
  const n =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3' +
    'oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA' +
    'ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-' +
    'kEgU8awapJzKnqDKgw'
  const key = createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' })
  assert.is(rsaKid(key), 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
})

test('secrets: a short one is a warning, and the kid says nothing but which one it is', () => {
  const { secret, reports } = reading()
  const place = setting('x').place
  assert.ok(secret('mesh.prod.jwt_secret', 'x'.repeat(31), place))
  const long = secret('mesh.prod.jwt_secret', 'ü'.repeat(16), place)
  assert.equal(
    reports.map(({ code }) => code),
    ['material/secret-short'],
  )
  assert.is(long?.kid, secretKid(Buffer.from('ü'.repeat(16))))
  assert.is(long?.kid.length, 16)
  assert.not.equal(long?.kid, secretKid(Buffer.from('x'.repeat(32))))
})

test('every path that was asked for is to be watched, missing ones too', () => {
  const { identity, paths } = reading()
  identity(setting('certs/none.pem'), setting('certs/server.key'))
  assert.equal([...paths].sort(), [join(folder, 'certs/none.pem'), join(folder, 'certs/server.key')].sort())
})

test.run()
