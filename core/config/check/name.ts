// Names that must mean one thing for the whole gateway (spec 1.4, 1.6).
import { spot } from '../../finding/locate.ts'
import type { Place } from '../../finding/finding.ts'
import type { Scope } from '../build/scope.ts'

const kinds = {
  network: 'network',
  pipelines: 'pipeline',
  mesh: 'mesh',
  remote_ingress: 'remote ingress',
} as const

/** Of names that are scoped to files, a second one in another file is no mistake. */
export function checkNames(scope: Scope): void {
  for (const section of ['network', 'pipelines', 'mesh', 'remote_ingress'] as const) {
    const first = new Map<string, Place>()
    for (const { name, place } of scope.raw.all(section)) {
      const other = first.get(name)
      if (other === undefined) first.set(name, place)
      else
        scope.report({
          code: 'name/duplicate',
          message: `${kinds[section]} "${name}" is defined twice`,
          place,
          mark: 'key',
          help: `keep one of them (the other is defined at ${spot(other, scope.sources)})`,
        })
    }
  }
}
