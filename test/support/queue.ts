// A TCP port that answers no SYN: its queue of connections that nobody accepts is full.
import { spawn } from 'node:child_process'
import net from 'node:net'
import { once } from 'node:events'
import { until } from './deadline.ts'

// Node cannot listen without accepting; a stopped process can.
const script = `
const server = require('node:net').createServer()
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  require('node:fs').writeSync(1, server.address().port + '\\n')
  process.kill(process.pid, 'SIGSTOP')
})`

export async function fullQueue(): Promise<{ port: number; close(): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(line.toString())
  const fillers: net.Socket[] = []
  let connected = 0
  // Full, once one of them is not answered any more.
  await until(10_000, 'a full queue', async () => {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {})
    fillers.push(socket)
    const before = connected
    socket.once('connect', () => (connected += 1))
    const began = performance.now()
    await until(5_000, 'an answer or none', () => connected > before || performance.now() - began > 200)
    return connected === before
  })
  return {
    port,
    close: async () => {
      for (const socket of fillers) socket.destroy()
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
