// [backends.<name>]: where pipelines send requests.
import type { Backend } from '../model.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import { buildCredentials } from './credentials.ts'
import { lookUp } from './scope.ts'
import type { Scope } from './scope.ts'
import { serviceOf } from './service.ts'
import { isToken } from './token.ts'
import { buildUpstream } from './upstream.ts'

type Source = Entry<Tables['backends']>

/** Nothing when it cannot be built; findings say why. `used`: a pipeline needs it. */
export function buildBackend(scope: Scope, entry: Source, used: boolean): Backend | undefined {
  const { name, value, place } = entry
  const service = serviceOf(scope, { side: 'backend', name, service: value.service, used, place: entry.at('service') })
  const who = `backend "${name}" names`
  const target =
    value.target_ref === undefined
      ? undefined
      : lookUp(scope, 'targets', { name: value.target_ref, who, file: place.file, place: entry.at('target_ref') })
  if (service === undefined || (value.target_ref !== undefined && target === undefined)) return undefined
  const enabled = target?.value.enabled ?? true
  if (!enabled && used)
    scope.report({
      code: 'backend/disabled',
      message: `backend "${name}" names target "${target?.name}", which is disabled: requests get 503`,
      place: entry.at('target_ref'),
    })
  const method = methodOf(scope, entry)
  const headers = headersOf(scope, entry)
  if (method === false || headers === undefined) return undefined
  const common = { name, service, enabled, method, headers, place }
  if (service === 'echo') return { ...common, upstream: undefined, credentials: undefined }

  const upstream = buildUpstream(scope, entry, target)
  const authentication = value.authentication ?? target?.value.authentication
  const from = value.authentication === undefined ? target : entry
  const shown =
    authentication === undefined || from === undefined
      ? { credentials: undefined, clientCertificate: undefined }
      : buildCredentials(scope, {
          name: authentication,
          who: from === entry ? who : `target "${from.name}" names`,
          file: from.place.file,
          place: from.at('authentication'),
        })
  if (upstream === undefined || shown === undefined) return undefined
  const { credentials, clientCertificate } = shown
  if (clientCertificate !== undefined && upstream.scheme === 'http') {
    scope.report({
      code: 'backend/authentication',
      message: `backend "${name}" has a client certificate, and leads to ${upstream.origin}: must be https`,
      place: from?.at('authentication') ?? place,
    })
    return undefined
  }
  return { ...common, upstream: { ...upstream, clientCertificate }, credentials }
}

/** False: it cannot be used. */
function methodOf(scope: Scope, entry: Source): string | undefined | false {
  const { method } = entry.value.options
  if (method === undefined) return undefined
  const upper = method.toUpperCase()
  // RFC 9110 9.3.6: it asks for a tunnel, which no request of another method can become
  if (isToken(method) && upper !== 'CONNECT') return upper
  scope.report({
    code: 'route/method',
    message: `backend "${entry.name}" has method ${JSON.stringify(method)}: must be a method${isToken(method) ? ' other than CONNECT' : ''}, such as GET`,
    place: entry.at('options', 'method'),
  })
  return false
}

// RFC 9110 5.5: no control characters. Beyond ASCII it is not clear which bytes.
const fieldValue = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/
/** What the gateway sets or removes itself: framing, routing, and what belongs to one connection (RFC 9110 7.6.1). */
const own = new Set([
  'connection',
  'content-length',
  'expect',
  'forwarded',
  'harmony-forwarded-authorization',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
])

function headersOf(scope: Scope, entry: Source): Backend['headers'] | undefined {
  let usable = true
  const headers = Object.entries(entry.value.options.headers ?? {})
  for (const [field, value] of headers) {
    const lower = field.toLowerCase()
    const problem = !isToken(field)
      ? 'must be a token'
      : own.has(lower)
        ? 'the gateway sets this field itself'
        : fieldValue.test(value)
          ? undefined
          : 'its value must be printable ASCII, without spaces at its ends'
    if (problem === undefined) continue
    usable = false
    scope.report({
      code: 'backend/header',
      message: `backend "${entry.name}" has header ${JSON.stringify(field)}: ${problem}`,
      place: entry.at('options', 'headers', field),
      mark: 'key',
    })
  }
  return usable ? headers : undefined
}
