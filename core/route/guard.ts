// Endpoints that answer on their own path only to members of a mesh (decision 3).
import type { Config, Endpoint, Ingress } from '../config/model.ts'
import type { Place } from '../finding/finding.ts'

/** Why an endpoint is guarded: a valid token of a mesh that contains one of these ingresses opens it. */
export type Guard = { readonly ingresses: readonly Ingress[] }

export type Guards = {
  /** None: the endpoint's own path is open. */
  of(endpoint: Endpoint): Guard | undefined
}

/**
 * Finds every guarded endpoint: an enabled ingress of mode `mesh` with `enforce = "endpoint"` binds it, and no enabled
 * one of mode `default` does. Ingresses of all pipelines count, whatever networks those are on.
 */
export function compileGuards(config: Config): Guards {
  const open = new Set<string>()
  const guards = new Map<string, { readonly ingresses: Ingress[] }>()
  for (const pipeline of config.pipelines.values()) {
    for (const ingress of pipeline.ingresses) {
      if (!ingress.enabled) continue
      const id = identity(ingress.endpoint)
      if (ingress.mode === 'default') open.add(id)
      else if (ingress.enforce === 'endpoint') {
        const guard = guards.get(id)
        if (guard === undefined) guards.set(id, { ingresses: [ingress] })
        else guard.ingresses.push(ingress)
      }
    }
  }
  return {
    of(endpoint) {
      const id = identity(endpoint)
      return open.has(id) ? undefined : guards.get(id)
    },
  }
}

/** The same table is the same endpoint, also when two pipelines hold a copy of it each. */
export function identity({ name, place }: { readonly name: string; readonly place: Place }): string {
  return JSON.stringify([name, place.file, place.path])
}
