// Every type of middleware, one row each.
import type { Middleware, MiddlewareType } from '../config/middleware.ts'
import type { Handler, MiddlewareOf, Workshop } from './middleware.ts'
import { basicAuth } from './middleware/basic_auth/basic_auth.ts'
import { jsonExtractor } from './middleware/json_extractor/json_extractor.ts'
import { jwtAuth } from './middleware/jwt_auth/jwt_auth.ts'
import { logDump } from './middleware/log_dump/log_dump.ts'
import { meshAuth } from './middleware/mesh_auth/mesh_auth.ts'
import { passthru } from './middleware/passthru/passthru.ts'
import { pathFilter } from './middleware/path_filter/path_filter.ts'
import { policies } from './middleware/policies/policies.ts'

type Rows = { readonly [T in MiddlewareType]: (middleware: MiddlewareOf<T>, workshop: Workshop) => Handler }

export const middlewareTypes: Rows = {
  jwt_auth: jwtAuth,
  basic_auth: basicAuth,
  policies,
  path_filter: pathFilter,
  mesh_auth: meshAuth,
  log_dump: logDump,
  passthru,
  json_extractor: jsonExtractor,
}

/** Builds the handler of a middleware; throws for a configuration that `check` would refuse. */
export function buildHandler(middleware: Middleware, workshop: Workshop): Handler {
  // the row of a type takes the middleware of that type, which a lookup by type cannot tell the compiler
  const row = middlewareTypes[middleware.type] as (middleware: Middleware, workshop: Workshop) => Handler
  return row(middleware, workshop)
}
