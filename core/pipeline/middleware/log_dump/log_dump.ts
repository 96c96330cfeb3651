// `log_dump` (spec 5.13): writes requests, and heads of responses, into the log, for an operator who asked for it. What
// is sensitive is hidden all the same; what is written is at most `max_bytes` long; nothing of the message changes.
import type { Exchange } from '../../exchange.ts'
import type { Handler, MiddlewareOf, Workshop } from '../../middleware.ts'
import type { ResponseHead } from '../../../../quic/index.ts'
import { hider } from './redact.ts'
import { cut, readJson } from './text.ts'

/** What the log can be filtered by (spec 12). */
const target = 'harmony.dump'

export function logDump(middleware: MiddlewareOf<'log_dump'>, { isSensitive }: Workshop): Handler {
  const { name, type, sides, pretty, maxBytes, label } = middleware
  const hide = hider(middleware, isSensitive)

  const write = (exchange: Exchange, side: 'left' | 'right', dump: Readonly<Record<string, unknown>>): void => {
    const { text, truncated } = cut(JSON.stringify(dump, undefined, pretty ? 2 : undefined), maxBytes)
    exchange.log
      .child({ target })
      .info({ middleware: name, side, ...(label === undefined ? {} : { label }), truncated, dump: text }, 'dump')
  }

  const request = (exchange: Exchange): void => {
    const { head, metadata, body } = exchange
    write(exchange, 'left', {
      method: head.method,
      authority: head.authority,
      path: head.target.split('?', 1)[0],
      query: hide.query(exchange.query),
      headers: hide.fields(head.headers),
      metadata: hide.metadata(metadata),
      content: {
        length: head.contentLength,
        // nothing of what is too long (somebody else asked for it) or no JSON: what cannot be read cannot be redacted
        ...(body === undefined || body.length > maxBytes ? {} : { data: hide.data(readJson(body)) }),
      },
    })
  }

  const response = (exchange: Exchange, head: ResponseHead): void => {
    write(exchange, 'right', {
      method: exchange.head.method,
      status: head.status,
      headers: hide.fields(head.headers),
      content: { length: head.contentLength },
    })
  }

  return {
    name,
    type,
    ...(sides.left && {
      wants: ({ head }) => (collectable(head, maxBytes) ? maxBytes : undefined),
      left: (exchange) => {
        request(exchange)
        return undefined
      },
    }),
    ...(sides.right && {
      right: (exchange, head) => {
        response(exchange, head)
        return undefined
      },
    }),
  }
}

/** A dump must refuse nothing: content is gathered only when it is known to fit. */
function collectable({ mayHaveBody, contentLength, headers }: Exchange['head'], maxBytes: number): boolean {
  if (!mayHaveBody || contentLength === undefined || contentLength === 0 || contentLength > maxBytes) return false
  const type = headers.find(([field]) => field === 'content-type')?.[1].split(';', 1)[0]
  // spec 11: without a type, it is tried as JSON
  return type === undefined || /^[\w.+-]+\/(?:[\w.+-]+\+)?json$/i.test(type.trim())
}
