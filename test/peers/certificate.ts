// Certificates for tests: an authority of our own and what it issues, made with the openssl command.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peer } from './find.ts'
import { temporary } from './process.ts'

/** Files, PEM: the leaf with its authority, and the leaf's key. */
export type Issued = { chain: string; key: string }

export type Authority = {
  /** The authority's certificate: what a client must trust. */
  ca: string
  issue(name: string, more?: { names?: readonly string[]; days?: number }): Issued
}

const days = 30
const loopback = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1']

/** A new authority. Certificates are valid for localhost, 127.0.0.1 and ::1 unless other names are given. */
export function authority(commonName = 'harmony test authority'): Authority {
  const folder = temporary()
  const at = (name: string): string => join(folder, name)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const constraints = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']
  openssl('req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', String(days), '-subj',
    `/CN=${commonName}`, ...constraints.flatMap((line) => ['-addext', line])) // prettier-ignore

  let serial = 0
  return {
    ca: at('ca.pem'),
    issue(name, more = {}) {
      const base = at(`${(serial += 1)}`)
      writeFileSync(
        `${base}.ext`,
        [
          `subjectAltName=${(more.names ?? loopback).join(',')}`,
          'basicConstraints=critical,CA:FALSE',
          'keyUsage=critical,digitalSignature',
          'extendedKeyUsage=serverAuth,clientAuth',
        ].join('\n'),
      )
      openssl('req', ...key, '-keyout', `${base}.key`, '-out', `${base}.csr`, '-subj', `/CN=${name}`)
      const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-set_serial', String(1000 + serial)]
      openssl('x509', '-req', '-in', `${base}.csr`, ...signer, '-days', String(more.days ?? days), '-extfile',
        `${base}.ext`, '-out', `${base}.leaf`) // prettier-ignore
      writeFileSync(`${base}.pem`, readFileSync(`${base}.leaf`, 'utf8') + readFileSync(at('ca.pem'), 'utf8'))
      return { chain: `${base}.pem`, key: `${base}.key` }
    },
  }
}

function openssl(...args: string[]): void {
  execFileSync(peer('openssl'), args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 20_000 })
}
