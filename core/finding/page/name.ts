// Findings about names.
import type { Pages } from './page.ts'

export const name = {
  'name/duplicate': {
    severity: 'error',
    title: 'a name is used twice',
    meaning:
      'Two tables have the same name where a name must mean one thing for the whole gateway: networks, pipelines, ' +
      'meshes, providers, catalogue entries, and the ingresses and egresses of all pipelines together.',
    why: 'A mesh that lists such a name could mean either: the wrong URL would be opened or closed.',
    wrong: `[pipelines.web.mesh.egress.out]
type = "http"

[pipelines.other]
networks = ["public"]
endpoints = ["other"]
backends = ["app"]

[pipelines.other.mesh.egress.out]
type = "http"

[endpoints.other]
service = "http"
options.path_prefix = "/other"`,
    right: `[pipelines.web.mesh.egress.web-out]
type = "http"

[pipelines.other]
networks = ["public"]
endpoints = ["other"]
backends = ["app"]

[pipelines.other.mesh.egress.other-out]
type = "http"

[endpoints.other]
service = "http"
options.path_prefix = "/other"`,
  },
  'name/reserved': {
    severity: 'error',
    title: 'a name is reserved for the management interface',
    meaning: 'With management enabled, the gateway adds a pipeline, an endpoint and a backend named "management".',
    why: 'Two things of one name cannot both be shown, logged and counted.',
    wrong: `[management]
enabled = true
network = "public"

[pipelines.management]
networks = ["public"]
endpoints = ["other"]
backends = ["app"]

[endpoints.other]
service = "http"
options.path_prefix = "/other"`,
    right: `[management]
enabled = true
network = "public"

[pipelines.operations]
networks = ["public"]
endpoints = ["other"]
backends = ["app"]

[endpoints.other]
service = "http"
options.path_prefix = "/other"`,
  },
} as const satisfies Pages
