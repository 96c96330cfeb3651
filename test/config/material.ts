// Key material for cases: made at run time into a temporary directory, the same names and dates each time. What is
// wrong with a file stands in its name.
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporary } from '../peers/process.ts'
import { certificate, pem } from './der.ts'

/** When the cases happen. */
export const now = Date.parse('2026-06-01T00:00:00Z')

/** The directory that relative paths of cases start at: with certs/ and keys/. */
export function material(): string {
  const folder = temporary()
  const write = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content)
  for (const name of ['certs', 'keys', 'certs/folder.pem']) mkdirSync(join(folder, name))

  const authority = ec()
  const other = ec()
  const server = ec()
  const year = { from: '2026-01-01', to: '2027-01-01' }
  const issued = (publicKey: KeyObject, dates = year): string =>
    certificate({ subject: 'gw.test', issuer: 'authority', publicKey, signer: authority, ...dates })
  const root = (subject: string, key: KeyObject, dates = year): string =>
    certificate({ subject, issuer: subject, publicKey: key, signer: key, ...dates, authority: true })

  write('certs/ca.pem', root('authority', authority))
  write('certs/ca-expired.pem', root('authority', authority, { from: '2020-01-01', to: '2021-01-01' }))
  write('certs/server.pem', issued(server) + root('authority', authority))
  write('certs/server.key', pkcs8(server))
  write('certs/client.pem', issued(server) + pkcs8(server))
  write('certs/other.key', pkcs8(other))
  write('certs/expired.pem', issued(server, { from: '2020-01-01', to: '2026-05-31' }))
  write('certs/ending.pem', issued(server, { from: '2026-01-01', to: '2026-06-11' }))
  write('certs/future.pem', issued(server, { from: '2026-07-01', to: '2027-07-01' }))
  write('certs/old-root.pem', issued(server) + root('authority', authority, { from: '2020-01-01', to: '2021-01-01' }))
  write('certs/unordered.pem', issued(server) + root('somebody else', other))
  write('certs/encrypted.key', server.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }))
  write(
    'certs/encrypted-old.key',
    server.export({ type: 'sec1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
  )
  write('certs/sec1.key', server.export({ type: 'sec1', format: 'pem' }))
  write('certs/large.pem', Buffer.alloc(1024 * 1024 + 1, 'a'))
  write('certs/empty.pem', '')
  write('certs/binary.pem', server.export({ type: 'pkcs8', format: 'der' }))
  write('certs/broken.pem', pem('CERTIFICATE', Buffer.from('no certificate')))
  write('certs/broken.key', pem('PRIVATE KEY', Buffer.from('no key')))
  const ed25519 = generateKeyPairSync('ed25519').privateKey
  write('certs/ed25519.pem', issued(ed25519))
  write('certs/ed25519.key', pkcs8(ed25519))
  const p224 = generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).privateKey
  write('certs/p224.pem', issued(p224))
  write('certs/p224.key', pkcs8(p224))

  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  const mesh = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  write('certs/small.pem', issued(small))
  write('certs/small.key', pkcs8(small))
  write('certs/rsa.pem', issued(mesh))
  write('certs/rsa.key', mesh.export({ type: 'pkcs1', format: 'pem' }))
  write('certs/huge.pem', issued(fakeRsa(8192)))
  write('keys/small.key', pkcs8(small))
  write('keys/small.pub', spki(small))
  write('keys/mesh.key', pkcs8(mesh))
  write('keys/mesh.pub', spki(mesh))
  write('keys/huge.pub', spki(fakeRsa(8200)))
  write('keys/ec.key', pkcs8(server))
  write('keys/ec.pub', spki(server))
  write('keys/broken.pub', pem('PUBLIC KEY', Buffer.from('no key')))
  return folder
}

function ec(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** A public key of any size at once: nobody has the private half. */
function fakeRsa(size: number): KeyObject {
  const n = randomBytes(size / 8)
  n[0] = 0xff
  n[n.length - 1] = 0xff
  return createPublicKey({ key: { kty: 'RSA', n: n.toString('base64url'), e: 'AQAB' }, format: 'jwk' })
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function spki(key: KeyObject): string {
  return (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'pem' }).toString()
}
