// The import law holds, and the law itself catches what it is for.
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { breaches, describe, law } from './law.ts'
import { texts } from './tree.ts'

const test = suite('import law')

test('no file breaks the law', () => {
  const files = texts('{quic,core,cli,test,bench,examples}/**/*.ts')
  assert.ok(files.has('test/arch/imports.test.ts'), 'the files were found')
  assert.is(breaches(law, files).map(describe).join('\n'), '')
})

const planted: [file: string, source: string, rule: string][] = [
  ['quic/a.ts', "import { b } from '../core/b.ts'", 'quic/ imports itself alone'],
  ['quic/a.ts', "export { b } from '../cli/b.ts'", 'quic/ imports itself alone'],
  ['core/a.ts', "import {\n  b,\n} from '../quic/native.ts'", 'core/ knows quic/ by its index'],
  ['core/a.ts', "await import('../cli/main.ts')", 'core/ does not know cli/'],
  ['core/a.ts', 'process.exit(1)', 'core/ leaves the process and the terminal alone'],
  ['core/a.ts', "import { connect } from 'node:net'", 'core/ opens no socket'],
  [
    'core/route/a.ts',
    "import type { Head } from '../../quic/index.ts'",
    'values below the pipeline do not know the engine',
  ],
  ['core/mesh/a.ts', 'const now = Date.now()', 'values below the pipeline do not read the clock'],
  ['core/pipeline/middleware/cors/a.ts', "import '../jwt/b.ts'", 'a middleware does not know another'],
  ['cli/a.ts', "import { b } from '../core/route/b.ts'", 'cli/ knows core/ by its index'],
  [
    'quic/a.ts',
    "import { b } from '../test/support/b.ts'",
    'the product imports no test, no bench and no build output',
  ],
  ['test/a.test.ts', "import { test } from 'uvu'", 'test files take their suites from test/support/suite.ts'],
]

for (const [file, source, rule] of planted)
  test(`${file} with ${JSON.stringify(source)} breaks: ${rule}`, () => {
    const found = breaches(law, new Map([[file, source]]))
    assert.equal(
      found.map((breach) => breach.rule.name),
      [rule],
    )
    assert.match(found.map(describe).join(), /because/)
  })

test('every rule has a planted breach', () => {
  const proved = new Set(planted.map(([, , rule]) => rule))
  assert.equal(
    law.map(({ name }) => name).filter((name) => !proved.has(name)),
    [],
  )
})

test('what the law allows is no breach', () => {
  const files = new Map([
    ['core/a.ts', "// process.exit is for cli/\nimport { startEngine } from '../quic/index.ts'"],
    ['core/pipeline/middleware/cors/a.ts', "import { b } from './b.ts'\nimport type { M } from '../../middleware.ts'"],
    ['cli/a.ts', "import { serve } from '../core/index.ts'\nprocess.exit(1)"],
    ['test/a.test.ts', "import * as assert from 'uvu/assert'"],
  ])
  assert.equal(breaches(law, files).map(describe), [])
})

test.run()
