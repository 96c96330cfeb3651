// The codes that TypeScript knows are those of the engine's table.
import { existsSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { errorCodes, readErrorTable } from '../../quic/errors.ts'
import { enginePath, loadNative } from '../../quic/native.ts'
import { suite } from '../support/suite.ts'

const test = suite('error codes')
const skip = existsSync(enginePath()) ? undefined : 'the engine is not built'

test(
  'TypeScript names every code of the engine, in its order',
  () => {
    const entries = [...readErrorTable(loadNative().errorTable()).values()]
    assert.equal(
      entries.map(({ code }) => code),
      [...errorCodes],
    )
    for (const { code, fault, retry, status, meaning } of entries) {
      assert.match(code, /^[a-z]+\/[a-z-]+$/)
      assert.ok(['client', 'config', 'upstream', 'internal'].includes(fault), `${code}: fault ${fault}`)
      assert.type(retry, 'boolean')
      assert.ok(status === 0 || (status >= 400 && status < 600), `${code}: status ${status}`)
      assert.match(meaning, /^[a-z][^.]*[^.]$/i)
    }
  },
  { skip },
)

test.run()
