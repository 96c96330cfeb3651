// What finding a route costs, without the rest of a decision.
import type { Config } from '../core/config/model.ts'
import { hostOf } from '../core/route/host.ts'
import { splitTarget } from '../core/route/path.ts'
import { compileRoutes } from '../core/route/table.ts'
import type { Routes } from '../core/route/table.ts'
import { config } from '../test/route/fixture.ts'
import type { PipelineSpec } from '../test/route/fixture.ts'
import { networkWith } from '../test/support/config.ts'

/** A request by its authority and target, and what finding its route comes to. */
export type Search = { readonly what: string; readonly found: string; readonly find: () => unknown }

export function searchesOf(count: number): Search[] {
  const routes = compileRoutes(configOf(count), networkWith('public'))
  return requests(count).map(([what, authority, target]) => {
    const find = (): string => kindOf(routes, authority, target)
    return { what, found: find(), find }
  })
}

/** A tenth are ingress URLs of mode `mesh`; the prefixes differ in depth. */
function configOf(routes: number): Config {
  const pipelines = Array.from({ length: routes / 10 }, (_, p): [string, PipelineSpec] => {
    const endpoints = Array.from({ length: 9 }, (_, e) => [
      `p${p}e${e}`,
      { pathPrefix: `/team${p}/${'v/'.repeat(e % 3)}api${e}` },
    ])
    const ingress = {
      endpoint: `p${p}e0`,
      urls: [`https://host${p % 100}.example.org/team${p}/fhir`],
      mode: 'mesh',
    } as const
    return [`p${p}`, { endpoints: Object.fromEntries(endpoints), ingresses: { [`p${p}i`]: ingress } }]
  })
  return config(Object.fromEntries(pipelines))
}

function requests(routes: number): readonly (readonly [what: string, authority: string, target: string])[] {
  const p = routes / 10 - 1
  const host = `host${p % 100}.example.org`
  return [
    ['ingress URL', host, `/team${p}/fhir/Patient/12345?_id=1`],
    ['endpoint', 'other.example.org:8443', `/team${p}/v/v/api2/Patient/12345?_id=1`],
    ['endpoint, respelled', 'other.example.org', `/team${p}/v/%76/api2/P%61tient/12345?_id=1`],
    ['endpoint, read in two ways', 'other.example.org', `/team${p}/v/v/api2//Patient;v=1/a%2fb?_id=1`],
    ['none', 'other.example.org', '/nothing/is/here/at/all?_id=1'],
    ['none, 8,000 segments', host, '/a'.repeat(8_000)],
  ]
}

function kindOf(routes: Routes, authority: string, text: string): string {
  const target = splitTarget(text)
  const host = hostOf(authority)
  if (typeof target === 'string' || host === undefined) return 'refused'
  return routes.find(host.host, host.port ?? 8443, target, 'GET').kind
}
