// Findings about what this version does not do.
import type { Pages } from './page.ts'

const why =
  'What is not supported is refused by name where a pipeline uses it, and never skipped silently: a skipped step ' +
  'changes what the pipeline does.'

const pipeline = `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]`

export const support = {
  'support/service': {
    severity: 'error',
    title: 'a service is not supported by this version',
    meaning: 'The service exists, and this version does not have it. Where no pipeline uses it, it is a warning.',
    why,
    wrong: `[backends.app]
service = "dicom_scu"`,
    right: `[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"`,
  },
  'support/unknown-service': {
    severity: 'error',
    title: 'a service is not known',
    meaning: 'No service of this name exists. Where no pipeline uses it, it is a warning.',
    why: 'A route to nothing fails at every request.',
    wrong: `[backends.app]
service = "htpp"
options.base_url = "http://127.0.0.1:9000"`,
    right: `[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"`,
  },
  'support/middleware': {
    severity: 'error',
    title: 'a middleware is not supported by this version',
    meaning: 'The type exists, and this version does not have it. Where no pipeline uses it, it is a warning.',
    why,
    wrong: `${pipeline}
middleware = ["reshape"]

[middleware.reshape]
type = "transform"
options.spec_path = "reshape.json"`,
    right: pipeline,
  },
  'support/module': {
    severity: 'error',
    title: 'modules cannot be loaded',
    meaning: '[services] and [middleware_types] register built-in types: their module is empty. Code is not loaded.',
    why: 'A type that was meant to come from a module would be missing where it is used.',
    wrong: `[middleware_types.audit]
module = "./audit.so"`,
    right: `[middleware_types.passthru]
module = ""`,
  },
  'support/protocol': {
    severity: 'error',
    title: 'a protocol cannot be used by a backend over HTTP',
    meaning:
      'Backends speak http, https or h3. The protocols dicom, harmony, hl7v2 and custom are known by name alone.',
    why,
    wrong: `[backends.app]
service = "http"
target_ref = "lab"

[targets.lab]
protocol = "hl7v2"
connection = { host = "127.0.0.1", port = 2575 }`,
    right: `[backends.app]
service = "http"
target_ref = "lab"

[targets.lab]
protocol = "https"
connection = { host = "127.0.0.1", port = 2575 }`,
  },
  'support/wireguard': {
    severity: 'error',
    title: 'WireGuard is not supported by this version',
    meaning:
      'The network asks for a WireGuard interface, and this version binds sockets only. Where no pipeline uses the ' +
      'network, it is a warning.',
    why: 'Served without the tunnel, the network would be open to whoever reaches its address.',
    wrong: `[network.public]
enable_wireguard = true
interface = "wg0"
tcp_config = { bind_address = "127.0.0.1", bind_port = 8080 }`,
    right: `[network.public]
tcp_config = { bind_address = "127.0.0.1", bind_port = 8080 }`,
  },
} as const satisfies Pages
