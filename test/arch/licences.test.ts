// deadline: 300 s
// Every package in the tree, npm's and Cargo's, for every platform, has a licence on the list.
import { spawnSync } from 'node:child_process'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { permits } from './licence.ts'
import { root, text } from './tree.ts'

const test = suite('licences')

test('of npm packages are on the list', () => {
  // The shape of package-lock.json, as far as it is read here.
  const lock = JSON.parse(text('package-lock.json')) as { packages: Record<string, { license?: string }> }
  const packages = Object.entries(lock.packages)
  assert.ok(packages.length > 50, 'the packages were found')
  refuse(packages.map(([path, { license }]) => [path, license]))
})

test(
  'of crates are on the list',
  () => {
    const args = ['metadata', '--locked', '--format-version', '1', '--manifest-path', 'quic/native/Cargo.toml']
    const cargo = spawnSync('cargo', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })
    assert.is(cargo.status, 0, cargo.stderr)
    // The shape of cargo's metadata, format version 1, as far as it is read here.
    const { packages } = JSON.parse(cargo.stdout) as { packages: { name: string; license: string | null }[] }
    assert.ok(packages.length > 50, 'the crates were found')
    refuse(packages.map(({ name, license }) => [name, license]))
  },
  { withinMs: 240_000 },
)

test('are judged by what an expression lets one choose', () => {
  for (const expression of [
    'MIT',
    'MIT/Apache-2.0',
    'GPL-2.0 OR MIT',
    '(MIT OR Apache-2.0) AND Unicode-3.0',
    'Apache-2.0 WITH LLVM-exception OR GPL-3.0',
    'MIT OR Apache-2.0 OR LGPL-2.1-or-later',
  ])
    assert.ok(permits(expression), expression)
  for (const expression of [
    '',
    'GPL-3.0',
    'MIT AND GPL-3.0',
    'GPL-3.0 AND (MIT OR ISC)',
    '(MIT',
    'SEE LICENSE IN LICENSE',
    'MPL-2.0',
  ])
    assert.not.ok(permits(expression), expression)
})

function refuse(packages: [name: string, licence: string | null | undefined][]): void {
  const refused = packages.filter(([, licence]) => !permits(licence ?? ''))
  assert.is(refused.map(([name, licence]) => `${name}: ${licence ?? 'no licence'}`).join('\n'), '')
}

test.run()
