// Key material: certificates, keys and secrets, read once and checked when the configuration is loaded (decision 22).
import { X509Certificate, createHash, createPrivateKey, createPublicKey, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { resolve } from 'node:path'
import type { Place, Report } from '../../finding/finding.ts'
import { Secret } from '../../secret.ts'
import type { Identity, MeshKey } from '../model.ts'
import { checkDates, checkOrder } from './certificate.ts'
import { rsaKid, secretKid } from './kid.ts'
import { pemBlocks } from './pem.ts'
import type { Block } from './pem.ts'
import { readBounded } from './read.ts'

/** A setting that names a file: what it is called, what it says, and where. */
export type Setting = { readonly key: string; readonly path: string; readonly place: Place }

export type Materials = {
  /** The absolute paths of everything that was asked for, readable or not. */
  readonly paths: ReadonlySet<string>
  /** What was read, by absolute path: the hash of it. */
  readonly digests: ReadonlyMap<string, Uint8Array>
  /** A certificate chain and the key of its first certificate. */
  identity(certificate: Setting, key: Setting): Identity | undefined
  /** Certificates that others are checked against, PEM. */
  authorities(setting: Setting): Buffer | undefined
  /** An RSA key to sign with: at least 2048 bits. */
  rsaPrivate(setting: Setting): MeshKey | undefined
  /** An RSA key to verify with: at least 2048 bits; a private key in its place is refused. */
  rsaPublic(setting: Setting): MeshKey | undefined
  /** What a file of credentials says, without the white space around it. */
  text(setting: Setting): string | undefined
  /** A secret of HS256; shorter than 32 bytes gives a warning. */
  secret(key: string, value: string, place: Place): MeshKey
}

const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }
const rsaMin = 2048
/** Spec 3. A mesh key has no upper bound there: ours keeps one signature from taking a second. */
const rsaMax = { tls: 4096, mesh: 8192 }
const secretMinBytes = 32

/** `cwd` is what relative paths are relative to (spec G01); `now` is Unix time in ms. */
export function materials(cwd: string, now: number, report: (report: Report) => void): Materials {
  const paths = new Set<string>()
  const digests = new Map<string, Uint8Array>()

  const problem = (code: Report['code'], setting: Setting, what: string, help?: string): undefined => {
    report({ code, message: `${setting.key} names ${setting.path}, ${what}`, place: setting.place, help })
    return undefined
  }

  const read = (setting: Setting): Buffer | undefined => {
    const absolute = resolve(cwd, setting.path)
    paths.add(absolute)
    const { content, failure } = readBounded(absolute)
    if (failure === undefined) {
      digests.set(absolute, createHash('sha256').update(content).digest())
      return content
    }
    const relative = absolute === setting.path ? undefined : `relative paths start at ${cwd}: this is ${absolute}`
    return problem(failure.code, setting, failure.what, failure.code === 'material/missing' ? relative : undefined)
  }

  /** The file's PEM blocks; at least one. */
  const blocks = (setting: Setting): readonly Block[] | undefined => {
    const content = read(setting)
    if (content === undefined) return undefined
    const found = pemBlocks(content)
    if (found.length > 0) return found
    // 0x30 starts every DER structure that a key or a certificate can be.
    const help = content[0] === 0x30 ? 'it looks like DER: `openssl` converts it with `-outform PEM`' : undefined
    return problem('material/kind', setting, 'which is not PEM', help)
  }

  const privateKey = (setting: Setting): KeyObject | undefined => {
    const found = blocks(setting)
    if (found === undefined) return undefined
    const block = found.find(({ label }) => label.endsWith('PRIVATE KEY'))
    if (block === undefined)
      return problem('material/kind', setting, `which holds ${kinds(found)}: a private key belongs here`)
    if (block.encrypted)
      return problem(
        'material/encrypted',
        setting,
        'which is encrypted: the key must be readable without a passphrase',
        'write it without one: `openssl pkey -in KEY -out NEW`, readable by the gateway alone',
      )
    const key = attempt(() => createPrivateKey(block.text))
    return key ?? problem('material/kind', setting, 'whose private key cannot be read')
  }

  const certificates = (setting: Setting): readonly X509Certificate[] | undefined => {
    const found = blocks(setting)
    if (found === undefined) return undefined
    const wanted = found.filter(({ label }) => label === 'CERTIFICATE' || label === 'X509 CERTIFICATE')
    if (wanted.length === 0)
      return problem('material/kind', setting, `which holds ${kinds(found)}: a certificate belongs here`)
    const read = wanted.map(({ text }) => attempt(() => new X509Certificate(text)))
    const certificates = read.filter((certificate) => certificate !== undefined)
    if (certificates.length === read.length) return certificates
    return problem('material/kind', setting, `whose certificate ${read.indexOf(undefined) + 1} cannot be read`)
  }

  /** Whether a key of a certificate is of a kind that TLS here knows (spec 3). */
  const suitsTls = (key: KeyObject, setting: Setting): boolean => {
    const { modulusLength, namedCurve = 'unknown' } = key.asymmetricKeyDetails ?? {}
    if (key.asymmetricKeyType === 'rsa') return rsaSize(modulusLength ?? 0, rsaMax.tls, setting)
    if (key.asymmetricKeyType === 'ec' && namedCurve in curves) return true
    const kind =
      key.asymmetricKeyType === 'ec' ? `an EC key on ${namedCurve}` : `a key of type ${key.asymmetricKeyType}`
    problem(
      'material/kind',
      setting,
      `which has ${kind}: RSA and ECDSA on ${Object.values(curves).join(', ')} are known`,
    )
    return false
  }

  const rsaSize = (bits: number, most: number, setting: Setting): boolean => {
    if (bits >= rsaMin && bits <= most) return true
    problem('material/size', setting, `whose RSA key has ${bits} bits: must be ${rsaMin} to ${most}`)
    return false
  }

  const rsaKey = (key: KeyObject | undefined, setting: Setting): MeshKey | undefined => {
    if (key === undefined) return undefined
    if (key.asymmetricKeyType !== 'rsa')
      return problem('material/kind', setting, `which has a key of type ${key.asymmetricKeyType}: RS256 needs RSA`)
    if (!rsaSize(key.asymmetricKeyDetails?.modulusLength ?? 0, rsaMax.mesh, setting)) return undefined
    return { kid: rsaKid(key), key }
  }

  return {
    paths,
    digests,
    identity(certificate, key) {
      const chain = certificates(certificate)
      const secret = privateKey(key)
      const leaf = chain?.[0]
      if (chain === undefined || leaf === undefined || secret === undefined) return undefined
      if (!suitsTls(leaf.publicKey, certificate)) return undefined
      if (!leaf.checkPrivateKey(secret))
        return problem(
          'tls/pair',
          key,
          `which does not belong to the certificate in ${certificate.path}`,
          'name the key that the certificate was made for; in a chain, the certificate of the server comes first',
        )
      checkOrder(chain, certificate, report)
      if (!checkDates(chain, certificate, now, report)) return undefined
      return {
        certificate: Buffer.from(chain.map((one) => one.toString()).join('')),
        // PKCS#8, whatever the file had: one form for what comes after.
        key: new Secret(Buffer.from(secret.export({ type: 'pkcs8', format: 'pem' }))),
        certificatePath: resolve(cwd, certificate.path),
        keyPath: resolve(cwd, key.path),
        place: certificate.place,
      }
    },
    authorities(setting) {
      const found = certificates(setting)
      if (found === undefined) return undefined
      // The one that lasts longest decides: a bundle may carry what has ended beside what replaces it.
      const last = found.toSorted((a, b) => b.validToDate.getTime() - a.validToDate.getTime()).slice(0, 1)
      const renew = 'replace it: nothing that an ended authority has issued is accepted'
      if (!checkDates(last, setting, now, report, renew)) return undefined
      return Buffer.from(found.map((one) => one.toString()).join(''))
    },
    rsaPrivate: (setting) => rsaKey(privateKey(setting), setting),
    rsaPublic(setting) {
      const found = blocks(setting)
      if (found === undefined) return undefined
      if (found.some(({ label }) => label.endsWith('PRIVATE KEY')))
        return problem(
          'material/kind',
          setting,
          'which holds a private key: only the public key belongs here',
          'write the public key with `openssl pkey -in KEY -pubout -out NEW` and name that file',
        )
      const block = found.find(({ label }) => label.endsWith('PUBLIC KEY'))
      if (block === undefined)
        return problem(
          'material/kind',
          setting,
          `which holds ${kinds(found)}: a public key belongs here`,
          found.some(({ label }) => label.endsWith('CERTIFICATE'))
            ? 'write its public key with `openssl x509 -in CERT -pubkey -noout -out NEW` and name that file'
            : undefined,
        )
      const key = attempt(() => createPublicKey(block.text))
      if (key === undefined) return problem('material/kind', setting, 'whose public key cannot be read')
      return rsaKey(key, setting)
    },
    text: (setting) => read(setting)?.toString('utf8').trim(),
    secret(key, value, place) {
      const bytes = Buffer.from(value)
      if (bytes.length < secretMinBytes)
        report({
          code: 'material/secret-short',
          message: `${key} has ${bytes.length} bytes: HS256 wants at least ${secretMinBytes}`,
          place,
          help: 'make one with `openssl rand -base64 48`, and keep it in the environment: "${NAME}"',
        })
      return { kid: secretKid(bytes), key: createSecretKey(bytes) }
    },
  }
}

function kinds(blocks: readonly Block[]): string {
  const named = blocks.map(({ label }) => (/^[AEIOU]/.test(label) ? `an ${label}` : `a ${label}`).toLowerCase())
  return [...new Set(named)].slice(0, 3).join(' and ')
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    // What node:crypto says may quote the content: the caller has its own words.
    return undefined
  }
}
