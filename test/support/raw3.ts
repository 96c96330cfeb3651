// HTTP/3 written by hand, by way of aioquic's QUIC.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { peer } from '../peers/find.ts'
import { identity } from './rig.ts'

/** What to do on request streams; text stands for ISO 8859-1. See test/peers/aioquic/send.py. */
export type Step =
  | readonly ['headers', fields: readonly (readonly [string, string])[], end: boolean]
  | readonly ['data', text: string, end: boolean]
  | readonly ['bytes', text: string, end: boolean]
  | readonly ['reset', code: number]
  | readonly ['next']
  | readonly ['times', count: number, steps: readonly Step[]]
  | readonly ['hold', ms: number]

const script = fileURLToPath(new URL('../peers/aioquic/send.py', import.meta.url))

/** Does each list of steps on a connection of its own. What came: `200`, `200 stop 0x100`, `reset 0x10e`, `close 0x107`, `nothing`. */
export async function sendHttp3(port: number, cases: readonly (readonly Step[])[], seconds = 5): Promise<string[]> {
  const args = [script, '--port', String(port), '--ca', identity().authority.ca, '--timeout', String(seconds)]
  return new Promise((resolve, reject) => {
    const child = execFile(peer('aioquic'), args, { timeout: 50_000, maxBuffer: 1 << 20 }, (error, out, err) => {
      if (error) reject(new Error(`aioquic: ${error.message}\n${err}`))
      // send.py prints one text for each case.
      else resolve(JSON.parse(out) as string[])
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(JSON.stringify(cases))
  })
}
