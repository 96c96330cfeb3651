// [middleware.<name>]: what requests and responses pass, each type from its own options.
import { compilePattern } from '../../pipeline/pattern.ts'
import type { LogDump, Middleware, PathRule } from '../middleware.ts'
import type { Mesh } from '../model.ts'
import type { Entry } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import { middlewareTypes, typeSpellings } from '../schema/middleware/index.ts'
import { buildBasic, buildJwt } from './auth.ts'
import { buildMeshAuth } from './meshauth.ts'
import type { Policies } from './policy.ts'
import { failure } from './rule.ts'
import { lookUp, oneOf } from './scope.ts'
import type { Scope } from './scope.ts'

type Source = Entry<Tables['middleware']>
type Of<T extends Tables['middleware']['type']> = Extract<Tables['middleware'], { type: T }>['options']

export type Middlewares = {
  /** Nothing when it cannot be built; findings say why. `used`: a pipeline needs it. */
  build(entry: Source, sides: LogDump['sides'], used: boolean): Middleware | undefined
}

/** Builds each middleware once for each set of sides, whoever lists it. */
export function middlewaresOf(scope: Scope, policies: Policies, meshes: ReadonlyMap<string, Mesh>): Middlewares {
  const built = new Map<Source, Map<string, Middleware | undefined>>()
  return {
    build(entry, sides, used) {
      const known = built.get(entry) ?? new Map<string, Middleware | undefined>()
      built.set(entry, known)
      // Only log_dump cares which side it is on.
      const key = entry.value.type === 'log_dump' ? JSON.stringify(sides) : ''
      if (!known.has(key)) known.set(key, buildMiddleware(scope, entry, sides, used, policies, meshes))
      return known.get(key)
    },
  }
}

/** A type that a pipeline may list without a table of its own: none of its options is needed. */
export function bareType(name: string): string | undefined {
  const type = Object.entries(typeSpellings).find(([spelling]) => spelling === name)?.[1] ?? name
  return middlewareTypes.includes(type) ? type : undefined
}

function buildMiddleware(
  scope: Scope,
  entry: Source,
  sides: LogDump['sides'],
  used: boolean,
  policies: Policies,
  meshes: ReadonlyMap<string, Mesh>,
): Middleware | undefined {
  const { name, value, place } = entry
  const common = { name, place }
  switch (value.type) {
    case 'passthru':
    case 'json_extractor':
      return { ...common, type: value.type }
    // Of older versions: it does nothing there either (spec 5.19).
    case 'connect':
      return { ...common, type: 'passthru' }
    case 'log_dump':
      return { ...common, type: value.type, ...dumpOf(value.options, sides) }
    case 'jwt_auth':
      return joined(common, value.type, buildJwt(scope, entry, value.options))
    case 'basic_auth':
      return joined(common, value.type, buildBasic(scope, entry, value.options))
    case 'mesh_auth':
      return joined(common, value.type, buildMeshAuth(scope, entry, value.options, meshes))
    case 'path_filter':
      return joined(common, value.type, pathRules(scope, entry, value.options))
    case 'policies':
      return joined(common, value.type, policiesIn(scope, entry, value.options, policies))
    case 'other':
      scope.report({
        code: 'middleware/unknown-type',
        message: `middleware "${name}" has type "${value.named}", which does not exist`,
        place: entry.at('type'),
        help: oneOf(value.named, middlewareTypes),
        severity: used ? 'error' : 'warning',
      })
      return undefined
    // Known, and not in this version (decision 7).
    case 'transform':
    case 'metadata_transform':
    case 'webhook':
    case 'dicom_flatten':
    case 'dicom_unflatten':
    case 'dicomweb_bridge':
    case 'dicom_to_dicomweb':
    case 'jmix_builder':
    default:
      scope.report({
        code: 'support/middleware',
        message: `middleware "${name}" has type "${value.type}", which this version does not support`,
        place: entry.at('type'),
        severity: used ? 'error' : 'warning',
      })
      return undefined
  }
}

/** The middleware, when its own part could be built. */
function joined<T extends Middleware['type'], P extends object>(
  common: { readonly name: string; readonly place: Source['place'] },
  type: T,
  part: P | undefined,
): ({ readonly type: T } & typeof common & P) | undefined {
  return part && { ...common, type, ...part }
}

function dumpOf(options: Of<'log_dump'>, sides: LogDump['sides']): LogDump {
  return {
    sides,
    pretty: options.pretty,
    maxBytes: options.max_bytes,
    redactHeaders: options.redact_headers,
    redactMetadata: options.redact_metadata,
    redactDataFields: options.redact_data_fields,
    label: options.label,
  }
}

function pathRules(
  scope: Scope,
  entry: Source,
  options: Of<'path_filter'>,
): { readonly rules: readonly PathRule[] } | undefined {
  const rules: PathRule[] = []
  for (const [index, item] of options.rules.entries()) {
    const { allow, deny } = typeof item === 'string' ? { allow: item, deny: undefined } : item
    const pattern = allow ?? deny
    if (pattern === undefined || (allow !== undefined && deny !== undefined)) {
      scope.report({
        code: 'middleware/path-rule',
        message: `middleware "${entry.name}" has a rule with ${pattern === undefined ? 'neither allow nor deny' : 'both allow and deny'}: must be one of the two`,
        place: entry.at('options', 'rules', index),
      })
      continue
    }
    const problem = failure(() => compilePattern(pattern))
    if (problem === undefined) rules.push({ effect: allow === undefined ? 'deny' : 'allow', pattern })
    else
      scope.report({
        code: 'middleware/pattern',
        message: `middleware "${entry.name}" has pattern ${JSON.stringify(pattern)}: ${problem}`,
        place: entry.at('options', 'rules', index),
      })
  }
  return rules.length === options.rules.length ? { rules } : undefined
}

function policiesIn(
  scope: Scope,
  entry: Source,
  options: Of<'policies'>,
  policies: Policies,
): Pick<Extract<Middleware, { type: 'policies' }>, 'policies'> | undefined {
  const { name, place } = entry
  const found = options.policies.map((item, index) => {
    if (typeof item !== 'string') return policies.inline(entry, item, index)
    const use = {
      name: item,
      who: `middleware "${name}" lists`,
      file: place.file,
      place: entry.at('options', 'policies', index),
    }
    const policy = lookUp(scope, 'policies', use)
    return policy && policies.named(policy)
  })
  const known = found.filter((policy) => policy !== undefined)
  return known.length === found.length ? { policies: known } : undefined
}
