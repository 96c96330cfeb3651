// What an endpoint answers to below its prefix: methods, and for DICOMweb the paths too (spec 4.2, 6.6).
import type { Endpoint } from '../config/model.ts'

/** The methods that an endpoint claims; none: all. */
export function methodsOf(endpoint: Endpoint): readonly string[] | undefined {
  return endpoint.methods ?? (endpoint.service === 'dicomweb' ? [...dicomwebMethods] : undefined)
}

/** What claimed methods answer: HEAD goes with GET (RFC 9110 9.3.2). */
export function answered(methods: Iterable<string>): string[] {
  const names = new Set(methods)
  return [...names].flatMap((name) => (name === 'GET' && !names.has('HEAD') ? ['GET', 'HEAD'] : [name]))
}

/** Whether an endpoint has something at `rest`: what follows the prefix and its slash, in the spelling of keys. */
export function serves(endpoint: Endpoint, rest: string): boolean {
  return endpoint.service !== 'dicomweb' || resource.test(rest)
}

/** DICOMweb is for reading (spec 6.6). */
export const dicomwebMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

// A study, series, instance or list of frames is one segment, never empty. Every step is bounded by a slash, so there
// is one way to match.
const metadata = String.raw`\/metadata`
const instance = String.raw`\/instances(?:\/[^/]+(?:${metadata}|\/frames\/[^/]+)?)?`
const series = String.raw`\/series(?:\/[^/]+(?:${metadata}|${instance})?)?`
const resource = new RegExp(String.raw`^(?:studies(?:\/[^/]+(?:${metadata}|${series})?)?|bulkdata\/.+)$`)
