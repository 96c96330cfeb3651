// What the engine tells while it runs, as log lines: what an operator should look at is a warning.
import type { EngineEvent } from '../../quic/index.ts'
import type { Log } from '../log/log.ts'

/** Logs one event; `originOf` names upstreams. */
export function logEvent(log: Log, event: EngineEvent, originOf: (upstream: number) => string | undefined): void {
  const { type, ...rest } = event
  const upstream = typeof rest['upstream'] === 'number' ? originOf(rest['upstream']) : undefined
  const fields = { event: type, ...rest, ...(upstream === undefined ? {} : { upstream }) }
  switch (event.type) {
    case 'decide-failed':
      log.error(
        { event: type, stage: event.stage, exchange: event.exchange, reason: reasonOf(event.error) },
        'a request was answered 500',
      )
      return
    case 'observer-failed':
      log.error({ event: type, reason: reasonOf(event.error) }, 'a record could not be logged')
      return
    case 'panic':
    case 'accept-failed':
      log.error(fields, 'the engine failed')
      return
    case 'fallback':
      log.warn(fields, `HTTP/3 to ${upstream ?? 'an upstream'} cannot connect: TLS over TCP is used`)
      return
    case 'reprobe':
      log.info(fields, event.ok ? `HTTP/3 to ${upstream ?? 'an upstream'} works again` : 'HTTP/3 still cannot connect')
      return
    case 'limit':
    case 'records-dropped':
    case 'queue-depth':
      log.warn(fields, 'a limit was reached')
      return
    case 'request-refused':
      log.info(fields, 'a request was refused before it had a route')
      return
    case 'listener-up':
    case 'listener-down':
    case 'handshake-failed':
    case 'connection-failed':
    case 'goaway':
      log.debug(fields, type)
      return
    default:
      log.debug(fields, 'event')
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
