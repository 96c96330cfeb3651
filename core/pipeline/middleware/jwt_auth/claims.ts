// Which claims of a token become metadata: text, numbers and booleans at the top (spec 5.1, G06), as many and as long
// as metadata should hold.
import type { JWTPayload } from 'jose'

export type Claims = {
  readonly entries: readonly (readonly [name: string, value: string])[]
  /** Characters in all. */
  readonly size: number
}

const maxClaims = 64
const maxName = 128
const maxValue = 1024

/** Names that mean something to the gateway (spec 5.1): whoever signs tokens decides nothing by them. */
const reserved = new Set([
  'protocol',
  'path',
  'full_path',
  'remote_addr',
  'client_ip',
  'geo_country',
  'country_code',
  'dimse_op',
  'query_level',
  'skip_backends',
  'mesh',
  'mesh_id',
  'mesh_sub',
  'mesh_ingress',
])
const reservedFamilies = ['webhook.', 'jmix_', 'dicomweb_']

/** The claims that are copied. */
export function readClaims(payload: JWTPayload): Claims {
  const entries: [string, string][] = []
  let size = 0
  for (const [name, value] of Object.entries(payload)) {
    if (entries.length >= maxClaims) break
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue
    const text = String(value)
    if (name.length > maxName || text.length > maxValue || isReserved(name)) continue
    entries.push([name, text])
    size += name.length + text.length
  }
  return { entries, size }
}

function isReserved(name: string): boolean {
  return reserved.has(name) || reservedFamilies.some((family) => name.startsWith(family))
}
