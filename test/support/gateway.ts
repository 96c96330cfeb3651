// The main file of a gateway in a process of its own; test/support/apart.ts starts it.
// It forwards everything, but answers `/direct` itself and blocks its JavaScript thread on `/block?<ms>`.
import { startEngine } from '../../quic/index.ts'
import type { Decide, EngineLimits, ExchangeRecord, ListenOptions, UpstreamOptions } from '../../quic/index.ts'

export type Plan = { listen: ListenOptions; upstream?: UpstreamOptions | undefined; limits?: EngineLimits | undefined }

export type Status = {
  residentBytes: number
  counts: Readonly<Record<string, number>>
  records: Pick<ExchangeRecord, 'id' | 'code' | 'status'>[]
}

/** From the gateway: once it listens, when it is about to block, and as an answer to anything after the plan. */
export type Told = { port: number } | { status: Status } | { blocking: number }

const tell = (told: Told): void => void process.send?.(told)

async function serve(plan: Plan): Promise<void> {
  const records: Status['records'] = []
  const onRecord = (batch: readonly ExchangeRecord[]): void => {
    for (const { id, code, status } of batch) records.push({ id, code, status })
  }
  const engine = await startEngine({ limits: plan.limits, onRecord })
  const upstream = plan.upstream && engine.upstream(plan.upstream)
  const decide: Decide = (head) => {
    const [path, query] = head.target.split('?')
    if (path === '/block') {
      tell({ blocking: Number(query) })
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(query))
      return { kind: 'respond', status: 200, body: 'unblocked' }
    }
    if (upstream === undefined || path === '/direct') return { kind: 'respond', status: 200, body: 'ok' }
    return { kind: 'forward', upstream, authority: head.authority }
  }
  const listener = await engine.listen(plan.listen, decide)
  process.on('message', () => {
    tell({ status: { residentBytes: process.memoryUsage.rss(), counts: engine.stats().counts, records } })
  })
  // The test has ended, however it did.
  process.on('disconnect', () => process.exit())
  tell({ port: listener.quicPort ?? listener.port })
}

// Sent by apart.ts, and nobody else.
process.once('message', (plan) => void serve(plan as Plan))
