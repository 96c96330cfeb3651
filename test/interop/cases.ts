// What every client must be able to do through the front, and how it shows that it worked.
import { until } from '../support/deadline.ts'
import { goquic, pattern, sha256 } from '../peers/index.ts'
import type { Answer, Client, Origin, Question, Version } from '../peers/index.ts'

export type Scene = {
  client: Client
  http: Version
  /** Where the front listens, as a URL without a path. */
  base: string
  ca: string
  origin: Origin
  originHttp: Version
}

export type Case = {
  name: string
  question: Omit<Question, 'url' | 'ca' | 'http'> & { path: string }
  /** Whether this client shows what the case looks for; it does when left out. */
  shows?: (row: Pick<Scene, 'client' | 'http'>) => boolean
  /** What is wrong with the answer; `undefined` where nothing is. */
  fault(answer: Answer, scene: Scene): string | undefined | Promise<string | undefined>
}

export const cases: readonly Case[] = [
  { name: 'GET', question: { path: '/bytes/1000' }, fault: (answer) => body(answer, 1000) },
  {
    name: 'HEAD',
    question: { path: '/bytes/1000', method: 'HEAD' },
    fault(answer) {
      const length = answer.headers.find(([name]) => name === 'content-length')?.[1]
      return (
        complete(answer) ?? (answer.bytes ? 'has a body' : length === '1000' ? undefined : `content-length ${length}`)
      )
    },
  },
  { name: '0 bytes', question: { path: '/bytes/0' }, fault: (answer) => body(answer, 0) },
  {
    name: '204',
    question: { path: '/status/204' },
    fault: (answer) =>
      answer.error ?? (answer.status === 204 && answer.bytes === 0 ? undefined : `status ${answer.status}`),
  },
  { name: 'GET 10 MB', question: { path: '/bytes/10000000' }, fault: (answer) => body(answer, 10_000_000) },
  {
    name: 'POST 1 MB',
    question: { path: '/echo', method: 'POST', send: 1_000_000 },
    fault: (answer) => body(answer, 1_000_000),
  },
  {
    name: 'POST without length',
    question: { path: '/echo', method: 'POST', send: 100_000, unsized: true },
    fault: (answer) => body(answer, 100_000),
  },
  {
    name: 'trailers',
    question: { path: '/trailers' },
    // curl hands out the trailers of HTTP/1.1 only.
    shows: ({ client, http }) => client.name !== 'curl' || http === 'h1',
    fault: (answer) => complete(answer) ?? trailer(answer, 'x-checksum'),
  },
  {
    name: 'request trailers',
    question: { path: '/echo', method: 'POST', send: 1000, trailer: true },
    fault: (answer) => body(answer, 1000) ?? trailer(answer, 'x-sent'),
  },
  {
    name: '103',
    question: { path: '/hints' },
    fault: (answer) =>
      complete(answer) ??
      (answer.informational.includes(103) ? undefined : `informational ${answer.informational.join()}`),
  },
  {
    name: 'truncated',
    question: { path: '/cut/100000' },
    // A front that knows it before anything went out may say so with a status.
    fault: (answer) => (answer.error || answer.status >= 500 ? undefined : `${answer.bytes} bytes and no error`),
  },
  {
    name: 'cancelled',
    question: { path: '/endless', cancelAfter: 100_000 },
    async fault(answer, scene) {
      if (!answer.cancelled) return answer.error ?? 'not cancelled'
      // Rows share an origin, but each cancelled download is one that it must notice.
      await until(5000, 'the origin sees the cancellation', async () => (await seen(scene)).endless === 0)
      return undefined
    },
  },
  {
    name: 'migration',
    question: { path: '/bytes/10000000', rebind: true },
    fault: (answer) => body(answer, 10_000_000) ?? (answer.rebound ? undefined : 'did not change its port'),
  },
  {
    name: 'resumption',
    question: { path: '/bytes/5', resume: true },
    fault: (answer) => body(answer, 5) ?? (answer.resumed ? undefined : 'a full handshake'),
  },
]

function complete(answer: Answer): string | undefined {
  return answer.error ?? (answer.status === 200 ? undefined : `status ${answer.status}`)
}

function body(answer: Answer, length: number): string | undefined {
  const wrong = complete(answer)
  if (wrong) return wrong
  if (answer.bytes !== length) return `${answer.bytes} bytes instead of ${length}`
  return answer.sha256 === sha256(pattern(length)) ? undefined : 'the body has another checksum'
}

function trailer(answer: Answer, name: string): string | undefined {
  const value = answer.trailers.find(([given]) => given === name)?.[1]
  return value === 'after the body' ? undefined : `trailer ${name}: ${value}`
}

/** What the origin counted, asked past the front. */
async function seen({ origin, originHttp, ca }: Scene): Promise<{ endless: number }> {
  const answer =
    originHttp === 'h3'
      ? await goquic.ask({ url: `https://localhost:${origin.port}/seen`, http: 'h3', ca })
      : { text: await (await fetch(`http://127.0.0.1:${origin.plain}/seen`)).text() }
  // The origin's own type, see test/peers/go/origin.go.
  return JSON.parse(answer.text) as { endless: number }
}
