// URLs that the gateway fetches from: providers, key sets.
import { pathText } from '../../finding/locate.ts'
import type { Place } from '../../finding/finding.ts'
import { show } from '../mask.ts'
import type { Scope } from './scope.ts'

/** The URL taken apart; nothing, and a finding, when it is none. */
export function readLink(scope: Scope, text: string, place: Place): URL | undefined {
  const url = URL.parse(text)
  const problem =
    url === null || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(text)
      ? 'must be a URL that starts with http:// or https://'
      : url.username !== '' || url.password !== ''
        ? 'must not contain user information'
        : url.hash !== ''
          ? 'must not have a fragment'
          : undefined
  if (problem === undefined) return url ?? undefined
  scope.report({ code: 'url/malformed', message: `${pathText(place.path)} is ${show(text)}: ${problem}`, place })
  return undefined
}
