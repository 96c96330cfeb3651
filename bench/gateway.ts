// The gateway under test: the transport library with the shortest policy there is, everything goes to one origin.
// Reads { origin, certificate, key } as JSON from its first argument and prints its ports as JSON.
import { readFileSync } from 'node:fs'
import { startEngine } from '../quic/index.ts'
import type { Decision } from '../quic/index.ts'

// Written by bench/gateways.ts.
const given = JSON.parse(process.argv[2] ?? '') as { origin: string; certificate: string; key: string }

let records = 0
let incomplete = 0
const engine = await startEngine({
  // What an access log would read, without writing it.
  onRecord: (batch) => {
    records += batch.length
    for (const { code } of batch) if (code !== undefined) incomplete += 1
  },
})
const upstream = engine.upstream({ origin: given.origin, protocols: ['h1'] })
const forward: Decision = { kind: 'forward', upstream }
const decide = (): Decision => forward

const tls = { identities: [{ certificate: readFileSync(given.certificate), key: readFileSync(given.key) }] }
const plain = await engine.listen({ address: '127.0.0.1', port: 0, tcp: {} }, decide)
const secure = await engine.listen({ address: '127.0.0.1', port: 0, tcp: { tls }, quic: { tls } }, decide)
console.log(JSON.stringify({ plain: plain.port, secure: secure.port, quic: secure.quicPort }))

process.once('SIGTERM', () => {
  console.log(JSON.stringify({ records, incomplete, stats: engine.stats() }))
  void engine.stop({ graceMs: 0 })
})
