// What an endpoint answers to below its prefix: methods, and for DICOMweb the paths too (spec 4.2, 6.6).
import type { Endpoint } from '../config/model.ts'

/** The methods of an endpoint; none: all. RFC 9110 9.1: what answers GET answers HEAD. */
export function methodsOf(endpoint: Endpoint): readonly string[] | undefined {
  return endpoint.methods ?? (endpoint.service === 'dicomweb' ? dicomweb : undefined)
}

/** Whether an endpoint has something at `rest`: what follows the prefix and its slash, in the spelling of keys. */
export function serves(endpoint: Endpoint, rest: string): boolean {
  return endpoint.service !== 'dicomweb' || resource.test(rest)
}

const dicomweb = ['GET', 'HEAD', 'OPTIONS'] as const

// Every step is bounded by a slash, so there is one way to match.
const metadata = String.raw`\/metadata`
const instance = String.raw`\/instances(?:\/[^/]+(?:${metadata}|\/frames\/[^/]+)?)?`
const series = String.raw`\/series(?:\/[^/]+(?:${metadata}|${instance})?)?`
const resource = new RegExp(String.raw`^(?:studies(?:\/[^/]+(?:${metadata}|${series})?)?|bulkdata\/.+)$`)
