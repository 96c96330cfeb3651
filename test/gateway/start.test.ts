// What `npm start` runs: keys made on the spot, two gateways, and commands that do what is said of them.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { findPeer, needsPeers, onFreePorts, run } from '../peers/index.ts'
import { until, within } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('npm start')
const folder = join(import.meta.dirname, '../../examples/two-organisations')
const start = join(folder, 'start.ts')
const keys = join(folder, 'tls/env')

test(
  'the commands that it prints go through the mesh, and are refused around it',
  async () =>
    onFreePorts(3, async ([a = 0, b = 0, admin = 0]) => {
      const env = { ...process.env, A_PORT: String(a), B_PORT: String(b), A_ADMIN_PORT: String(admin) }
      const child = spawn(process.execPath, [start], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => (output += text))
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
      try {
        await until(30_000, 'the guide', () => output.includes('Ctrl-C') || child.exitCode !== null)
        if (child.exitCode !== null) throw new Error(output)
        const commands = [...output.matchAll(/^ {4}curl (.+)$/gm)].map(([, words = '']) => words.split(' '))
        const curl = findPeer('curl')
        const answers = []
        for (const words of commands) {
          const done = await run('path' in curl ? curl.path : 'curl', ['-s', '-w', '\n%{http_code}', ...words])
          answers.push(done.stdout.split('\n').at(-1))
        }
        assert.equal(answers, ['200', '403', '200'], output)
        const sourced = await run('sh', [
          '-c',
          `. '${keys}' && cat "$TLS_CA" "$TLS_CERT" "$TLS_KEY" && echo "$MESH_SECRET"`,
        ])
        assert.match(sourced.stdout, /PRIVATE KEY-----\n\S{32,}\n$/)
      } finally {
        child.kill('SIGTERM')
        await within(10_000, 'its end', ended).finally(() => child.kill('SIGKILL'))
      }
      assert.is(await ended, 0)
    }),
  { skip: needsPeers('curl', 'openssl') },
)

test.run()
