// Clients of other people with one question and one answer: goquic, aioquic, curl and nghttp.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needsPeers, peer } from './find.ts'
import { pattern, sha256 } from './origin.ts'
import { run, temporary } from './process.ts'

export type Version = 'h1' | 'h2' | 'h3'

export type Question = {
  url: string
  http: Version
  /** A file with the authorities to trust. */
  ca: string
  method?: string
  /** Bytes of request body, of the pattern. */
  send?: number
  /** Send the body without content-length. */
  unsized?: boolean
  /** Send the request trailer `x-sent`. */
  trailer?: boolean
  /** Cancel when this many bytes have come. */
  cancelAfter?: number
  /** Change the local port after the first MB. */
  rebind?: boolean
  /** Ask on a second connection with the TLS session of a first. */
  resume?: boolean
  deadlineMs?: number
}

export type Answer = {
  http: string
  status: number
  informational: number[]
  headers: [string, string][]
  trailers: [string, string][]
  bytes: number
  sha256: string
  /** The body, if it is not longer than 4,096 bytes. */
  text: string
  resumed: boolean
  rebound: boolean
  cancelled: boolean
  error?: string
  code?: number
}

export type Client = {
  name: 'goquic' | 'aioquic' | 'curl' | 'nghttp'
  /** Why it cannot be used on this machine in this version; `undefined` where it can. */
  missing(http: Version): string | undefined
  /** Whether it has the means for this question wherever it is installed. */
  knows(question: Omit<Question, 'url' | 'ca'>): boolean
  ask(question: Question): Promise<Answer>
}

const deadlineMs = 30_000

/** The flags that goquic and aioquic have in common. */
function flags(question: Question): string[] {
  const list = ['--url', question.url, '--ca', question.ca, '--method', question.method ?? 'GET']
  if (question.send !== undefined) list.push('--send', String(question.send))
  if (question.cancelAfter !== undefined) list.push('--cancel-after', String(question.cancelAfter))
  for (const name of ['unsized', 'trailer', 'rebind', 'resume'] as const) if (question[name]) list.push(`--${name}`)
  return list
}

async function json(command: string, args: string[], question: Question): Promise<Answer> {
  const done = await run(command, args, { deadlineMs: question.deadlineMs ?? deadlineMs })
  if (!done.stdout.startsWith('{')) throw new Error(`no answer from ${command}: ${done.stderr || `code ${done.code}`}`)
  // Both programs print this type.
  return JSON.parse(Buffer.from(done.stdout, 'latin1').toString()) as Answer
}

export const goquic: Client = {
  name: 'goquic',
  missing: () => needsPeers('goquic'),
  knows: ({ http, rebind }) => http === 'h3' || !rebind,
  ask: async (question) => json(peer('goquic'), ['client', '--http', question.http, ...flags(question)], question),
}

export const aioquic: Client = {
  name: 'aioquic',
  missing: () => needsPeers('aioquic'),
  knows: ({ http }) => http === 'h3',
  ask: async (question) =>
    json(peer('aioquic'), [join(import.meta.dirname, 'aioquic/client.py'), ...flags(question)], question),
}

export const curl: Client = {
  name: 'curl',
  missing(http) {
    const none = needsPeers('curl')
    if (none) return none
    return http === 'h3' && !curlFeatures().includes('HTTP3') ? 'this curl is built without HTTP/3' : undefined
  },
  // A session does not outlive a run of curl.
  knows: ({ rebind, trailer, resume }) => !rebind && !trailer && !resume,
  async ask(question) {
    const version = {
      h1: '--http1.1',
      h2: question.url.startsWith('http:') ? '--http2-prior-knowledge' : '--http2',
      h3: '--http3-only',
    }
    const args = [
      '-q',
      '-sS',
      '-m',
      '25',
      '-g',
      '-i',
      '--cacert',
      question.ca,
      version[question.http],
      '--noproxy',
      '*',
    ]
    if (question.method === 'HEAD') args.push('--head')
    else args.push('-X', question.method ?? 'GET')
    const input = question.send === undefined ? undefined : pattern(question.send)
    if (input) args.push('--data-binary', '@-', '-H', 'content-type: application/octet-stream', '-H', 'expect:')
    if (input && question.unsized && question.http === 'h1') args.push('-H', 'transfer-encoding: chunked')
    if (question.cancelAfter !== undefined) return cancelled(question, args)
    const ended = await run(peer('curl'), [...args, '-w', '%{stderr}%{http_version}\n', question.url], {
      deadlineMs: question.deadlineMs ?? deadlineMs,
      ...(input && { input }),
    })
    return readCurl(Buffer.from(ended.stdout, 'latin1'), ended.stderr, ended.code)
  },
}

let features: string | undefined
function curlFeatures(): string {
  return (features ??= execFileSync(peer('curl'), ['-V'], { encoding: 'utf8' }))
}

/** curl ends itself when its output is closed: `head` closes it. */
async function cancelled(question: Question, args: string[]): Promise<Answer> {
  const wanted = question.cancelAfter ?? 0
  const script = '"$@" 2>/dev/null | head -c "$0" | wc -c'
  const ended = await run('/bin/sh', ['-c', script, String(wanted), peer('curl'), ...args, question.url], {
    deadlineMs,
  })
  const bytes = Number(ended.stdout)
  return { ...blank(question.http), status: bytes > 0 ? 200 : 0, bytes, cancelled: bytes >= wanted }
}

function readCurl(output: Buffer, errors: string, code: number | null): Answer {
  const lines = errors.trim().split('\n')
  const answer = blank(`HTTP/${lines.at(-1) ?? ''}`)
  let rest = output
  while (rest.subarray(0, 5).toString() === 'HTTP/') {
    const end = rest.indexOf('\r\n\r\n')
    const [first = '', ...fields] = rest.subarray(0, end).toString('latin1').split('\r\n')
    const status = Number(first.split(' ')[1])
    rest = rest.subarray(end + 4)
    if (status < 200) {
      answer.informational.push(status)
      continue
    }
    answer.status = status
    answer.headers = fields.map(pair)
    break
  }
  // With -i, trailers follow the body; the origin's only trailer says where they begin.
  const announced = rest.indexOf('x-checksum:', 0, 'latin1')
  const named = announced >= 0 ? announced : rest.indexOf('X-Checksum:', 0, 'latin1')
  if (named >= 0 && rest.length < 4096) {
    answer.trailers = rest.subarray(named).toString('latin1').trim().split('\r\n').map(pair)
    rest = rest.subarray(0, named)
  }
  answer.bytes = rest.length
  answer.sha256 = sha256(rest)
  answer.text = rest.length <= 4096 ? rest.toString('latin1') : ''
  if (code !== 0) answer.error = lines.find((line) => line.startsWith('curl:')) ?? `code ${code}`
  return answer
}

export const nghttp: Client = {
  name: 'nghttp',
  missing: () => needsPeers('nghttp'),
  knows: ({ http, rebind, resume, unsized, cancelAfter }) =>
    http === 'h2' && !rebind && !resume && !unsized && cancelAfter === undefined,
  async ask(question) {
    const args = [question.url]
    if (question.method) args.push(`-H:method: ${question.method}`)
    if (question.trailer) args.push('--trailer', 'x-sent: after the body')
    if (question.send !== undefined) {
      const file = join(temporary(), 'body')
      writeFileSync(file, pattern(question.send))
      args.push('-d', file)
    }
    const options = { deadlineMs: question.deadlineMs ?? deadlineMs }
    // The log of frames and the body only come apart in two runs.
    const log = await run(peer('nghttp'), ['-nv', ...args], options)
    const body = await run(peer('nghttp'), args, options)
    return readNghttp(log.stdout, Buffer.from(body.stdout, 'latin1'), log.stderr)
  },
}

function readNghttp(log: string, body: Buffer, errors: string): Answer {
  const answer = blank('HTTP/2')
  for (const [, name = '', value = ''] of log.matchAll(/recv \(stream_id=\d+(?:, sensitive)?\) (:?[^:\n]+): (.*)/g)) {
    const status = name === ':status' ? Number(value) : undefined
    if (status !== undefined && status < 200) answer.informational.push(status)
    else if (status !== undefined) answer.status = status
    else if (answer.status === 0) continue
    else if (name === 'x-checksum' || name === 'x-sent') answer.trailers.push([name, value])
    else answer.headers.push([name, value])
  }
  answer.bytes = body.length
  answer.sha256 = sha256(body)
  answer.text = body.length <= 4096 ? body.toString('latin1') : ''
  const reset = /recv RST_STREAM[^]*?\(error_code=(\w+)/.exec(log)
  if (reset && reset[1] !== 'NO_ERROR') answer.error = `stream reset ${reset[1]}`
  if (answer.status === 0) answer.error ??= errors.trim() || 'no response'
  return answer
}

function blank(http: string): Answer {
  return {
    http,
    status: 0,
    informational: [],
    headers: [],
    trailers: [],
    bytes: 0,
    sha256: '',
    text: '',
    resumed: false,
    rebound: false,
    cancelled: false,
  }
}

function pair(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}
