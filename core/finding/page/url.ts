// Findings about URLs.
import type { Pages } from './page.ts'

export const url = {
  'url/malformed': {
    severity: 'error',
    title: 'a URL is not well formed',
    meaning:
      'URLs of ingresses, catalogue entries, backends and providers are http or https, name a host, and have neither ' +
      'user name nor fragment. Paths have no `.` or `..` segments.',
    why: 'A URL that can be read in two ways is matched in one of them: the wrong door would be open.',
    wrong: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["gw.test/api"]`,
    right: `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]`,
  },
} as const satisfies Pages
