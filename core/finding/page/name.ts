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
  'name/ambiguous': {
    severity: 'warning',
    title: 'a name is defined differently in several other files',
    meaning:
      'A name means what its own file defines, else what config.toml defines, else what another file defines. Here ' +
      'several other files define it, and not the same: the first file by name is taken.',
    why: 'A new file, or a renamed one, can change what this pipeline does.',
    wrong: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["store"]

# pipelines/a.toml
[backends.store]
service = "http"
options.base_url = "http://127.0.0.1:9001"

# pipelines/b.toml
[backends.store]
service = "http"
options.base_url = "http://127.0.0.1:9002"`,
    right: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["store"]

[backends.store]
service = "http"
options.base_url = "http://127.0.0.1:9001"

# pipelines/b.toml
[backends.store]
service = "http"
options.base_url = "http://127.0.0.1:9002"`,
  },
  'name/dotted': {
    severity: 'warning',
    title: 'the name of an ingress or egress has dots',
    meaning: 'References are split at dots, so a mesh cannot list this name.',
    why: 'The ingress or egress works, and can never be a member of a mesh.',
    wrong: `[pipelines.web.mesh.ingress."api.v1"]
type = "http"
urls = ["https://gw.test/api"]`,
    right: `[pipelines.web.mesh.ingress.api-v1]
type = "http"
urls = ["https://gw.test/api"]`,
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
