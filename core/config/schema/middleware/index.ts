// [middleware.<name>] (spec 2.17, 5): one table of options for each type.
import * as v from 'valibot'
import { authentication } from '../connection.ts'
import { text } from '../field.ts'
import type { Note } from '../field.ts'
import { basicAuth } from './basic_auth.ts'
import { connect } from './connect.ts'
import { dicomFlatten } from './dicom_flatten.ts'
import { dicomToDicomweb } from './dicom_to_dicomweb.ts'
import { dicomUnflatten } from './dicom_unflatten.ts'
import { dicomwebBridge } from './dicomweb_bridge.ts'
import { jmixBuilder } from './jmix_builder.ts'
import { jsonExtractor } from './json_extractor.ts'
import { jwtAuth } from './jwt_auth.ts'
import { logDump } from './log_dump.ts'
import { meshAuth } from './mesh_auth.ts'
import { metadataTransform } from './metadata_transform.ts'
import { passthru } from './passthru.ts'
import { pathFilter } from './path_filter.ts'
import { policies } from './policies.ts'
import { transform } from './transform.ts'
import { webhook } from './webhook.ts'

/** Options by type. */
export const middlewareTypes = {
  jwt_auth: jwtAuth,
  basic_auth: basicAuth,
  policies,
  path_filter: pathFilter,
  mesh_auth: meshAuth,
  log_dump: logDump,
  passthru,
  json_extractor: jsonExtractor,
  transform,
  metadata_transform: metadataTransform,
  webhook,
  dicom_flatten: dicomFlatten,
  dicom_unflatten: dicomUnflatten,
  dicomweb_bridge: dicomwebBridge,
  dicom_to_dicomweb: dicomToDicomweb,
  jmix_builder: jmixBuilder,
  connect,
} as const

/** Other spellings of types (spec 1.7). */
export const typeSpellings: Readonly<Record<string, string>> = {
  jwtauth: 'jwt_auth',
  json: 'json_extractor',
  dicomweb: 'dicomweb_bridge',
}

const typeNote: Note = { spellings: typeSpellings }

const common = {
  id: v.optional(text('Identity for other tools.')),
  authentication,
}

const one = <const T extends string, const S extends v.GenericSchema>(type: T, options: S) =>
  v.object(
    {
      ...common,
      type: v.pipe(v.literal(type), v.description('What the middleware does.'), v.metadata(typeNote)),
      options,
    },
    'must be a table',
  )

/** A middleware of a type that is known. */
export const middleware = v.pipe(
  v.variant(
    'type',
    [
      one('jwt_auth', middlewareTypes.jwt_auth),
      one('basic_auth', middlewareTypes.basic_auth),
      one('policies', middlewareTypes.policies),
      one('path_filter', middlewareTypes.path_filter),
      one('mesh_auth', middlewareTypes.mesh_auth),
      one('log_dump', middlewareTypes.log_dump),
      one('passthru', middlewareTypes.passthru),
      one('json_extractor', middlewareTypes.json_extractor),
      one('transform', middlewareTypes.transform),
      one('metadata_transform', middlewareTypes.metadata_transform),
      one('webhook', middlewareTypes.webhook),
      one('dicom_flatten', middlewareTypes.dicom_flatten),
      one('dicom_unflatten', middlewareTypes.dicom_unflatten),
      one('dicomweb_bridge', middlewareTypes.dicomweb_bridge),
      one('dicom_to_dicomweb', middlewareTypes.dicom_to_dicomweb),
      one('jmix_builder', middlewareTypes.jmix_builder),
      one('connect', middlewareTypes.connect),
    ],
    'must be a type of middleware',
  ),
  v.description('What requests and responses pass on their way.'),
)

/** A middleware of a type that is not known: its options are not looked at. */
export const otherMiddleware = v.object(
  { ...common, type: v.literal('other'), named: v.string(), options: v.record(v.string(), v.unknown()) },
  'must be a table',
)

export type MiddlewareTable = v.InferOutput<typeof middleware> | v.InferOutput<typeof otherMiddleware>
