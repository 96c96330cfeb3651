// `passthru` (spec 5.11): does nothing, on either side.
import type { Handler, MiddlewareOf } from '../../middleware.ts'

export function passthru({ name, type }: MiddlewareOf<'passthru'>): Handler {
  return { name, type }
}
