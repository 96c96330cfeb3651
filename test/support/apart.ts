// A gateway in a process of its own, so that its memory is told from its peers', and its thread can be blocked.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Plan, Status, Told } from './gateway.ts'
import { within } from './deadline.ts'

export type Apart = {
  port: number
  /** Waits while the thread is blocked. */ status(): Promise<Status>
  /** Until the thread blocks. */ blocking(): Promise<void>
  close(): Promise<void>
}

/** Starts a gateway; what it does is said in test/support/gateway.ts. Close it. */
export async function startApart(plan: Plan): Promise<Apart> {
  const child = fork(new URL('gateway.ts', import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const exited = once(child, 'exit')
  const told = async (): Promise<Told> => {
    const [message] = await Promise.race([
      once(child, 'message'),
      exited.then(() => Promise.reject(new Error('the gateway has ended'))),
    ])
    // Sent by gateway.ts, and nobody else.
    return message as Told
  }
  const first = told()
  child.send(plan)
  const up = await within(20_000, 'the gateway', first)
  if (!('port' in up)) throw new Error('no port')
  return {
    port: up.port,
    status: async () => {
      const answer = told()
      child.send({})
      const message = await within(10_000, 'the status', answer)
      if (!('status' in message)) throw new Error('no status')
      return message.status
    },
    blocking: async () => {
      if (!('blocking' in (await within(10_000, 'the block', told())))) throw new Error('not blocked')
    },
    close: async () => {
      child.disconnect()
      await exited
    },
  }
}
