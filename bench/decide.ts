// What decisions cost in JavaScript, without an engine: node bench/decide.ts. It takes seconds.
import type { Config } from '../core/config/model.ts'
import { hostOf } from '../core/route/host.ts'
import { overlappingIngresses, overlappingRoutes } from '../core/route/overlap.ts'
import { splitTarget } from '../core/route/path.ts'
import { compileRoutes } from '../core/route/table.ts'
import type { Routes } from '../core/route/table.ts'
import { config, networkOf } from '../test/route/fixture.ts'
import type { PipelineSpec } from '../test/route/fixture.ts'

const roundMs = 60

for (const count of [10, 1_000, 10_000]) {
  const from = configOf(count)
  const built = once(() => compileRoutes(from, networkOf('public')))
  const checked = once(() => [overlappingIngresses(from), overlappingRoutes(from)])
  console.log(`${count} routes: compiled in ${built.ms.toFixed(1)} ms, overlaps found in ${checked.ms.toFixed(1)} ms`)
  for (const [what, authority, target] of requests(count)) {
    const asked = (): string => kindOf(built.value, authority, target)
    console.log(`  ${what.padEnd(36)} ${cost(asked).toFixed(2).padStart(6)} µs  ${asked()}`)
  }
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

/** µs of a call: the best of five rounds, after one to get warm. */
function cost(call: () => unknown): number {
  let best = Infinity
  for (let round = 0; round < 6; round++) {
    let calls = 0
    const started = performance.now()
    let took = 0
    while (took < roundMs) {
      for (let left = 100; left > 0; left--) call()
      calls += 100
      took = performance.now() - started
    }
    if (round > 0) best = Math.min(best, (took / calls) * 1000)
  }
  return best
}

function once<T>(call: () => T): { value: T; ms: number } {
  const started = performance.now()
  const value = call()
  return { value, ms: performance.now() - started }
}
