// Findings about endpoints and the paths that they answer on.
import type { Pages } from './page.ts'

export const route = {
  'route/overlap': {
    severity: 'warning',
    title: 'two endpoints answer on one path',
    meaning:
      'On one network, two endpoints have the same path_prefix and share a method. The first by file name, then by ' +
      'place in the file, answers; the whole pipeline of the other is left out.',
    why: 'Requests that were meant for the second pipeline never reach it.',
    wrong: `[pipelines.other]
networks = ["public"]
endpoints = ["other"]
backends = ["app"]

[endpoints.other]
service = "http"
options.path_prefix = "/web"`,
    right: `[pipelines.other]
networks = ["public"]
endpoints = ["other"]
backends = ["app"]

[endpoints.other]
service = "http"
options.path_prefix = "/other"`,
  },
  'route/no-path': {
    severity: 'error',
    title: 'an endpoint has no path',
    meaning:
      'An endpoint answers on its path_prefix, or on the URLs of an ingress that binds it. This one has neither.',
    why: 'No request can reach it.',
    wrong: `[endpoints.web]
service = "http"`,
    right: `[endpoints.web]
service = "http"
options.path_prefix = "/web"`,
  },
  'route/path': {
    severity: 'error',
    title: 'a path_prefix is not a path',
    meaning:
      'A path_prefix starts with a slash and is compared byte for byte with paths as clients send them: no query, no ' +
      'fragment, no space, no `.` or `..` segments, other characters percent-encoded.',
    why: 'A prefix that no request can match is a route that does not exist.',
    wrong: `[endpoints.web]
service = "http"
options.path_prefix = "web"`,
    right: `[endpoints.web]
service = "http"
options.path_prefix = "/web"`,
  },
  'route/method': {
    severity: 'error',
    title: 'a method is not a method',
    meaning: 'Methods are tokens, such as GET and PATCH.',
    why: 'No request could match, so the endpoint would answer 405 to everything.',
    wrong: `[endpoints.web]
service = "http"
options.path_prefix = "/web"
options.methods = ["GET, POST"]`,
    right: `[endpoints.web]
service = "http"
options.path_prefix = "/web"
options.methods = ["GET", "POST"]`,
  },
} as const satisfies Pages
