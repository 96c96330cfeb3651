// `mesh_auth` (spec 5.14, 7.6): an explicit mesh check or signature. Meshes are not a middleware's business: what is
// done comes from the surroundings.
import type { Handler, MiddlewareOf, Workshop } from '../../middleware.ts'

export function meshAuth(middleware: MiddlewareOf<'mesh_auth'>, { meshCheck }: Workshop): Handler {
  return { name: middleware.name, type: middleware.type, left: meshCheck(middleware) }
}
