// Both organisations on this machine: makes development keys once, starts the two gateways, and says what to try.
// node examples/two-organisations/start.ts; ports: A_PORT, A_ADMIN_PORT and B_PORT in the environment.
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const here = import.meta.dirname
const keys = join(here, 'tls')
const at = (name: string): string => join(keys, name)
const { A_PORT: a = '8080', B_PORT: b = '8443', A_ADMIN_PORT: admin = '9090' } = process.env

makeKeys()
const env = {
  ...process.env,
  MESH_SECRET: /^export MESH_SECRET=(\S+)$/m.exec(readFileSync(at('env'), 'utf8'))?.[1] ?? '',
  TLS_CA: at('ca.pem'),
  TLS_CERT: at('b.pem'),
  TLS_KEY: at('b.key'),
}

let stopping = false
const gateways = new Set<ChildProcess>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
// B first: nothing else depends on the order
await started('b')
await started('a')
if (!stopping) console.log(guide())

/** An authority, B's certificate and the secret of the mesh: once, readable by this user alone, never in git. */
function makeKeys(): void {
  if (existsSync(at('env'))) return
  mkdirSync(keys, { recursive: true, mode: 0o700 })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '90']
  try {
    openssl('req', '-x509', ...key, '-subj', '/CN=development authority', '-addext', 'keyUsage=critical,keyCertSign',
      '-keyout', at('ca.key'), '-out', at('ca.pem')) // prettier-ignore
    openssl('req', '-x509', ...key, '-subj', '/CN=localhost', '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout',
      at('b.key'), '-out', at('b.pem')) // prettier-ignore
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    console.error(
      missing
        ? 'start: openssl was not found: install OpenSSL 3 (Debian: apt-get install openssl) and try again'
        : `start: openssl could not make the keys: ${error instanceof Error ? error.message : String(error)}`,
    )
    process.exit(1)
  }
  // the file that the README has too, for shells
  const lines = [
    `export MESH_SECRET=${randomBytes(36).toString('base64')}`,
    `export TLS_CA='${at('ca.pem')}' TLS_CERT='${at('b.pem')}' TLS_KEY='${at('b.key')}'`,
  ]
  writeFileSync(at('env'), `${lines.join('\n')}\n`, { mode: 0o600 })
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** Starts one gateway and waits until it is ready; its log goes on, with the organisation before each line. */
async function started(name: 'a' | 'b'): Promise<void> {
  const main = join(here, '../../cli/main.ts')
  const args = [main, 'serve', '-c', join(here, name, 'config.toml'), '--log-format', 'pretty']
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  gateways.add(child)
  const ready = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      console.log(`${name.toUpperCase()}  ${line}`)
      if (/\bready: /.test(line)) ready.resolve()
    })
  child.once('exit', (code) => {
    gateways.delete(child)
    if (!stopping) process.exitCode = code ?? 1
    stop()
    ready.resolve()
  })
  await ready.promise
}

/** The gateways let requests under way finish; this process ends with them. */
function stop(): void {
  stopping = true
  for (const child of gateways) child.kill('SIGTERM')
}

function guide(): string {
  const ca = at('ca.pem')
  return `
Two organisations run on this machine. A's applications call A; A signs, and calls B over HTTP/3; B takes members of
the mesh alone, and echoes what arrived. In another terminal:

  through A and the mesh: 200
    curl http://127.0.0.1:${a}/partner/Patient/1

  straight at B without a token: 403
    curl --cacert ${ca} https://localhost:${b}/fhir/Patient/1

  what A's gateway counts
    curl http://127.0.0.1:${admin}/admin/metrics

Configuration: ${join(here, 'a')} and ${join(here, 'b')}; edit it while they run. Read next: docs/meshes.md.
Ctrl-C stops both.
`
}
