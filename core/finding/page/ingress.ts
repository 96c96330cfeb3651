// Findings about ingresses.
import type { Pages } from './page.ts'

export const ingress = {
  'ingress/overlap': {
    severity: 'error',
    title: 'two ingresses claim one URL',
    meaning:
      'Two enabled ingresses on one network have a URL of the same host, path and port; the scheme does not count. A ' +
      'URL without a port is one for every port: a URL with one, defined behind it, is never reached either.',
    why: 'A request would be served by one of the two, whichever comes first, perhaps the one that asks for no token.',
    wrong: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]

[pipelines.web.mesh.ingress.old-api]
type = "http"
urls = ["http://gw.test/api/"]`,
    right: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]

[pipelines.web.mesh.ingress.old-api]
type = "http"
urls = ["http://gw.test/old-api/"]`,
  },
  'ingress/no-mesh': {
    severity: 'warning',
    title: 'an ingress of mode "mesh" is in no enabled mesh',
    meaning: 'Mode "mesh" asks for a token of a mesh that lists this ingress, and no enabled mesh does.',
    why: 'Every request gets 403.',
    wrong: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]
mode = "mesh"`,
    right: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]
mode = "mesh"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["api"]`,
  },
  'ingress/default-mode': {
    severity: 'warning',
    title: 'an ingress of a mesh is open to everyone',
    meaning:
      'A mesh lists this ingress, and its mode is "default": requests with a token of the mesh get its context, ' +
      'requests without one are served as well.',
    why: 'Being listed in a mesh looks like protection, and is none by itself. Set mode = "mesh" to ask for a token.',
    wrong: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["api"]`,
    right: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]
mode = "mesh"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["api"]`,
  },
  'ingress/enforce-url': {
    severity: 'warning',
    title: 'a mesh ingress is enforced for its URLs alone',
    meaning:
      'With enforce = "url", a token is asked for when a request came by a URL of the ingress. The same endpoint ' +
      'answers without one on its own path_prefix.',
    why: 'Whoever knows the path of the endpoint goes around the mesh.',
    wrong: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]
mode = "mesh"
enforce = "url"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["api"]`,
    right: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]
mode = "mesh"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["api"]`,
  },
} as const satisfies Pages
