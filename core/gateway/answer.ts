// What the client reads when the gateway itself answers: a small JSON body with the request id, and nothing that
// tells what lies behind the gateway. The precise reason is in the log.
import type { Failure, HeaderInit, Respond } from '../../quic/index.ts'
import { refuse } from '../refusal/refusal.ts'
import type { Refusal } from '../refusal/refusal.ts'
import { refusals } from '../refusal/table.ts'
import type { RefusalCode } from '../refusal/table.ts'

/** The answer to a request that is refused. */
export function answerOf(refusal: Refusal, requestId: string): Respond {
  const { status, message } = refusals[refusal.code]
  const body = JSON.stringify({ error: refusal.code, message, request_id: requestId })
  const fields: [string, string][] = [
    ['content-type', 'application/json'],
    ['cache-control', 'no-store'],
    ['x-request-id', requestId],
  ]
  return { kind: 'respond', status, headers: [...fields, ...pairs(refusal.headers)], body: `${body}\n` }
}

/** 301 to the same place over https (spec 3, force_https). */
export function redirectOf(location: string, requestId: string): Respond {
  return { kind: 'respond', status: 301, headers: { location, 'x-request-id': requestId }, body: '' }
}

/** Turns a failure of the upstream, or of the client's content, into what the client may know of it. */
export function refusalOf(failure: Failure): Refusal {
  return refuse(codes.get(failure.status) ?? 'internal', `${failure.code}: ${failure.detail}`)
}

const codes: ReadonlyMap<number, RefusalCode> = new Map([
  [400, 'request/incomplete'],
  [408, 'request/timeout'],
  [413, 'body/too-large'],
  [502, 'upstream/failed'],
  [503, 'upstream/unavailable'],
  [504, 'upstream/timeout'],
])

/** Fields as a list, however they were given. */
export function pairs(headers: HeaderInit | undefined): (readonly [string, string])[] {
  if (headers === undefined) return []
  if (isPairs(headers)) return [...headers]
  return Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : value.map((one): readonly [string, string] => [name, one]),
  )
}

function isPairs(headers: HeaderInit): headers is readonly (readonly [string, string])[] {
  return Array.isArray(headers)
}
