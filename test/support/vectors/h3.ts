// Requests over HTTP/3 that RFC 9114 calls malformed: those of HTTP/2, in its frames.
import type { Step } from '../raw3.ts'
import { connection, lengths, pseudo, splitting } from './h2.ts'

export type Vector = {
  name: string
  rfc: string
  send: readonly Step[]
  expect: readonly string[]
  origin: number
}

type Fields = readonly (readonly [string, string])[]

const rest = [
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/one'],
] as const
const usual: Fields = [[':method', 'GET'], ...rest]
const uploads: Fields = [[':method', 'POST'], ...rest]
// RFC 9114 4.1.2: H3_MESSAGE_ERROR, or a status before it.
const malformed = ['reset 0x10e', '400']

const refused = (rfc: string, rows: readonly (readonly [name: string, fields: Fields])[]): Vector[] =>
  rows.map(([name, fields]) => ({ name, rfc, send: [['headers', fields, true]], expect: malformed, origin: 0 }))

const upload = (name: string, rfc: string, fields: Fields, ...steps: Step[]): Vector => ({
  name,
  rfc,
  send: [['headers', [...uploads, ...fields], false], ...steps],
  expect: malformed,
  origin: 0,
})

export const vectors: readonly Vector[] = [
  ...refused(
    'RFC 9114 4.2',
    splitting.map(([name, field]) => [name, [...usual, field]] as const),
  ),
  ...refused(
    'RFC 9114 4.2',
    connection.map((field) => [field.join(': '), [...usual, field]] as const),
  ),
  ...refused(
    'RFC 9114 4.3',
    pseudo.map(([name, fields]) => [name, fields.map(([key, value]) => [key, key === ':scheme' ? 'https' : value])]),
  ),
  ...lengths.map(([name, fields]) => upload(name, 'RFC 9114 4.1.2', fields, ['data', 'hello', true])),
  ...refused('RFC 9114 4.3.1', [['a path with a fragment', [...usual.slice(0, 3), [':path', '/one#two']]]]),
  upload(
    'chunked content in DATA frames',
    'RFC 9114 4.1',
    [['transfer-encoding', 'chunked']],
    ['data', '5\r\nhello\r\n0\r\n\r\n', true],
  ),
  upload('more content than the content-length', 'RFC 9114 4.1.2', [['content-length', '2']], ['data', 'hello', true]),
  upload('less content than the content-length', 'RFC 9114 4.1.2', [['content-length', '50']], ['data', 'hello', true]),
  upload('a content-length without content', 'RFC 9114 4.1.2', [['content-length', '5']], ['bytes', '', true]),
  upload(
    'a pseudo-header field as a trailer',
    'RFC 9114 4.3',
    [],
    ['data', 'hello', false],
    ['headers', [[':path', '/smuggled']], true],
  ),
  upload(
    'transfer-encoding as a trailer',
    'RFC 9114 4.2',
    [],
    ['data', 'hello', false],
    ['headers', [['transfer-encoding', 'chunked']], true],
  ),
  upload(
    'CR LF in a trailer',
    'RFC 9114 4.2, 10.3',
    [],
    ['data', 'hello', false],
    ['headers', [['x', 'a\r\n\r\nGET /smuggled HTTP/1.1']], true],
  ),
  {
    ...upload('content after trailers', 'RFC 9114 4.1', [], ['headers', [['x', 'y']], false], ['data', 'hello', true]),
    // H3_FRAME_UNEXPECTED is an error of the connection.
    expect: ['close 0x105'],
  },
  {
    ...upload(
      'content that looks like a request is content',
      'RFC 9114 4.1',
      [],
      ['data', '0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n', true],
    ),
    expect: ['200'],
    origin: 1,
  },
  {
    name: 'a host that agrees with the authority',
    rfc: 'RFC 9114 4.3.1',
    send: [['headers', [...usual, ['host', 'a']], true]],
    expect: ['200'],
    origin: 1,
  },
]
