// A proxy from HTTP/3 to HTTP/1.1: node examples/h3-to-h1.ts cert.pem key.pem http://127.0.0.1:8080 [port]
import { readFileSync } from 'node:fs'
import { startEngine } from '../quic/index.ts'

const [certificate, key, origin = process.env['ORIGIN'], port = '8443'] = process.argv.slice(2)
if (!certificate || !key || !origin) {
  console.error('usage: node examples/h3-to-h1.ts <certificate.pem> <key.pem> <origin> [port]')
  process.exit(2)
}

const engine = await startEngine({
  onEvent: (event) => console.error(JSON.stringify(event)),
  onRecord: (batch) => {
    for (const { protocolIn, status, bytesOut, endMs, code } of batch) {
      console.log(`http/${protocolIn / 10} ${status} ${bytesOut} bytes ${endMs?.toFixed(1)} ms ${code ?? 'complete'}`)
    }
  },
})

const upstream = engine.upstream({ origin, protocols: ['h1'], timeouts: { connectMs: 2000 } })

const identity = { certificate: readFileSync(certificate), key: readFileSync(key) }
const tls = { identities: [identity] }

const listener = await engine.listen({ address: '::', port: Number(port), quic: { tls } }, (request) => ({
  kind: 'forward',
  upstream,
  edit: [{ set: ['x-forwarded-for', request.remoteAddress] }, { set: ['x-forwarded-proto', request.scheme] }],
  onResponse: () => ({ kind: 'pass', edit: [{ append: ['via', '3 proxy'] }] }),
  onFailure: ({ status, code, retry }) => ({
    kind: 'respond',
    status,
    headers: retry ? { 'retry-after': '1' } : {},
    body: `${code}\n`,
  }),
}))

console.error(`HTTP/3 on UDP port ${listener.quicPort} to ${origin}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void engine.stop({ graceMs: 10_000 }))
}
// a renewed certificate is taken without a connection lost
process.on('SIGHUP', () => {
  const renewed = { certificate: readFileSync(certificate), key: readFileSync(key) }
  void listener.replaceTls({ identities: [renewed] })
})
