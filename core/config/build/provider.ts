// [provider.<name>]; `local` is always there.
import type { Provider } from '../model.ts'
import { readLink } from './link.ts'
import { unknown } from './scope.ts'
import type { Scope } from './scope.ts'

export function buildProviders(scope: Scope): ReadonlyMap<string, Provider> {
  const local: Provider = {
    name: 'local',
    kind: 'local',
    api: undefined,
    pollIntervalSecs: 0,
    enabled: true,
    place: undefined,
  }
  const providers = new Map([['local', local]])
  for (const entry of scope.raw.all('provider')) {
    const { name, value, place } = entry
    if (name === 'local' || providers.has(name)) continue
    if (value.api === undefined)
      scope.report({
        code: 'provider/no-api',
        message: `provider "${name}" has no api: must be the URL of its interface`,
        place,
        mark: 'key',
      })
    else readLink(scope, value.api, entry.at('api'))
    const { api, poll_interval_secs: pollIntervalSecs, enabled } = value
    providers.set(name, { name, kind: 'runbeam', api, pollIntervalSecs, enabled, place })
  }
  checkPrimary(scope, providers)
  return providers
}

/** The default, "runbeam", may be there without a table: the gateway then runs by itself (spec 9). */
function checkPrimary(scope: Scope, providers: ReadonlyMap<string, Provider>): void {
  const proxy = scope.raw.proxy
  const name = proxy?.value.primary_provider ?? 'runbeam'
  if (proxy === undefined || name === 'runbeam' || providers.has(name)) return
  unknown(scope, {
    code: 'reference/unknown-provider',
    kind: 'provider',
    use: { name, who: 'proxy.primary_provider names', file: proxy.place.file, place: proxy.at('primary_provider') },
    candidates: () => scope.raw.all('provider'),
    table: 'provider',
  })
}
