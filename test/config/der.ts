// Certificates for tests, written by hand: with dates, keys and flaws that tools do not give. X.509 v3 (RFC 5280).
import { createPublicKey, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

export type Wanted = {
  readonly subject: string
  readonly issuer: string
  readonly publicKey: KeyObject
  readonly signer: KeyObject
  readonly from: string
  readonly to: string
  readonly authority?: boolean
}

/** A certificate, PEM. */
export function certificate(wanted: Wanted): string {
  const { subject, issuer, publicKey, signer, from, to, authority = false } = wanted
  const algorithm = sequence(signer.asymmetricKeyType === 'rsa' ? oid('2a864886f70d01010b') : oid('2a8648ce3d040302'))
  const basicConstraints = sequence(
    oid('551d13'),
    octets(authority ? sequence(tag(1, Buffer.from([255]))) : sequence()),
  )
  const names = sequence(oid('551d11'), octets(sequence(tag(0x82, Buffer.from('gw.test')))))
  const body = sequence(
    tag(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name(issuer),
    sequence(time(from), time(to)),
    name(subject),
    (publicKey.type === 'private' ? createPublicKey(publicKey) : publicKey).export({ type: 'spki', format: 'der' }),
    tag(0xa3, sequence(basicConstraints, names)),
  )
  return pem('CERTIFICATE', sequence(body, algorithm, bits(sign('sha256', body, signer))))
}

export function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function tag(number: number, content: Buffer): Buffer {
  const length =
    content.length < 128
      ? Buffer.from([content.length])
      : Buffer.from([0x82, content.length >> 8, content.length & 255])
  return Buffer.concat([Buffer.from([number]), length, content])
}

const sequence = (...parts: Buffer[]): Buffer => tag(0x30, Buffer.concat(parts))
const oid = (hex: string): Buffer => tag(6, Buffer.from(hex, 'hex'))
const octets = (content: Buffer): Buffer => tag(4, content)
const integer = (content: Buffer): Buffer => tag(2, content)
const bits = (content: Buffer): Buffer => tag(3, Buffer.concat([Buffer.from([0]), content]))
const name = (text: string): Buffer => sequence(tag(0x31, sequence(oid('550403'), tag(12, Buffer.from(text)))))

/** UTCTime of an ISO date. */
function time(date: string): Buffer {
  return tag(23, Buffer.from(`${date.slice(2, 10).replaceAll('-', '')}000000Z`))
}
