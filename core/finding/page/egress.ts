// Findings about egresses.
import type { Pages } from './page.ts'

export const egress = {
  'egress/no-backend': {
    severity: 'error',
    title: 'an egress has no backend',
    meaning: 'The egress names no backend, and its pipeline has none that could be taken instead.',
    why: 'Nothing can leave through it.',
    wrong: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = []

[pipelines.web.mesh.egress.out]
type = "http"`,
    right: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]

[pipelines.web.mesh.egress.out]
type = "http"`,
  },
  'egress/no-mesh': {
    severity: 'warning',
    title: 'an egress is in no enabled mesh, though there are meshes',
    meaning: 'No enabled mesh lists the egress, and no mesh_auth of its pipeline signs in its place.',
    why: 'What leaves through it carries no token: a partner who asks for one answers 403.',
    wrong: `[pipelines.web.mesh.egress.to-partner]
type = "http"

[mesh.partners]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
egress = []`,
    right: `[pipelines.web.mesh.egress.to-partner]
type = "http"

[mesh.partners]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
egress = ["to-partner"]`,
  },
  'egress/never-selected': {
    severity: 'warning',
    title: 'no request can leave through an egress',
    meaning:
      'Requests of a pipeline go to its first backend, through the first enabled egress that leads there. This egress ' +
      'leads to another backend, or stands behind another egress to the same one.',
    why: 'What was meant to be signed and checked there leaves by another way.',
    wrong: `[pipelines.web.mesh.egress.out]
type = "http"
backend = "archive"

[backends.archive]
service = "http"
options.base_url = "http://127.0.0.1:9001"`,
    right: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["archive"]

[pipelines.web.mesh.egress.out]
type = "http"
backend = "archive"

[backends.archive]
service = "http"
options.base_url = "http://127.0.0.1:9001"`,
  },
  'egress/no-context': {
    severity: 'warning',
    title: 'an egress of mode "mesh" that no request may pass',
    meaning:
      'Only requests that carry the context of a mesh may leave through it: of one of its own meshes, or of any when ' +
      'it is in none. Neither an ingress nor a mesh_auth of its pipeline gives one.',
    why: 'Every request through it gets 403.',
    wrong: `[pipelines.web.mesh.egress.out]
type = "http"
mode = "mesh"`,
    right: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]
mode = "mesh"

[pipelines.web.mesh.egress.out]
type = "http"
mode = "mesh"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["api"]
egress = ["out"]`,
  },
  'egress/disabled': {
    severity: 'warning',
    title: 'a disabled egress of mode "mesh" leaves its backend open',
    meaning:
      'What is disabled is not there, its mode neither. No other egress leads to this backend, and one without an ' +
      'egress asks nothing of requests.',
    why: 'Requests that the mode kept from the backend reach it as soon as the egress is disabled.',
    wrong: `[pipelines.web.mesh.egress.out]
type = "http"
mode = "mesh"
enabled = false`,
    right: `[pipelines.web.mesh.egress.out]
type = "http"
mode = "mesh"`,
  },
  'egress/http3-plain': {
    severity: 'error',
    title: 'an egress of type "http3" leads to a plain URL',
    meaning: 'HTTP/3 is always encrypted, and the URL of the backend is http.',
    why: 'The gateway never falls back to plain text, so nothing could leave.',
    wrong: `[pipelines.web.mesh.egress.out]
type = "http3"

[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"`,
    right: `[pipelines.web.mesh.egress.out]
type = "http3"

[backends.app]
service = "http"
options.base_url = "https://127.0.0.1:9000"`,
  },
} as const satisfies Pages
