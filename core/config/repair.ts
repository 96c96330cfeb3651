// What is left of a table in which something was found: so that the rest of it can be checked in the same run.
import * as v from 'valibot'
import type { Path } from './path.ts'
import type { Shape } from './schema/shape.ts'

/** Each pass takes out what the schema does not accept; what becomes wrong by that is rare, and rarely goes deeper. */
const maxPasses = 5

export type Mended = { readonly value: unknown; readonly removed: readonly Path[] }

/**
 * The value of a table without the parts that are wrong, and the paths of the parts. No value when a part cannot be
 * left out. The value is changed.
 */
export function repair(
  schema: v.GenericSchema,
  shape: Shape,
  value: unknown,
  wrong: readonly Path[],
): Mended | undefined {
  let next = wrong
  const removed: Path[] = []
  for (let pass = 0; pass < maxPasses; pass++) {
    // From behind, so that the indices of a list stay what they are.
    for (const path of next.toReversed()) {
      const part = removable(shape, value, path)
      if (!part) return undefined
      removed.push(part)
      remove(value, part)
    }
    // Indices of lists have moved, so what is still wrong is asked for again.
    const parsed = v.safeParse(schema, value)
    if (parsed.success) return { value: parsed.output, removed }
    next = parsed.issues.slice(0, 1).flatMap((issue) => flatten(issue).map(({ path }) => path))
  }
  return undefined
}

export type Found = { readonly path: Path; readonly issue: v.BaseIssue<unknown> }

/** What is in an issue: where one of several kinds of value is allowed, the issues of the kind that was meant. */
export function flatten(issue: v.BaseIssue<unknown>, above: Path = []): Found[] {
  const path = [...above, ...(issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)))]
  const inside = issue.type === 'union' ? (issue.issues ?? []).filter((each) => each.path !== undefined) : []
  return inside.length === 0 ? [{ path, issue }] : inside.flatMap((each) => flatten(each, path))
}

/** The shape at a path of a value; undefined where the schema says nothing of it. */
export function shapeAt(shape: Shape, value: unknown, path: Path): Shape | undefined {
  let at: Shape | undefined = shape
  let below = value
  for (const part of path) {
    at = at && step(at, below, part)?.shape
    below = child(below, part)
  }
  return at
}

/** The longest start of a path that can be left out. */
function removable(shape: Shape, value: unknown, path: Path): Path | undefined {
  let at: Shape | undefined = shape
  let below = value
  let found: Path | undefined
  for (const [index, part] of path.entries()) {
    const next: Step | undefined = at && step(at, below, part)
    if (!next) break
    if (next.optional) found = path.slice(0, index + 1)
    at = next.shape
    below = child(below, part)
  }
  return found
}

type Step = { readonly shape: Shape; readonly optional: boolean }

function step(shape: Shape, value: unknown, part: string | number): Step | undefined {
  if (shape.kind === 'table') {
    const field = typeof part === 'string' ? shape.fields.get(part) : undefined
    return field && { shape: field.shape, optional: !field.required }
  }
  if (shape.kind === 'named' || shape.kind === 'list') return { shape: shape.item, optional: true }
  if (shape.kind === 'variant') {
    const chosen = child(value, shape.key)
    const option = typeof chosen === 'string' ? shape.options.get(chosen) : undefined
    return option && step(option, value, part)
  }
  if (shape.kind !== 'either') return undefined
  return shape.options.map((option) => step(option, value, part)).find((found) => found !== undefined)
}

function child(value: unknown, part: string | number): unknown {
  if (typeof part === 'number') return Array.isArray(value) ? value[part] : undefined
  return typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined
}

function remove(value: unknown, path: Path): void {
  const holder = path.slice(0, -1).reduce<unknown>(child, value)
  const last = path.at(-1)
  if (Array.isArray(holder) && typeof last === 'number') holder.splice(last, 1)
  else if (typeof holder === 'object' && holder !== null && last !== undefined) Reflect.deleteProperty(holder, last)
}
