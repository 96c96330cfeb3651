// harmony schema: what editors get.
import * as assert from 'uvu/assert'
import { harmony } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('harmony schema')

test('the JSON Schema alone on stdout, with --json too', async () => {
  const { code, stdout, stderr } = await harmony(['schema'])
  assert.is(code, 0)
  assert.is(stderr, '')
  const schema = JSON.parse(stdout)
  for (const table of ['proxy', 'network', 'pipelines', 'mesh']) assert.ok(schema.properties[table], table)
  assert.equal(await harmony(['schema', '--json']), { code, stdout, stderr })
})

test.run()
