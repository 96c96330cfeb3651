// Cargo's results are read as cargo prints them.
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { readCargo } from './cargo.ts'

const test = suite("cargo's output")

const mixed = `     Running unittests src/lib.rs (target/debug/deps/harmony_http1-0)

running 4 tests
test head::folds ... ok
test head::slow ... ignored, needs an hour
test head::splits ... FAILED
test head::other ... ignored

failures:

---- head::splits stdout ----

thread 'head::splits' panicked at http1/src/head.rs:1:1:
left is not right

failures:
    head::splits

test result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running unittests src/lib.rs (target/debug/deps/harmony_http3-0)

running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
`

test('is summed over all test binaries', () => {
  const { passed, failures, skips } = readCargo({ ok: false, output: mixed })
  assert.is(passed, 3)
  assert.equal(
    failures.map(({ test: name }) => name),
    ['head::splits'],
  )
  assert.match(failures[0]?.error ?? '', 'left is not right')
  assert.equal(skips, [
    { test: 'head::slow', reason: 'needs an hour' },
    { test: 'head::other', reason: 'ignored' },
  ])
})

test('is one failure where the build fails', () => {
  const { failures } = readCargo({ ok: false, output: 'error[E0308]: mismatched types' })
  assert.is(failures.length, 1)
  assert.match(failures[0]?.error ?? '', 'E0308')
})

test('is a failure where a binary crashes, whatever the others say', () => {
  const output = 'test result: ok. 2 passed; 0 failed;\nerror: test failed\nCaused by: signal: 11, SIGSEGV'
  assert.is(readCargo({ ok: false, output }).failures.length, 1)
})

test('is a failure where nothing ran', () => {
  assert.is(readCargo({ ok: true, output: '' }).failures.length, 1)
})

test.run()
