// Findings about backends and what they lead to.
import type { Pages } from './page.ts'

export const backend = {
  'backend/no-destination': {
    severity: 'error',
    title: 'a backend leads nowhere',
    meaning: 'A backend over HTTP needs a host: in its target, its connection, or options.base_url.',
    why: 'Every request through it would fail.',
    wrong: `[backends.app]
service = "http"`,
    right: `[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"`,
  },
  'backend/disabled': {
    severity: 'warning',
    title: 'the target of a backend is disabled',
    meaning: 'The backend names a target with enabled = false.',
    why: 'Requests through it get 503.',
    wrong: `[backends.app]
service = "http"
target_ref = "storage"

[targets.storage]
enabled = false
connection = { host = "127.0.0.1", port = 9000 }`,
    right: `[backends.app]
service = "http"
target_ref = "storage"

[targets.storage]
connection = { host = "127.0.0.1", port = 9000 }`,
  },
  'backend/authentication': {
    severity: 'error',
    title: 'an authentication cannot be used towards a backend',
    meaning:
      'Backends are given a bearer token, a user name and password, or a client certificate (methods bearer, basic, ' +
      'mutual_tls). The one named here is of another method, or lacks what its method needs.',
    why: 'Requests would leave without the credentials that were meant.',
    wrong: `[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"
authentication = "app"

[authentications.app]
id = "app"
method = "bearer"`,
    right: `[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"
authentication = "app"

[authentications.app]
id = "app"
method = "bearer"
options.token = "secret"`,
  },
  'backend/http3-plain': {
    severity: 'error',
    title: 'HTTP/3 to a backend without TLS',
    meaning: 'The backend asks for HTTP/3, and its URL is http. HTTP/3 is always encrypted.',
    why: 'The gateway never falls back to plain text, so it could not send anything.',
    wrong: `[backends.app]
service = "http3"
options.base_url = "http://127.0.0.1:9000"`,
    right: `[backends.app]
service = "http3"
options.base_url = "https://127.0.0.1:9000"`,
  },
  'backend/header': {
    severity: 'error',
    title: 'a header of a backend cannot be sent',
    meaning:
      'The name is not a token, the value has control characters, or the field is one that the gateway sets itself ' +
      '(Host, Content-Length, Connection and the like).',
    why: 'Such a field breaks the message, or lets what follows it be read as another request.',
    wrong: `[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"
options.headers = { "content length" = "5" }`,
    right: `[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"
options.headers = { "x-tenant" = "5" }`,
  },
} as const satisfies Pages
