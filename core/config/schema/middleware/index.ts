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

const types = [
  one('jwt_auth', jwtAuth),
  one('basic_auth', basicAuth),
  one('policies', policies),
  one('path_filter', pathFilter),
  one('mesh_auth', meshAuth),
  one('log_dump', logDump),
  one('passthru', passthru),
  one('json_extractor', jsonExtractor),
  one('transform', transform),
  one('metadata_transform', metadataTransform),
  one('webhook', webhook),
  one('dicom_flatten', dicomFlatten),
  one('dicom_unflatten', dicomUnflatten),
  one('dicomweb_bridge', dicomwebBridge),
  one('dicom_to_dicomweb', dicomToDicomweb),
  one('jmix_builder', jmixBuilder),
  one('connect', connect),
] as const

/** The types that are known. */
export const middlewareTypes: readonly string[] = types.map(({ entries }) => entries.type.pipe[0].literal)

/** A middleware of a type that is known. */
export const middleware = v.pipe(
  v.variant('type', types, 'must be a type of middleware'),
  v.description('What requests and responses pass on their way.'),
)

/** A middleware of a type that is not known: its options are not looked at. */
export const otherMiddleware = v.object(
  { ...common, type: v.literal('other'), named: v.string(), options: v.record(v.string(), v.unknown()) },
  'must be a table',
)

export type MiddlewareTable = v.InferOutput<typeof middleware> | v.InferOutput<typeof otherMiddleware>
