// A client for tests of upstreams: an engine whose policy forwards each question to the upstream that it names.
import http from 'node:http'
import type { Readable } from 'node:stream'
import type { ExchangeRecord, Failure, Protocol, Upstream, UpstreamOptions } from '../../quic/index.ts'
import { until } from './deadline.ts'
import { identity, listenFor, watchedEngine } from './rig.ts'
import type { Watched } from './rig.ts'

export type Question = {
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: string | Readable
  /** Leaves. */
  signal?: AbortSignal
}

export type Told = {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
  /** Why there is no answer of the upstream's, in the table's word. */
  code: string | undefined
  detail: string
  record: ExchangeRecord
}

export type Asker = Watched & {
  ask(upstream: Upstream, question?: Question): Promise<Told>
  /** Makes an upstream, asks it once, and closes it. */
  once(options: UpstreamOptions, question?: Question): Promise<Told>
  close(): Promise<void>
}

/** Starts an engine to ask with. Close it. */
export async function startAsker(): Promise<Asker> {
  const watched = await watchedEngine()
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity })
  const upstreams = new Map<string, Upstream>()
  const exchanges = new Map<string, number>()
  const failures = new Map<string, Failure>()
  let asked = 0
  const listener = await listenFor(watched.engine, 'h1', (head) => {
    const key = head.header('x-asked') ?? ''
    const upstream = upstreams.get(key)
    exchanges.set(key, head.id)
    if (upstream === undefined) return { kind: 'respond', status: 500 }
    return {
      kind: 'forward',
      upstream,
      edit: [{ remove: 'x-asked' }],
      onFailure: (failure) => {
        failures.set(key, failure)
        return { kind: 'respond', status: failure.status }
      },
    }
  })

  const ask = async (upstream: Upstream, question: Question = {}): Promise<Told> => {
    const key = String((asked += 1))
    upstreams.set(key, upstream)
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = http.request(
        {
          host: '127.0.0.1',
          port: listener.port,
          agent,
          method: question.method ?? 'GET',
          path: question.path ?? '/',
          headers: { ...question.headers, 'x-asked': key },
          ...(question.signal ? { signal: question.signal } : {}),
        },
        resolve,
      )
      request.on('error', reject)
      if (question.body === undefined || typeof question.body === 'string') request.end(question.body)
      else question.body.pipe(request)
    })
    let body = ''
    try {
      for await (const chunk of answer) body += String(chunk)
    } catch {
      // The record tells that it was cut.
    }
    const id = exchanges.get(key)
    const record = await until(5_000, 'the record', () => watched.records.find((one) => one.id === id))
    const failure = failures.get(key)
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      body,
      code: failure?.code ?? record.code,
      detail: failure?.detail ?? record.detail,
      record,
    }
  }

  return {
    ...watched,
    ask,
    once: async (options, question) => {
      const upstream = watched.engine.upstream(options)
      try {
        return await ask(upstream, question)
      } finally {
        upstream.close()
      }
    },
    close: async () => {
      agent.destroy()
      await watched.engine.stop({ graceMs: 0 })
    },
  }
}

/** Options to reach a port of 127.0.0.1 over TLS, in one protocol alone. */
export function toPort(protocol: Protocol, port: number, more: Partial<UpstreamOptions> = {}): UpstreamOptions {
  return {
    origin: `https://localhost:${port}`,
    protocols: [protocol],
    addresses: ['127.0.0.1'],
    ...more,
    tls: { ca: identity().ca, ...more.tls },
  }
}
