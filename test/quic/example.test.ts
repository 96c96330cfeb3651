// The example of the README is run as it stands, with a request over HTTP/3 through it.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { freePort, temporary } from '../peers/process.ts'
import { identity, startClient, startOrigin } from '../support/rig.ts'
import { until, within } from '../support/deadline.ts'
import { suite } from '../support/suite.ts'

const test = suite('examples')

test('h3-to-h1 forwards HTTP/3 to HTTP/1.1, tells the upstream who asks, and ends in order', async () => {
  const folder = temporary()
  const [certificate, key] = [join(folder, 'chain.pem'), join(folder, 'key.pem')]
  writeFileSync(certificate, identity().certificate)
  writeFileSync(key, identity().key)
  const headers: Record<string, unknown>[] = []
  const origin = await startOrigin('h1', (request, response) => {
    headers.push(request.headers)
    response.end(`hello ${request.url}`)
  })
  const port = await freePort('::')
  const example = join(import.meta.dirname, '../../examples/h3-to-h1.ts')
  const child = spawn(process.execPath, [example, certificate, key, origin.url, String(port)])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  try {
    await until(20_000, 'the start of the example', () => output.includes(`HTTP/3 on UDP port ${port}`))
    const client = await startClient('h3', port)
    try {
      const reply = await within(10_000, 'the answer', client.send({ path: '/world?a=1' }))
      assert.is(reply.status, 200)
      assert.is(String(await reply.bytes()), 'hello /world?a=1')
      assert.is(reply.headers['via'], '3 proxy')
      assert.match(String(headers[0]?.['x-forwarded-for']), /127\.0\.0\.1$/)
      assert.is(headers[0]?.['x-forwarded-proto'], 'https')
      await until(5_000, 'its log', () => /http\/3 200 16 bytes .* complete/.test(output))

      await origin.close()
      const failed = await within(10_000, 'the failure', client.send({}))
      assert.is(failed.status, 502)
      assert.is(failed.headers['retry-after'], '1')
      assert.match(String(await failed.bytes()), /^(connect|upstream)\/\w+\n$/)
    } finally {
      await client.close()
    }
    child.kill('SIGTERM')
    assert.is(await within(15_000, 'its end', ended), 0)
  } catch (error) {
    throw new Error(`the example printed:\n${output}`, { cause: error })
  } finally {
    child.kill('SIGKILL')
    await origin.close()
  }
})

test.run()
