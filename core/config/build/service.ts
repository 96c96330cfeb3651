// Which services there are, and which of them this version has.
import type { BackendService, EndpointService } from '../model.ts'
import type { Place } from '../../finding/finding.ts'
import { oneOf } from './scope.ts'
import type { Scope } from './scope.ts'

const supported = ['http', 'http3', 'fhir', 'dicomweb', 'echo'] as const
/** Known by name, and not in this version (decision 7). */
const unsupported = ['dicom_scp', 'dicom_scu', 'mock_dicom', 'jmix', 'jmix_backend', 'storage']

export const knownServices: readonly string[] = [...supported, ...unsupported, 'management']

export type Side = 'endpoint' | 'backend'

type Service = Exclude<EndpointService & BackendService, 'management'>

/** The service of an endpoint or a backend; a finding when there is none. `used`: a pipeline needs it. */
export function serviceOf(
  scope: Scope,
  {
    side,
    name,
    service,
    used,
    place,
  }: {
    readonly side: Side
    readonly name: string
    readonly service: string
    readonly used: boolean
    readonly place: Place
  },
): Service | undefined {
  const found = supported.find((one) => one === service)
  if (found !== undefined) return found
  const severity = used ? 'error' : 'warning'
  const who = `${side} "${name}" has service "${service}"`
  if (service === 'management')
    scope.report({
      code: 'support/service',
      message: `${who}: the gateway adds it itself`,
      place,
      severity,
      help: 'set enabled = true and a network in [management], and remove this table',
    })
  else if (unsupported.includes(service))
    scope.report({ code: 'support/service', message: `${who}, which this version does not support`, place, severity })
  else
    scope.report({
      code: 'support/unknown-service',
      message: `${who}, which does not exist`,
      place,
      severity,
      help: oneOf(service, supported),
    })
  return undefined
}
