// Where the application's own `Authorization` travels while the mesh token stands in its place (decision 4). The
// field that carries it is ours alone: what arrives in it counts only together with an accepted mesh token.

/** Carries the value that the application sent as `Authorization`. */
export const carrier = 'harmony-forwarded-authorization'
const authorization = 'authorization'

type Field = readonly [name: string, value: string]
/** A change of fields, as the engine takes it. */
export type Edit = { readonly remove: string } | { readonly set: Field } | { readonly append: Field }

/** The fields of a message; names in any case. */
export type Fields = { header(name: string): string | undefined; headerAll(name: string): readonly string[] }

const none: readonly Edit[] = []
const dropped: readonly Edit[] = [{ remove: carrier }]

/**
 * The changes on arrival. With an accepted mesh token: it goes, and what the egress carried stands in its place
 * again. In every other case: nobody but a mesh's egress may use the carrier, so it goes.
 */
export function inbound(fields: Fields, accepted: boolean): readonly Edit[] {
  const carries = fields.header(carrier) !== undefined
  if (!accepted) return carries ? dropped : none
  const token: Edit = { remove: authorization }
  return carries ? [token, ...repeated(authorization, fields.headerAll(carrier)), { remove: carrier }] : [token]
}

/**
 * The changes on the way to a destination that gets a mesh token. `own` are the values of `Authorization` that the
 * request would have without it, in order: the client's, or the backend's credentials.
 */
export function outbound(token: string, own: readonly string[]): readonly Edit[] {
  const signed: Edit = { set: [authorization, `Bearer ${token}`] }
  return own.length === 0 ? [signed, { remove: carrier }] : [signed, ...repeated(carrier, own)]
}

/** Several values stay several fields: joined, they could read as something else. */
function repeated(name: string, values: readonly string[]): Edit[] {
  return values.map((value, index) => (index === 0 ? { set: [name, value] } : { append: [name, value] }))
}
