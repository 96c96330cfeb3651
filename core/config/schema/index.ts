// The schema of the configuration: the one source of types, defaults, ranges, the reference and the JSON Schema.
import type * as v from 'valibot'
import { authentication } from './authentication.ts'
import { backend } from './backend.ts'
import { peer, target } from './connection.ts'
import { endpoint } from './endpoint.ts'
import { mesh, remoteIngress } from './mesh.ts'
import { middleware } from './middleware/index.ts'
import type { MiddlewareTable } from './middleware/index.ts'
import { network } from './network.ts'
import { pipeline } from './pipeline.ts'
import { logging, management, provider, proxy, runbeam, storage } from './proxy.ts'
import { policy, rule } from './rule/index.ts'
import { middlewareType, service } from './service.ts'

/** The schema of one table of each kind. */
export const schemas = {
  proxy,
  management,
  logging,
  storage,
  runbeam,
  provider,
  network,
  targets: target,
  peers: peer,
  services: service,
  middleware_types: middlewareType,
  authentications: authentication,
  policies: policy,
  rules: rule,
  pipelines: pipeline,
  endpoints: endpoint,
  backends: backend,
  middleware,
  mesh,
  remote_ingress: remoteIngress,
} as const

/** A table of each kind, once read: defaults are applied, keys are canonical. */
export type Tables = {
  readonly [S in keyof typeof schemas]: S extends 'middleware' ? MiddlewareTable : v.InferOutput<(typeof schemas)[S]>
}

/** The tables that are there once, without a name: `[proxy]`. */
export const singles = ['proxy', 'management', 'logging', 'storage', 'runbeam'] as const
