// An HTTP/1.1 origin that keeps every byte it gets, and what a strict parser (Node's) makes of it.
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export type Seen = {
  method: string
  target: string
  headers: [string, string][]
  trailers: [string, string][]
  body: string
  /** The content came to its end. */
  complete: boolean
}

export type Recorder = {
  url: string
  /** Every request that began. */
  seen: Seen[]
  /** What was no HTTP to the parser, but for requests that were cut off. */
  faults: string[]
  /** All bytes of all connections, in ISO 8859-1. */
  bytes(): string
  close(): Promise<void>
}

/** Starts one; it answers every complete request with `ok`. */
export async function startRecorder(): Promise<Recorder> {
  const seen: Seen[] = []
  const faults: string[] = []
  const bytes: Buffer[] = []
  const server = http.createServer({ keepAliveTimeout: 60_000, requireHostHeader: true }, (request, response) => {
    const one: Seen = {
      method: request.method ?? '',
      target: request.url ?? '',
      headers: couples(request.rawHeaders),
      trailers: [],
      body: '',
      complete: false,
    }
    seen.push(one)
    request.setEncoding('latin1')
    request.on('data', (text: string) => (one.body += text))
    request.on('error', () => {})
    request.on('end', () => {
      one.complete = request.complete
      one.trailers = couples(request.rawTrailers)
      response.end('ok')
    })
  })
  server.on('checkContinue', (request: http.IncomingMessage, response: http.ServerResponse) => {
    response.writeContinue()
    server.emit('request', request, response)
  })
  server.on('connection', (socket: Socket) => socket.on('data', (chunk: Buffer) => bytes.push(chunk)))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!['ECONNRESET', 'HPE_INVALID_EOF_STATE'].includes(error.code ?? ''))
      faults.push(`${error.code} ${error.message}`)
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    faults,
    bytes: () => Buffer.concat(bytes).toString('latin1'),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function couples(raw: string[]): [string, string][] {
  const list: [string, string][] = []
  for (let index = 0; index + 1 < raw.length; index += 2) list.push([raw[index] ?? '', raw[index + 1] ?? ''])
  return list
}
