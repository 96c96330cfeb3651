// Pages do not lag: their links lead somewhere, and the index of docs/ names every page.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { root, text, texts } from './tree.ts'

const test = suite('docs')

test('every link to a file leads to one', () => {
  const broken: string[] = []
  for (const [page, body] of texts('*.md', '{docs,quic,core,cli,test,bench,examples}/**/*.md'))
    for (const [, target = ''] of body.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g))
      if (!/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(page), target))) broken.push(`${page}: ${target}`)
  assert.is(broken.join('\n'), '')
})

test('docs/README.md links every page of docs/', () => {
  const index = text('docs/README.md')
  const missing = [...texts('docs/**/*.md').keys()]
    .map((page) => page.slice('docs/'.length))
    .filter((page) => page !== 'README.md' && !index.includes(`](${page})`))
  assert.equal(missing, [])
})

test('every script that a page names exists', () => {
  // The shape of package.json, as far as it is read here.
  const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> }
  const unknown: string[] = []
  for (const [page, body] of texts('*.md', '{docs,quic,core,cli,test,bench,examples}/**/*.md'))
    for (const [, name = ''] of body.matchAll(/\bnpm run ([\w:-]+)/g))
      if (!(name in scripts)) unknown.push(`${page}: ${name}`)
  assert.equal(unknown, [])
})

test.run()
