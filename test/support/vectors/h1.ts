// Requests over HTTP/1.1 that two recipients might read in two ways.

export type Vector = {
  name: string
  rfc: string
  /** Text stands for ISO 8859-1; several pieces are sent one after the other. */
  send: string
  /** Statuses of the answers that may come; none: the connection is cut without one. */
  answers: readonly number[]
  /** Targets that the origin gets as complete requests. */
  origin: readonly string[]
  /** What the origin must not get, in any byte. */
  never?: RegExp
  /** The body that the origin gets. */
  body?: string
}

/** A request of these lines. */
const ask = (lines: readonly string[], body = ''): string => `${lines.join('\r\n')}\r\n\r\n${body}`
const post = (fields: readonly string[], body = ''): string => ask(['POST /one HTTP/1.1', 'Host: a', ...fields], body)
const get = (...fields: readonly string[]): string => ask(['GET /one HTTP/1.1', 'Host: a', ...fields])
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const chunked = 'Transfer-Encoding: chunked'
const hello = '5\r\nhello\r\n0\r\n\r\n'

type Row = [name: string, send: string]
const refused = (rfc: string, rows: readonly Row[], status: readonly number[] = [400]): Vector[] =>
  rows.map(([name, send]) => ({ name, rfc, send, answers: status, origin: [] }))

/** Content that is found faulty once the request is on its way: it never becomes whole at the origin. */
const broken = (rows: readonly Row[]): Vector[] =>
  rows.map(([name, body]) => ({
    name,
    rfc: 'RFC 9112 7.1',
    send: post([chunked], body),
    answers: [400],
    origin: [],
  }))

export const vectors: readonly Vector[] = [
  ...refused('RFC 9112 6.1, 6.3', [
    ['CL.TE', post(['Content-Length: 6', chunked], `0\r\n\r\n${smuggled}`)],
    ['TE.CL', post([chunked, 'Content-Length: 4'], `5c\r\n${smuggled}0\r\n\r\n`)],
    ['content-length: 0 beside transfer-encoding', post(['Content-Length: 0', chunked], hello)],
    ['chunked twice in one field', post(['Transfer-Encoding: chunked, chunked'], hello)],
    ['chunked twice in two fields', post([chunked, chunked], hello)],
    ['chunked is not the last coding', post(['Transfer-Encoding: chunked, identity'], hello)],
    ['an empty transfer-encoding', post(['Transfer-Encoding: '], hello)],
    ['transfer-encoding in HTTP/1.0', ask(['POST /one HTTP/1.0', 'Host: a', chunked], hello)],
    ['chunked with a parameter', post(['Transfer-Encoding: chunked;q=1'], hello)],
    ['chunked in quotes', post(['Transfer-Encoding: "chunked"'], hello)],
    ['chunked after a vertical tab', post(['Transfer-Encoding: \x0bchunked'], hello)],
    ['chunked after a NUL', post(['Transfer-Encoding: \0chunked'], hello)],
    ['chunked before obs-text', post(['Transfer-Encoding: chunked\xa0'], hello)],
  ]),
  ...refused(
    'RFC 9112 6.1',
    [
      ['xchunked', post(['Transfer-Encoding: xchunked'], hello)],
      ['identity', post(['Transfer-Encoding: identity'], hello)],
      ['gzip before chunked', post(['Transfer-Encoding: gzip, chunked'], hello)],
      ['a second transfer-encoding that is unknown', post([chunked, 'Transfer-Encoding: cow'], hello)],
      ['the value on the line below', post(['Transfer-Encoding:', ' chunked'], hello)],
    ],
    [400, 501],
  ),
  ...refused('RFC 9110 8.6', [
    ['two content-lengths that differ', post(['Content-Length: 5', 'Content-Length: 6'], 'hello!')],
    ['two content-lengths that agree', post(['Content-Length: 5', 'Content-Length: 5'], 'hello')],
    ['a list of content-lengths', post(['Content-Length: 5, 5'], 'hello')],
    ['content-length with a sign', post(['Content-Length: +5'], 'hello')],
    ['a negative content-length', post(['Content-Length: -1'], 'hello')],
    ['content-length in hexadecimal', post(['Content-Length: 0x5'], 'hello')],
    ['content-length with a space inside', post(['Content-Length: 5 0'], 'hello')],
    ['content-length with a fraction', post(['Content-Length: 5.0'], 'hello')],
    ['content-length with an underscore', post(['Content-Length: 1_0'], 'hellohello')],
    ['a content-length beyond 64 bits', post(['Content-Length: 18446744073709551621'], 'hello')],
    ['an empty content-length', post(['Content-Length: '], 'hello')],
  ]),
  ...refused('RFC 9112 2.2, 5', [
    ['a request line that ends in a bare LF', 'GET /one HTTP/1.1\nHost: a\r\n\r\n'],
    ['a field that ends in a bare LF', 'GET /one HTTP/1.1\r\nHost: a\nX: y\r\n\r\n'],
    ['a head that ends in a bare LF', 'GET /one HTTP/1.1\r\nHost: a\r\n\n'],
    ['a bare CR in a value', get('X: a\rTransfer-Encoding: chunked')],
    ['a bare CR in the request line', 'GET /one\r HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a bare CR before the end of the head', 'GET /one HTTP/1.1\r\nHost: a\r\r\n\r\n'],
    ['a folded value', get('X: a', ' Transfer-Encoding: chunked')],
    ['a folded value, with a tab', get('X: a', '\tb')],
    ['a space before the first field', ask(['GET /one HTTP/1.1', ' Host: a', 'Host: a'])],
    ['a space before the colon', post(['Content-Length : 5'], 'hello')],
    ['a tab before the colon', post(['Transfer-Encoding\t: chunked'], hello)],
    ['a NUL in a value', get('X: a\0b')],
    ['a NUL in a name', get('X\0: b')],
    ['a control character in a value', get('X: a\x01b')],
    ['DEL in a value', get('X: a\x7fb')],
    ['a name that is empty', get(': a')],
    ['a line without a colon', get('Transfer-Encoding')],
    ['a name with a parenthesis', get('X(y): a')],
    ['a name with a byte above ASCII', get('X\xe9: a')],
  ]),
  ...refused('RFC 9112 3', [
    ['two spaces in the request line', 'GET  /one HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a tab in the request line', 'GET\t/one HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a space in the target', 'GET /one two HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a trailing space in the request line', 'GET /one HTTP/1.1 \r\nHost: a\r\n\r\n'],
    ['a request line without a version', 'GET /one\r\nHost: a\r\n\r\n'],
    ['http in lower case', 'GET /one http/1.1\r\nHost: a\r\n\r\n'],
    ['a version with two digits', 'GET /one HTTP/1.10\r\nHost: a\r\n\r\n'],
    ['a method that is no token', 'G(T /one HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a fragment in the target', 'GET /one#two HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a NUL in the target', 'GET /one\0 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a byte above ASCII in the target', 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target without a slash', 'GET one HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an authority as the target of GET', 'GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n'],
    ['an asterisk as the target of GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
  ]),
  ...refused('RFC 9112 2.3', [['the version of HTTP/2', 'GET /one HTTP/2.0\r\nHost: a\r\n\r\n']], [505]),
  ...refused('RFC 9112 3.2', [
    ['no host', 'GET /one HTTP/1.1\r\n\r\n'],
    ['two hosts', 'GET /one HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['two hosts that agree', 'GET /one HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    ['an empty host', 'GET /one HTTP/1.1\r\nHost: \r\n\r\n'],
    ['a list of hosts', 'GET /one HTTP/1.1\r\nHost: a b\r\n\r\n'],
    ['a host with a path', 'GET /one HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['a host with user information', 'GET /one HTTP/1.1\r\nHost: b@a\r\n\r\n'],
    ['a host with a port that is none', 'GET /one HTTP/1.1\r\nHost: a:b\r\n\r\n'],
    ['a target that names another host', 'GET http://b/one HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target with user information', 'GET http://a@b/one HTTP/1.1\r\nHost: b\r\n\r\n'],
    ['a target without an authority', 'GET http:///one HTTP/1.1\r\nHost: a\r\n\r\n'],
  ]),
  ...refused('RFC 9110 7.6.1', [
    ['content-length named in connection', post(['Connection: content-length', 'Content-Length: 39'], smuggled)],
    ['host named in connection', get('Connection: host')],
    ['authorization named in connection', get('Connection: close, authorization', 'Authorization: x')],
    ['cookie named in connection', get('Connection: cookie', 'Cookie: x=1')],
  ]),
  ...refused('RFC 9110 9.3.6', [['a plain CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n']], [501]),
  ...broken([
    ['a chunk size with a sign', '+5\r\nhello\r\n0\r\n\r\n'],
    ['a chunk size in 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['a negative chunk size', '-1\r\nhello\r\n0\r\n\r\n'],
    ['a chunk size with a space before it', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['an empty chunk size', '\r\nhello\r\n0\r\n\r\n'],
    ['a chunk size that is no number', 'g\r\nhello\r\n0\r\n\r\n'],
    ['a chunk size beyond 64 bits', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
    ['a chunk size line that ends in a bare LF', '5\nhello\r\n0\r\n\r\n'],
    ['a bare LF in a chunk extension', `5;\nhello\r\n0\r\n\r\n${smuggled}`],
    ['a bare CR in a chunk extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
    ['a chunk that is longer than its size', `5\r\nhello!\r\n0\r\n\r\n`],
    ['a chunk that ends in a bare LF', '5\r\nhello\n0\r\n\r\n'],
    ['a chunk whose end is two other bytes', '5\r\nhelloxx0\r\n\r\n'],
    ['a last chunk line that ends in a bare LF', '5\r\nhello\r\n0\n\r\n'],
    ['a trailer section that ends in a bare LF', '5\r\nhello\r\n0\r\n\n'],
    ['a trailer that ends in a bare LF', '5\r\nhello\r\n0\r\nX: a\n\r\n'],
    ['a trailer with a space before the colon', '5\r\nhello\r\n0\r\nX : a\r\n\r\n'],
    ['a trailer that is folded', '5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n'],
    ['content-length as a trailer', '5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n'],
    ['transfer-encoding as a trailer', '5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['host as a trailer', '5\r\nhello\r\n0\r\nHost: b\r\n\r\n'],
  ]),
  // What can be read in one way alone goes on, as one message for each.
  {
    name: 'content of a GET is not a request',
    rfc: 'RFC 9110 9.3.1',
    send: `${ask(['GET /one HTTP/1.1', 'Host: a', `Content-Length: ${smuggled.length}`])}${smuggled}`,
    answers: [200],
    origin: ['/one'],
    body: smuggled,
  },
  {
    name: 'a request behind another is a second one',
    rfc: 'RFC 9112 9.3.2',
    send: post(['Content-Length: 5'], `hello${ask(['GET /two HTTP/1.1', 'Host: a'])}`),
    answers: [200, 200],
    origin: ['/one', '/two'],
  },
  {
    name: 'requests are pipelined behind chunks',
    rfc: 'RFC 9112 9.3.2',
    send: `${post([chunked], hello)}${ask(['GET /two HTTP/1.1', 'Host: a'])}${ask(['GET /three HTTP/1.1', 'Host: a'])}`,
    answers: [200, 200, 200],
    origin: ['/one', '/two', '/three'],
  },
  {
    name: 'what follows a refused request is not read',
    rfc: 'RFC 9112 9.3.2, 9.6',
    send: `${get('X : a')}${smuggled}`,
    answers: [400],
    origin: [],
    never: /smuggled/,
  },
  {
    name: 'what follows connection: close is not read',
    rfc: 'RFC 9112 9.6',
    send: `${get('Connection: close')}${smuggled}`,
    answers: [200],
    origin: ['/one'],
    never: /smuggled/,
  },
  {
    name: 'transfer-encoding named in connection stays in force',
    rfc: 'RFC 9110 7.6.1',
    send: post(['Connection: transfer-encoding', chunked], hello),
    answers: [200],
    origin: ['/one'],
    body: 'hello',
    never: /connection: transfer-encoding/i,
  },
  {
    name: 'chunked in other letters is chunked',
    rfc: 'RFC 9112 7',
    send: post(['tRANSFER-eNCODING: ChUnKeD'], hello),
    answers: [200],
    origin: ['/one'],
    body: 'hello',
    never: /ChUnKeD/,
  },
  {
    name: 'chunk extensions do not go on',
    rfc: 'RFC 9112 7.1.1',
    send: post([chunked], '5;secret=extension\r\nhello\r\n0;more\r\n\r\n'),
    answers: [200],
    origin: ['/one'],
    body: 'hello',
    never: /secret|;more/,
  },
  {
    name: 'an upgrade to h2c does not go on',
    rfc: 'RFC 9113 3.1, RFC 9110 7.8',
    send: get('Connection: upgrade, http2-settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
    answers: [200],
    origin: ['/one'],
    never: /h2c|http2-settings|upgrade/i,
  },
  {
    name: 'an upgrade to TLS does not go on',
    rfc: 'RFC 2817, RFC 9110 7.8',
    send: get('Connection: upgrade', 'Upgrade: TLS/1.0'),
    answers: [200],
    origin: ['/one'],
    never: /upgrade|tls/i,
  },
  {
    name: 'an upgrade with content is none',
    rfc: 'RFC 9110 7.8',
    send: post(['Connection: upgrade', 'Upgrade: websocket', 'Content-Length: 5'], 'hello'),
    answers: [200],
    origin: ['/one'],
    body: 'hello',
    never: /upgrade|websocket/i,
  },
  {
    name: 'content that does not wait for its 100 is content',
    rfc: 'RFC 9110 10.1.1',
    send: post(['Expect: 100-continue', `Content-Length: ${smuggled.length}`], smuggled),
    answers: [200],
    origin: ['/one'],
    body: smuggled,
  },
  {
    name: 'a target that names its host goes on as a path',
    rfc: 'RFC 9112 3.2.2',
    send: 'GET http://a/one HTTP/1.1\r\nHost: a\r\n\r\n',
    answers: [200],
    origin: ['/one'],
    never: /http:\/\//,
  },
  {
    name: 'bytes above ASCII in a value go on as they are',
    rfc: 'RFC 9110 5.5',
    send: get('X: caf\xe9'),
    answers: [200],
    origin: ['/one'],
  },
  {
    name: 'names in underscores are another field',
    rfc: 'RFC 9110 5.1',
    send: get('Content_Length: 5', 'Transfer_Encoding: chunked'),
    answers: [200],
    origin: ['/one'],
  },
]
