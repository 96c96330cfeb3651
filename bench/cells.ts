// What is measured: a workload over a protocol at a concurrency.
import { pattern, sha256 } from '../test/peers/index.ts'

export type Protocol = 'h1' | 'tls' | 'h2' | 'h3'

export type Workload = {
  name: 'get-small' | 'get-10mb' | 'post-1mb'
  path: string
  method: 'GET' | 'POST'
  /** Bytes of request body. */
  body: number
  /** What a right answer holds. */
  answer: Uint8Array
  /** What its figures count: requests, or bytes in one direction. */
  unit: 'requests' | 'received' | 'sent'
}

export type Cell = {
  name: string
  workload: Workload
  protocol: Protocol
  connections: number
  /** Concurrent requests on each connection. */
  streams: number
}

const smallBytes = 1_000
const uploadBytes = 1_000_000

export const workloads: readonly Workload[] = [
  {
    name: 'get-small',
    path: `/bytes/${smallBytes}`,
    method: 'GET',
    body: 0,
    answer: pattern(smallBytes),
    unit: 'requests',
  },
  { name: 'get-10mb', path: '/bytes/10000000', method: 'GET', body: 0, answer: pattern(10_000_000), unit: 'received' },
  {
    name: 'post-1mb',
    path: '/length',
    method: 'POST',
    body: uploadBytes,
    // The origin reads the whole body and answers with its declared length.
    answer: Buffer.from(String(uploadBytes)),
    unit: 'sent',
  },
]

/** HTTP/2 and HTTP/3 spread their 64 requests over this many connections. */
const multiplexed = 8

export const cells: readonly Cell[] = workloads.flatMap((workload) =>
  (['h1', 'tls', 'h2', 'h3'] as const).flatMap((protocol) =>
    [1, 64].map((concurrency) => {
      const connections = protocol === 'h2' || protocol === 'h3' ? Math.min(multiplexed, concurrency) : concurrency
      return {
        name: `${workload.name}/${protocol}/${concurrency}`,
        workload,
        protocol,
        connections,
        streams: concurrency / connections,
      }
    }),
  ),
)

/** The load generator's arguments for a cell. */
export function loadArguments(cell: Cell, port: number, ca: string): string[] {
  const { workload, protocol } = cell
  const scheme = protocol === 'h1' ? 'http' : 'https'
  const settings = {
    protocol: protocol === 'tls' ? 'h1' : protocol,
    url: `${scheme}://localhost:${port}${workload.path}`,
    connect: `127.0.0.1:${port}`,
    ca,
    method: workload.method,
    body: workload.body,
    length: workload.answer.length,
    sha256: sha256(workload.answer),
    connections: cell.connections,
    streams: cell.streams,
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
}
