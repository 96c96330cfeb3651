// `json_extractor` (spec 5.10): does nothing. Whoever needs JSON asks for the content and reads it: a request does not
// wait for its body on behalf of nobody.
import type { Handler, MiddlewareOf } from '../../middleware.ts'

export function jsonExtractor({ name, type }: MiddlewareOf<'json_extractor'>): Handler {
  return { name, type }
}
