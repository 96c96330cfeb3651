import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { parsePrefix, parseUrlPattern } from '../../core/route/url.ts'
import { suite } from '../support/suite.ts'

const test = suite('route/url')

test('a URL is read into scheme, host, port and path', () => {
  for (const [text, scheme, host, port, path] of [
    ['https://a.test', 'https', 'a.test', undefined, '/'],
    ['https://a.test/', 'https', 'a.test', undefined, '/'],
    ['HTTP://A.Test.:8080/Fhir/R4/', 'http', 'a.test', 8080, '/Fhir/R4'],
    ['https://a.test:443/x', 'https', 'a.test', 443, '/x'],
    ['http://[::1]:80/%7Eu', 'http', '[::1]', 80, '/~u'],
    ['https://b\u00fccher.example/\u00e9', 'https', 'xn--bcher-kva.example', undefined, '/%C3%A9'],
    ['https://B\u00dcCHER.example:1', 'https', 'xn--bcher-kva.example', 1, '/'],
    ['http://10.0.0.1/', 'http', '10.0.0.1', undefined, '/'],
  ] as const)
    assert.equal(parseUrlPattern(text), { text, scheme, host, port, path })
})

test('a URL that says too little, too much or two things is refused with the rule', () => {
  for (const [text, rule] of [
    ['', /http:\/\/ or https:\/\//],
    ['a.test/x', /http:\/\/ or https:\/\//],
    ['ftp://a.test', /http:\/\/ or https:\/\//],
    [' https://a.test', /http:\/\/ or https:\/\//],
    ['https:/a.test', /http:\/\/ or https:\/\//],
    ['https://', /host/],
    ['https:///x', /host/],
    ['https://:443', /host/],
    ['https://*.a.test', /host/],
    ['https://a..test', /host/],
    ['https://a.test:70000', /port/],
    ['https://a.test:x', /port/],
    ['https://127.1/', /host/],
    ['https://010.0.0.1/', /host/],
    ['https://0x7f.0.0.1/', /host/],
    ['https://2130706433/', /host/],
    ['https://a.test%2e/', /host/],
    ['https://\u00e9@a.test/', /user/],
    ['https://u:p@a.test', /user/],
    ['https://a.test?x', /query/],
    ['https://a.test/x?', /query/],
    ['https://a.test#x', /fragment/],
    ['https://a.test/x#', /fragment/],
    ['https://a.test/a/../b', /\.\./],
    ['https://a.test/%2e%2E', /\.\./],
    ['https://a.test\\x', /backslash|host|path/],
    ['https://a.test/\\x', /backslash/],
    ['https://a.test/a b', /spaces/],
    ['https://a.test/%zz', /percent/],
    ['https://a.test/a//b', /empty/],
    ['https://a.test/a%2fb', /%2f/],
    ['https://a.test/a;b', /;/],
    ['https://a.test/\ud800', /control/],
  ] as const) {
    const read = parseUrlPattern(text)
    assert.ok('problem' in read, text)
    if ('problem' in read) assert.match(read.problem, rule, text)
  }
})

test('reading never throws', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseUrlPattern(`https://${text}`)))
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parsePrefix(`/${text}`)))
})

test('a path is read as a prefix by the same rules', () => {
  assert.is(parsePrefix('/'), '/')
  assert.is(parsePrefix('/a/b/'), '/a/b')
  assert.is(parsePrefix('/%61'), '/a')
  for (const bad of ['', 'a', '*', '//', '/a//', '/a?', '/..', '/%00']) assert.type(parsePrefix(bad), 'object', bad)
})

test.run()
