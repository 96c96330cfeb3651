// TLS: versions, ALPN, certificates by name, their exchange while requests run, client certificates, what an
// upstream's certificate may be, and sessions. What Node and openssl speak, over TCP; over QUIC, our client and goquic.
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import * as assert from 'uvu/assert'
import type {
  Engine,
  EngineEvent,
  ErrorCode,
  Identity,
  Listener,
  Protocol,
  RequestHead,
  ServerTls,
} from '../../quic/index.ts'
import { authority, goquic, needsPeers, peer, run, temporary } from '../peers/index.ts'
import type { Authority, Issued } from '../peers/certificate.ts'
import { startAsker, toPort } from '../support/asker.ts'
import type { Asker } from '../support/asker.ts'
import { until, within } from '../support/deadline.ts'
import { identity, protocols, watchedEngine } from '../support/rig.ts'
import type { Watched } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const test = suite('tls')
let server: Watched
let asker: Asker

test.before(async () => {
  server = await watchedEngine()
  asker = await startAsker()
})
test.after(async () => {
  await asker.close()
  await server.engine.stop({ graceMs: 0 })
})

const read = (issued: Issued): Identity => ({
  certificate: readFileSync(issued.chain, 'utf8'),
  key: readFileSync(issued.key, 'utf8'),
})
const pem = (own: Authority): string => readFileSync(own.ca, 'utf8')
const own = (): Identity => ({ certificate: identity().certificate, key: identity().key })

type Seen = { listener: Listener; heads: RequestHead[]; events(): EngineEvent[] }

/** A listener on TCP and QUIC at one number; answers with the name that the client asked for. */
async function listen(config: ServerTls, body: (seen: Seen) => Promise<void>, engine: Engine = server.engine) {
  const heads: RequestHead[] = []
  const listener = await engine.listen({ address: '127.0.0.1', port: 0, tcp: { tls: config }, quic: {} }, (head) => {
    heads.push(head)
    return { kind: 'respond', status: 200, body: head.serverName ?? '' }
  })
  const events = () => server.events.filter((event) => 'listener' in event && event.listener === listener.id)
  try {
    await body({ listener, heads, events })
  } finally {
    await listener.drain({ graceMs: 0 })
  }
}

type Shaken = { socket: tls.TLSSocket; protocol: string | null; alpn: string | false; names: string }

/** A handshake of Node's; ends the socket unless it is asked to keep it. */
async function shake(port: number, options: tls.ConnectionOptions = {}, keep = false): Promise<Shaken> {
  const socket = tls.connect({ host: '127.0.0.1', port, ca: identity().ca, servername: 'localhost', ...options })
  socket.on('error', () => {})
  await within(
    5_000,
    'the handshake',
    new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject)),
  )
  const names = socket.getPeerX509Certificate()?.subjectAltName ?? ''
  const shaken = { socket, protocol: socket.getProtocol(), alpn: socket.alpnProtocol ?? false, names }
  if (!keep) socket.destroy()
  return shaken
}

/** Sends bytes, and reads until the other side ends. */
async function raw(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(bytes)
  const chunks: Buffer[] = []
  const read = async () => {
    for await (const chunk of socket) chunks.push(chunk as Buffer)
  }
  await within(5_000, 'the end', read())
  return Buffer.concat(chunks)
}

/** RFC 4346 7.4.1.2: a ClientHello of TLS 1.1, with TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, and groups. */
function hello11(): Buffer {
  const extensions = Buffer.from('000a00040002001d000b00020100', 'hex')
  const length = Buffer.from([0, extensions.length])
  const body = Buffer.concat([Buffer.from('0302', 'hex'), Buffer.alloc(32, 7), Buffer.from('000002c0090100', 'hex'), length, extensions]) // prettier-ignore
  const handshake = Buffer.concat([Buffer.from([1, 0, 0, body.length]), body])
  return Buffer.concat([Buffer.from([22, 3, 1, 0, handshake.length]), handshake])
}

async function fails(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    return String((error as { code?: string }).code ?? error)
  }
  throw new Error('no failure')
}

/** The event of a failed handshake with this code. Clients that left in the middle have one too. */
async function handshakeFailed(events: () => EngineEvent[], code: ErrorCode, count = 1) {
  const failed = () => events().filter((event) => event.type === 'handshake-failed' && event.code === code)
  await until(5_000, `${code} in ${count} events`, () => failed().length >= count)
  const event = failed().at(-1)
  if (event?.type !== 'handshake-failed') throw new Error('no event')
  return event
}

// --- versions and ALPN ---

test('TLS 1.2 and 1.3 are spoken over TCP, and nothing older', async () => {
  await listen({ identities: [own()] }, async ({ listener, events }) => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const shaken = await shake(listener.port, { minVersion: version, maxVersion: version })
      assert.is(shaken.protocol, version)
    }
    // Node's own OpenSSL has no older version any more, so one hello of TLS 1.1, by hand.
    const told = await raw(listener.port, hello11())
    // RFC 8446 6.2: a fatal alert, protocol_version.
    assert.match(told.toString('hex'), /^150303000202(46|28)/, told.toString('hex'))
    const event = await handshakeFailed(events, 'tls/handshake')
    assert.is(event.transport, 'tcp')
  })
})

test('with minVersion 1.3, TLS 1.2 is refused, and QUIC goes on', async () => {
  await listen({ identities: [own()], minVersion: '1.3' }, async ({ listener, events }) => {
    assert.is((await shake(listener.port)).protocol, 'TLSv1.3')
    assert.match(await fails(shake(listener.port, { maxVersion: 'TLSv1.2' })), /ALERT_PROTOCOL_VERSION/)
    await handshakeFailed(events, 'tls/handshake')
    assert.is((await asker.once(toPort('h3', listener.port))).status, 200)
  })
})

test('ALPN chooses the protocol, and a client that offers only others is refused', async () => {
  await listen({ identities: [own()] }, async ({ listener, heads, events }) => {
    assert.is((await shake(listener.port, { ALPNProtocols: ['http/1.1', 'h2'] })).alpn, 'h2')
    assert.is((await shake(listener.port, { ALPNProtocols: ['http/1.1'] })).alpn, 'http/1.1')
    assert.is((await shake(listener.port)).alpn, false)
    for (const protocol of protocols) {
      const told = await asker.once(toPort(protocol, listener.port))
      assert.is(told.status, 200, told.detail)
      assert.is(heads.at(-1)?.protocol, protocol)
    }
    // h3 is not for TCP.
    for (const offered of ['h3', 'foo']) {
      assert.match(await fails(shake(listener.port, { ALPNProtocols: [offered] })), /ALERT_NO_APPLICATION_PROTOCOL/)
    }
    await handshakeFailed(events, 'tls/alpn', 2)
  })
})

test('an upstream that does not speak what is wanted is tls/alpn', async () => {
  const refuses = await server.engine.listen(
    { address: '127.0.0.1', port: 0, tcp: { tls: { identities: [own()] }, protocols: ['h1'] } },
    () => ({ kind: 'respond', status: 200 }),
  )
  assert.is((await asker.once(toPort('h2', refuses.port))).code, 'tls/alpn')
  assert.is((await asker.once(toPort('h1', refuses.port))).status, 200)
  // One without ALPN speaks HTTP/1.1.
  const silent = tls.createServer({ cert: own().certificate as string, key: own().key as string }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))
  })
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  assert.is((await asker.once(toPort('h2', port))).code, 'tls/alpn')
  assert.is((await asker.once({ ...toPort('h2', port), protocols: ['h2', 'h1'] })).record.protocolOut, 11)
  silent.close()
  await refuses.drain({ graceMs: 0 })
})

// --- certificates by name ---

test('the certificate is chosen by name, exact before wildcard before the first, over TCP and QUIC alike', async () => {
  // One authority each: whom a client trusts tells what it was shown.
  const kinds = [
    { names: ['DNS:first.test', 'IP:127.0.0.1'], issuer: authority('first') },
    { names: ['DNS:*.wild.test'], issuer: authority('wild') },
    { names: ['DNS:exact.wild.test'], issuer: authority('exact') },
  ]
  const [first, wild, exact] = kinds.map(({ issuer }) => pem(issuer))
  const identities = kinds.map(({ names, issuer }) => read(issuer.issue('harmony', { names })))
  await listen({ identities }, async ({ listener, heads }) => {
    const cases = [
      { name: 'first.test', ca: first },
      { name: 'FIRST.test', ca: first, asked: 'first.test' },
      { name: 'some.wild.test', ca: wild },
      { name: 'exact.wild.test', ca: exact },
      // No SNI for addresses (RFC 6066 3).
      { name: '127.0.0.1', ca: first, asked: undefined },
    ]
    for (const protocol of protocols) {
      for (const { name, ca, ...more } of cases) {
        const told = await asker.once(toPort(protocol, listener.port, { tls: { ca, serverName: name } }))
        assert.is(told.status, 200, `${protocol} ${name}: ${told.detail}`)
        assert.is(heads.at(-1)?.serverName, 'asked' in more ? more.asked : name)
      }
      for (const name of ['unknown.test', 'a.b.wild.test', 'wild.test']) {
        const told = await asker.once(toPort(protocol, listener.port, { tls: { ca: first, serverName: name } }))
        assert.is(told.code, 'tls/name-mismatch', `${protocol} ${name}`)
      }
    }
    const none = await shake(listener.port, { ca: first, servername: '', host: '127.0.0.1' })
    assert.match(none.names, /first\.test/)
  })
})

// --- exchange ---

for (const protocol of protocols) {
  test(`certificates are exchanged while requests run, none fails, and a bad one changes nothing, ${protocol}`, async () => {
    const [old, next] = [authority('old'), authority('next')]
    const release: (() => void)[] = []
    const listener = await server.engine.listen(
      { address: '127.0.0.1', port: 0, tcp: { tls: { identities: [read(old.issue('localhost'))] } }, quic: {} },
      async (head) => {
        if (head.target === '/slow') await new Promise<void>((resolve) => release.push(resolve))
        return { kind: 'respond', status: 200 }
      },
    )
    const trusting = (...issuers: Authority[]) =>
      toPort(protocol, listener.port, { tls: { ca: issuers.map(pem).join('\n') } })
    const kept = asker.engine.upstream(trusting(old))
    assert.is((await asker.ask(kept)).status, 200)
    const slow = asker.ask(kept, { path: '/slow' })
    await until(5_000, 'the slow request', () => release.length === 1)

    const other = read(next.issue('localhost'))
    const broken = { certificate: other.certificate, key: read(old.issue('localhost')).key }
    const error = await listener.replaceTls({ identities: [broken] }).catch((failure: unknown) => failure)
    assert.match(String(error), /identities\[0\]\.key does not belong to/)
    assert.is((error as { code?: string }).code, 'tls/invalid')
    assert.is((await asker.once(trusting(old))).status, 200)

    const ended = new AbortController()
    const loop = async () => {
      const both = asker.engine.upstream({ ...trusting(old, next), pool: { idleMs: 1, maxIdle: 0 } })
      while (!ended.signal.aborted) assert.is((await asker.ask(both)).status, 200)
      both.close()
    }
    const loops = [loop(), loop(), loop()]
    await listener.replaceTls({ identities: [other] })
    const told = await asker.once(trusting(next))
    assert.is(told.status, 200, told.detail)
    assert.is((await asker.once(trusting(old))).code, 'tls/untrusted')
    // The connection from before goes on.
    release.forEach((go) => go())
    assert.is((await slow).status, 200)
    const reused = await asker.ask(kept)
    assert.is(reused.status, 200, reused.detail)
    assert.ok(reused.record.reused)
    ended.abort()
    await Promise.all(loops)
    kept.close()
    await listener.drain({ graceMs: 0 })
  })
}

test('a listener that has a certificate of its own for QUIC has it exchanged too', async () => {
  const [tcp, quic, next] = [authority('tcp'), authority('quic'), authority('next')]
  const config = (of: Authority) => ({ identities: [read(of.issue('localhost'))] })
  const listener = await server.engine.listen(
    { address: '127.0.0.1', port: 0, tcp: { tls: config(tcp) }, quic: { tls: config(quic) } },
    () => ({ kind: 'respond', status: 200 }),
  )
  const ask = async (protocol: Protocol, of: Authority) =>
    (await asker.once(toPort(protocol, listener.port, { tls: { ca: pem(of) } }))).code
  assert.is(await ask('h2', tcp), undefined)
  assert.is(await ask('h3', quic), undefined)
  assert.is(await ask('h3', tcp), 'tls/untrusted')
  await listener.replaceTls(config(next))
  assert.is(await ask('h2', next), undefined)
  assert.is(await ask('h3', next), undefined)
  await listener.drain({ graceMs: 0 })

  const plain = await server.engine.listen({ address: '127.0.0.1', port: 0, tcp: {} }, () => ({
    kind: 'respond',
    status: 200,
  }))
  assert.match(await fails(plain.replaceTls(config(next))), /tls\/invalid/)
  await plain.drain({ graceMs: 0 })
})

// --- client certificates ---

for (const protocol of protocols) {
  for (const mode of ['required', 'optional'] as const) {
    test(`client certificates that are ${mode} are verified and shown to the policy, ${protocol}`, async () => {
      const issuer = authority('clients')
      const good = read(issuer.issue('client'))
      const stranger = read(authority('strangers').issue('client'))
      const config: ServerTls = { identities: [own()], clientCertificates: { mode, ca: pem(issuer) } }
      await listen(config, async ({ listener, heads, events }) => {
        const to = (clientCertificate?: Identity) =>
          toPort(protocol, listener.port, { tls: { ...(clientCertificate && { clientCertificate }) } })
        const told = await asker.once(to(good))
        assert.is(told.status, 200, told.detail)
        const shown = heads.at(-1)?.clientCertificate
        if (shown === undefined) throw new Error('no certificate')
        assert.is(new X509Certificate(shown).fingerprint256, new X509Certificate(good.certificate).fingerprint256)

        const without = await asker.once(to())
        if (mode === 'optional') {
          assert.is(without.status, 200, without.detail)
          assert.is(heads.at(-1)?.clientCertificate, undefined)
        } else {
          assert.is(without.code, 'tls/client-certificate', without.detail)
          const event = await handshakeFailed(events, 'tls/client-certificate')
          assert.is(event.transport, protocol === 'h3' ? 'quic' : 'tcp')
          assert.ok(event.reason.length > 5)
        }
        const seen = heads.length
        const refused = await asker.once(to(stranger))
        assert.is(refused.code, 'tls/client-certificate', refused.detail)
        const event = await handshakeFailed(events, 'tls/untrusted')
        assert.match(event.reason, /UnknownIssuer/i)
        assert.is(heads.length, seen)
      })
    })
  }
}

// --- upstreams ---

for (const protocol of protocols) {
  test(`a certificate that is wrong has its code, ${protocol}`, async () => {
    const issuer = authority('right')
    const trusted = { ca: pem(issuer) }
    const cases: [string, Identity, object, string | undefined][] = [
      ['right', read(issuer.issue('localhost')), trusted, undefined],
      ['from a stranger', read(authority('wrong').issue('localhost')), trusted, 'tls/untrusted'],
      ['not in the system', read(issuer.issue('localhost')), { ca: undefined, roots: 'system' }, 'tls/untrusted'],
      ['for another name', read(issuer.issue('x', { names: ['DNS:x.test'] })), trusted, 'tls/name-mismatch'],
      ['for the overriding name', read(issuer.issue('x', { names: ['DNS:x.test'] })), { ...trusted, serverName: 'x.test' }, undefined],
      ['not for the overriding name', read(issuer.issue('localhost')), { ...trusted, serverName: 'x.test' }, 'tls/name-mismatch'],
      ['expired', await expired(issuer), trusted, 'tls/expired'],
      ['self-signed', selfSigned(), trusted, 'tls/untrusted'],
    ] // prettier-ignore
    for (const [what, given, trust, code] of cases) {
      await listen({ identities: [given] }, async ({ listener, heads }) => {
        const options = toPort(protocol, listener.port)
        const { ca: _, ...rest } = options.tls ?? {}
        const told = await asker.once({ ...options, tls: { ...rest, ...trust } })
        assert.is(told.code, code, `${what}: ${told.detail}`)
        assert.is(told.status, code === undefined ? 200 : 502)
        assert.is(heads.length, code === undefined ? 1 : 0, what)
      })
    }
  })
}

test('without ca, the authorities of the system are trusted', async () => {
  const before = process.env['SSL_CERT_FILE']
  await listen({ identities: [own()] }, async ({ listener }) => {
    // Where OpenSSL looks for the system's bundle, the engine looks too.
    const ask = async (file: string) => {
      process.env['SSL_CERT_FILE'] = file
      const options = toPort('h2', listener.port)
      return (await asker.once({ ...options, tls: { roots: 'system' } })).code
    }
    try {
      assert.is(await ask(identity().authority.ca), undefined)
      assert.is(await ask(authority().ca), 'tls/untrusted')
    } finally {
      if (before === undefined) delete process.env['SSL_CERT_FILE']
      else process.env['SSL_CERT_FILE'] = before
    }
  })
})

// --- sessions ---

test('sessions are resumed over TCP, in TLS 1.2 and 1.3, without early data', async () => {
  await listen({ identities: [own()] }, async ({ listener }) => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const options = { minVersion: version, maxVersion: version }
      const first = await shake(listener.port, options, true)
      assert.is(first.socket.isSessionReused(), false)
      const session = await within(
        5_000,
        'a ticket',
        new Promise<Buffer>((resolve) => {
          const early = version === 'TLSv1.2' ? first.socket.getSession() : undefined
          if (early) return resolve(early)
          first.socket.once('session', resolve)
          first.socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
        }),
      )
      first.socket.destroy()
      const second = await shake(listener.port, { ...options, session }, true)
      assert.ok(second.socket.isSessionReused(), version)
      second.socket.destroy()
    }
    const session = join(temporary(), 'session')
    const to = ['-connect', `127.0.0.1:${listener.port}`, '-tls1_3', '-sess_out', session, '-ign_eof']
    const input = Buffer.from('GET / HTTP/1.0\r\nhost: localhost\r\n\r\n')
    await run(peer('openssl'), ['s_client', ...to], { input, deadlineMs: 10_000 })
    const text = (await run(peer('openssl'), ['sess_id', '-in', session, '-text', '-noout'])).stdout
    assert.match(text, /TLSv1\.3/)
    // OpenSSL prints it where there is a ticket: RFC 8446 4.6.1.
    assert.match(text, /Max Early Data: 0\b/)
  })
})

test(
  'sessions are resumed over QUIC',
  async () => {
    await listen({ identities: [own()] }, async ({ listener }) => {
      const answer = await goquic.ask({
        url: `https://localhost:${listener.port}/`,
        http: 'h3',
        ca: identity().authority.ca,
        resume: true,
      })
      assert.is(answer.status, 200, answer.error)
      assert.ok(answer.resumed)
    })
  },
  { skip: needsPeers('goquic') },
)

test('a session of before does not outlive the authorities that were exchanged', async () => {
  const [old, next] = [authority('old clients'), authority('new clients')]
  const config = (of: Authority): ServerTls => ({
    identities: [own()],
    clientCertificates: { mode: 'required', ca: pem(of) },
  })
  const client = old.issue('client')
  await listen(config(old), async ({ listener }) => {
    const options = { cert: readFileSync(client.chain), key: readFileSync(client.key), maxVersion: 'TLSv1.2' } as const
    const first = await shake(listener.port, options, true)
    const session = first.socket.getSession()
    first.socket.destroy()
    await listener.replaceTls(config(next))
    assert.match(await fails(shake(listener.port, { ...options, session })), /ALERT|ECONNRESET/)
  })
})

test('the hybrid X25519MLKEM768 is chosen by a client that has it, and X25519 serves the others', async () => {
  await listen({ identities: [own()] }, async ({ listener }) => {
    // Each is all that the client offers, so that the handshake succeeds with it or not at all.
    for (const group of ['X25519MLKEM768', 'X25519', 'P-256', 'P-384']) {
      assert.is((await shake(listener.port, { ecdhCurve: group })).protocol, 'TLSv1.3', group)
    }
    assert.match(await fails(shake(listener.port, { ecdhCurve: 'P-521' })), /ALERT_HANDSHAKE_FAILURE/)
  })
})

test('our client offers the hybrid key exchange to upstreams', async () => {
  for (const group of ['X25519MLKEM768', 'X25519']) {
    const { certificate: cert, key } = identity()
    const origin = http2.createSecureServer({ cert, key, ecdhCurve: group }, (_request, response) => response.end())
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
    const { port } = origin.address() as { port: number }
    assert.is((await asker.once(toPort('h2', port))).status, 200, group)
    await new Promise((resolve) => origin.close(resolve))
  }
})

// --- secrets ---

test('nothing of a key stands in an error or an event', async () => {
  const marker = 'TUFSS0VSLVNFQ1JFVA'
  const planted = own().key as string
  const lines = planted.split('\n')
  const keys: Record<string, string> = {
    'broken base64': [lines[0], `${marker}!!`, ...lines.slice(1)].join('\n'),
    'no end': `-----BEGIN PRIVATE KEY-----\n${marker}\n`,
    'not a key': `-----BEGIN PRIVATE KEY-----\n${marker}==\n-----END PRIVATE KEY-----\n`,
    'no section': `-----BEGIN ${marker}-----\n`,
    'no pem': marker.repeat(10),
  }
  const texts: string[] = []
  const note = async (what: string, run: () => unknown) => {
    try {
      await run()
    } catch (error) {
      const failure = error as Error
      texts.push(`${failure.message} ${failure.stack} ${String(failure.cause)} ${JSON.stringify(failure)}`)
      return
    }
    throw new Error(`${what} was taken`)
  }
  await listen({ identities: [own()] }, async ({ listener }) => {
    for (const [what, key] of Object.entries(keys)) {
      const bad = { certificate: own().certificate, key }
      // A key where a certificate belongs, too.
      for (const given of [bad, { certificate: key, key: own().key }]) {
        const config = { identities: [given] }
        await note(what, () => server.engine.listen({ address: '127.0.0.1', port: 0, tcp: { tls: config } }, () => ({ kind: 'reset', reason: 'cancel' }))) // prettier-ignore
        await note(what, () => listener.replaceTls(config))
        await note(what, () => server.engine.upstream({ origin: 'https://localhost:1', tls: { clientCertificate: given } })) // prettier-ignore
      }
      await note(what, () => server.engine.upstream({ origin: 'https://localhost:1', tls: { ca: key } }))
      await note(what, () => listener.replaceTls({ identities: [own()], clientCertificates: { mode: 'required', ca: key } })) // prettier-ignore
    }
    assert.is((await asker.once(toPort('h2', listener.port))).status, 200)
  })
  assert.ok(texts.length >= 40)
  for (const text of [...texts, JSON.stringify([server.events, asker.events, asker.records])]) {
    assert.not.match(text, marker)
    assert.not.match(text, lines[1] ?? '')
  }
})

/** Valid until the second in which it is made ends. */
async function expired(issuer: Authority): Promise<Identity> {
  const made = read(issuer.issue('localhost', { days: 0 }))
  const end = Date.parse(new X509Certificate(made.certificate).validTo) + 1000
  await until(5_000, 'the end of a second', () => Date.now() > end + 100)
  return made
}

function selfSigned(): Identity {
  const folder = temporary()
  const [certificate, key] = [join(folder, 'own.pem'), join(folder, 'own.key')]
  execFileSync(peer('openssl'), ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key,
    '-out', certificate, '-days', '30', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
    '-addext', 'basicConstraints=critical,CA:FALSE'], { stdio: 'ignore' }) // prettier-ignore
  return read({ chain: certificate, key })
}

test.run()
