import * as assert from 'uvu/assert'
import { hostOf, httpsLocation } from '../../core/route/host.ts'
import { splitTarget } from '../../core/route/path.ts'
import { suite } from '../support/suite.ts'

const test = suite('route/host')

test('a host has one spelling, and its port stands beside it', () => {
  for (const [authority, host, port] of [
    ['a.test', 'a.test', undefined],
    ['A.Test.', 'a.test', undefined],
    ['a.test:', 'a.test', undefined],
    ['a.test.:8080', 'a.test', 8080],
    ['node_a', 'node_a', undefined],
    ['127.0.0.1:1', '127.0.0.1', 1],
    ['[::1]', '[::1]', undefined],
    ['[0:0:0::0001]:65535', '[::1]', 65_535],
    ['[2001:DB8::A]', '[2001:db8::a]', undefined],
    ['[::ffff:10.0.0.1]:', '[::ffff:a00:1]', undefined],
    ['', '', undefined],
  ] as const)
    assert.equal(hostOf(authority), { host, port }, authority)
})

test('what is no host with a port is refused', () => {
  const bad = [
    [
      'user@a.test',
      ':80',
      '.',
      '..',
      'a..b',
      '.a',
      'a.test..',
      'a b',
      'a/b',
      'a\\b',
      'a#',
      'a?',
      'a,b',
      'a%2eb',
      '%61',
    ],
    ['a:0', 'a:080', 'a:65536', 'a:999999', 'a:-1', 'a:8a', 'a:80:80', 'a:+80', 'caf\u00e9', 'a\0', '*', 'a;b', "a'b"],
    ['::1', '[::1', '::1]', '[::1]a', '[::1%25eth0]', '[fe80::1%eth0]', '[::g]', '[1.2.3.4]', '[:::]', '[]', '[::1]]'],
    ['a'.repeat(300), '[' + '0:'.repeat(40) + ']'],
  ]
  for (const authority of bad.flat()) assert.is(hostOf(authority), undefined, authority)
})

function location(authority: string, target: string): string | undefined {
  const [host, split] = [hostOf(authority), splitTarget(target)]
  if (host === undefined || typeof split === 'string') throw new Error(`${authority}${target}`)
  return httpsLocation(host, split)
}

test('force_https keeps host and target, and leaves the port to https', () => {
  assert.is(location('A.test:8080', '/a//b?c='), 'https://a.test/a//b?c=')
  assert.is(location('a.test.', '/?'), 'https://a.test/?')
  assert.is(location('[::1]:80', '/%2f'), 'https://[::1]/%2f')
  assert.is(location('a.test', '*'), 'https://a.test/')
})

test('force_https leads nowhere without a host', () => {
  assert.is(location('', '/'), undefined)
})

test.run()
