// [pipelines.<name>]: networks, endpoints, backends, and what requests and responses pass.
import * as v from 'valibot'
import type { Place } from '../../finding/finding.ts'
import type { LogDump, Middleware } from '../middleware.ts'
import type { Network, Pipeline } from '../model.ts'
import type { Entry } from '../raw.ts'
import { schemas } from '../schema/index.ts'
import type { Tables } from '../schema/index.ts'
import type { Doors, Parts } from './door.ts'
import { bareType } from './middleware.ts'
import type { Middlewares } from './middleware.ts'
import { isElsewhere, lookUp, meant } from './scope.ts'
import type { Scope } from './scope.ts'

type Source = Entry<Tables['pipelines']>

export type Around = {
  readonly networks: ReadonlyMap<string, Network>
  readonly parts: Parts
  readonly doors: Doors
  readonly middlewares: Middlewares
}

export function buildPipelines(scope: Scope, around: Around): Map<string, Pipeline> {
  const pipelines = new Map<string, Pipeline>()
  for (const entry of scope.raw.all('pipelines'))
    if (!pipelines.has(entry.name)) pipelines.set(entry.name, buildPipeline(scope, entry, around))
  return pipelines
}

function buildPipeline(scope: Scope, entry: Source, around: Around): Pipeline {
  const { name, value, place } = entry
  const { parts, doors } = around
  const who = `pipeline "${name}" lists`
  const networks = value.networks.map((network, index) => {
    const use = { name: network, who, file: place.file, place: entry.at('networks', index) }
    return lookUp(scope, 'network', use) && around.networks.get(network)
  })
  const endpoints = value.endpoints.map((one, index) =>
    parts.endpoint(one, entry, { who, place: entry.at('endpoints', index) }),
  )
  const backends = value.backends.map((one, index) =>
    parts.backend(one, entry, { who, place: entry.at('backends', index) }),
  )
  return {
    name,
    description: value.description,
    networks: once(networks),
    endpoints: once(endpoints),
    backends: once(backends),
    ...chains(scope, entry, around.middlewares),
    ingresses: doors.ingressesOf(entry),
    egresses: doors.egressesOf(entry),
    place,
  }
}

function once<T>(list: readonly (T | undefined)[]): T[] {
  return [...new Set(list.filter((item) => item !== undefined))]
}

// --- middleware ---

type Listed = { readonly entry: Entry<Tables['middleware']>; readonly name: string }

/** One list works both ways, reversed on the way back; two lists work as they are written (spec 5.2). */
function chains(scope: Scope, entry: Source, middlewares: Middlewares): Pick<Pipeline, 'left' | 'right'> {
  const { middleware } = entry.value
  const build = (listed: readonly Listed[], sides: (one: Listed) => LogDump['sides']): readonly Built[] =>
    listed.map((one) => ({ sides: sides(one), middleware: middlewares.build(one.entry, sides(one), true) }))
  if (!('left' in middleware)) {
    const both = build(resolve(scope, entry, middleware, ['middleware']), ({ entry }) => sidesOf(entry.value))
    return { left: onSide(both, 'left'), right: onSide(both.toReversed(), 'right') }
  }
  const left = resolve(scope, entry, middleware.left, ['middleware', 'left'])
  const right = resolve(scope, entry, middleware.right, ['middleware', 'right'])
  return {
    left: onSide(
      build(left, () => ({ left: true, right: false })),
      'left',
    ),
    right: onSide(
      build(right, () => ({ left: false, right: true })),
      'right',
    ),
  }
}

type Built = { readonly sides: LogDump['sides']; readonly middleware: Middleware | undefined }

function onSide(list: readonly Built[], side: 'left' | 'right'): Middleware[] {
  return list.flatMap(({ sides, middleware }) => (middleware !== undefined && sides[side] ? [middleware] : []))
}

/** `apply` counts in one list for both ways only, and of what this version has only log_dump knows it. */
function sidesOf(value: Tables['middleware']): LogDump['sides'] {
  const apply = value.type === 'log_dump' ? value.options.apply : 'both'
  return { left: apply !== 'right', right: apply !== 'left' }
}

/** The tables that the names of a list mean: an instance, else a type that needs no table (spec 1.4). */
function resolve(scope: Scope, pipeline: Source, names: readonly string[], path: readonly string[]): Listed[] {
  const listed: Listed[] = []
  for (const [index, name] of names.entries()) {
    const place = pipeline.at(...path, index)
    const instance = scope.raw.find('middleware', name, pipeline.place.file)
    if (instance !== undefined) {
      listed.push({ name, entry: instance })
      continue
    }
    if (isElsewhere(scope, 'middleware', name)) continue
    const entry = bareEntry(name, place)
    if (entry === undefined) unknownMiddleware(scope, pipeline, name, place)
    else listed.push({ name, entry })
  }
  return listed
}

/** Types none of whose options is needed. */
const bare: ReadonlySet<string> = new Set(['passthru', 'json_extractor', 'connect', 'mesh_auth', 'log_dump'])

/** A built-in type listed by its own name, with no options. */
function bareEntry(name: string, place: Place): Entry<Tables['middleware']> | undefined {
  const type = bareType(name) ?? ''
  if (!bare.has(type)) return undefined
  return { name, value: v.parse(schemas.middleware, { type, options: {} }), place, at: () => place }
}

function unknownMiddleware(scope: Scope, pipeline: Source, name: string, place: Place): void {
  const type = bareType(name)
  const who = `pipeline "${pipeline.name}" lists middleware "${name}"`
  if (type !== undefined)
    scope.report({
      code: 'reference/unknown-middleware',
      message: `${who}, a type that needs options`,
      place,
      help: `define [middleware.NAME] with type = "${type}", and list that name`,
    })
  else
    scope.report({
      code: 'reference/unknown-middleware',
      message: `${who}, which is neither defined nor a built-in type`,
      place,
      help: meant(scope, name, () => scope.raw.all('middleware')) ?? `define it as [middleware.${name}]`,
    })
}
