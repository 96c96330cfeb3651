// Findings about names that something else defines, and about references to resources of others.
import type { Pages } from './page.ts'

const why =
  'A name that leads nowhere is a route that fails, or a check that is not made: the gateway does not start with one.'

export const reference = {
  'reference/unknown-network': {
    severity: 'error',
    title: 'a network is not defined',
    meaning: 'A pipeline or the management interface names a network that no [network.<name>] defines.',
    why,
    wrong: `[pipelines.web]
networks = ["pubic"]
endpoints = ["web"]
backends = ["app"]`,
    right: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]`,
  },
  'reference/unknown-endpoint': {
    severity: 'error',
    title: 'an endpoint is not defined',
    meaning: 'A pipeline or an ingress names an endpoint that no file defines.',
    why,
    wrong: `[pipelines.web]
networks = ["public"]
endpoints = ["wbe"]
backends = ["app"]`,
    right: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]`,
  },
  'reference/unknown-backend': {
    severity: 'error',
    title: 'a backend is not defined',
    meaning: 'A pipeline or an egress names a backend that no file defines.',
    why,
    wrong: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["ap"]`,
    right: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]`,
  },
  'reference/unknown-middleware': {
    severity: 'error',
    title: 'a middleware is not defined',
    meaning: 'A pipeline lists a name that is neither a [middleware.<name>] nor a built-in type that needs no options.',
    why: 'A check that is left out lets every request through.',
    wrong: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]
middleware = ["gaurd"]

[middleware.guard]
type = "passthru"`,
    right: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]
middleware = ["guard"]

[middleware.guard]
type = "passthru"`,
  },
  'reference/unknown-target': {
    severity: 'error',
    title: 'a target is not defined',
    meaning: 'A backend names, in target_ref, a target that no [targets.<name>] defines.',
    why,
    wrong: `[backends.app]
service = "http"
target_ref = "strage"

[targets.storage]
connection = { host = "127.0.0.1", port = 9000 }`,
    right: `[backends.app]
service = "http"
target_ref = "storage"

[targets.storage]
connection = { host = "127.0.0.1", port = 9000 }`,
  },
  'reference/unknown-peer': {
    severity: 'error',
    title: 'a peer is not defined',
    meaning: 'An endpoint names, in peer_ref, a peer that no [peers.<name>] defines.',
    why,
    wrong: `[endpoints.web]
service = "http"
peer_ref = "partner"
options.path_prefix = "/web"`,
    right: `[endpoints.web]
service = "http"
peer_ref = "partner"
options.path_prefix = "/web"

[peers.partner]
connection = { host = "127.0.0.1" }`,
  },
  'reference/unknown-authentication': {
    severity: 'error',
    title: 'an authentication is not defined',
    meaning: 'Something names an authentication that no [authentications.<name>] defines.',
    why: 'Requests would leave without credentials, or be let in without a check.',
    wrong: `[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"
authentication = "authentications.app"`,
    right: `[backends.app]
service = "http"
options.base_url = "http://127.0.0.1:9000"
authentication = "authentications.app"

[authentications.app]
id = "app"
method = "bearer"
options.token = "secret"`,
  },
  'reference/unknown-policy': {
    severity: 'error',
    title: 'a policy is not defined',
    meaning: 'A policies middleware lists a policy that no [policies.<name>] defines.',
    why: 'A missing policy may be the one that denies.',
    wrong: `[middleware.guard]
type = "policies"
options.policies = ["office"]`,
    right: `[middleware.guard]
type = "policies"
options.policies = ["office"]

[policies.office]
id = "office"
rules = ["inside"]

[rules.inside]
id = "inside"
type = "ip_allow"
options.ip_addresses = ["10.0.0.0/8"]`,
  },
  'reference/unknown-rule': {
    severity: 'warning',
    title: 'a rule is not defined',
    meaning: 'A policy lists a rule that no [rules.<name>] defines. The policy works without it.',
    why: 'When the missing rule is one that denies, the policy lets in more than was meant.',
    wrong: `[policies.office]
id = "office"
rules = ["inside", "outside"]

[rules.inside]
id = "inside"
type = "ip_allow"
options.ip_addresses = ["10.0.0.0/8"]`,
    right: `[policies.office]
id = "office"
rules = ["inside"]

[rules.inside]
id = "inside"
type = "ip_allow"
options.ip_addresses = ["10.0.0.0/8"]`,
  },
  'reference/unknown-ingress': {
    severity: 'error',
    title: 'a mesh lists an ingress that does not exist',
    meaning:
      'A bare name in `ingress` is an ingress of a pipeline of this gateway, else an entry of [remote_ingress]. It is neither.',
    why: 'The mesh would guard another set of URLs than the one that was meant.',
    wrong: `[pipelines.web.mesh.ingress.fhir-ingress]
type = "http"
urls = ["https://gw.test/fhir"]
mode = "mesh"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["fhir-ingres"]`,
    right: `[pipelines.web.mesh.ingress.fhir-ingress]
type = "http"
urls = ["https://gw.test/fhir"]
mode = "mesh"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["fhir-ingress"]`,
  },
  'reference/unknown-egress': {
    severity: 'error',
    title: 'a mesh lists an egress that does not exist',
    meaning: 'A bare name in `egress` is an egress of a pipeline of this gateway. It is not.',
    why: 'What leaves through the egress that was meant would not be signed, and the other side refuses it.',
    wrong: `[pipelines.web.mesh.egress.out]
type = "http"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
egress = ["uot"]`,
    right: `[pipelines.web.mesh.egress.out]
type = "http"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
egress = ["out"]`,
  },
  'reference/unknown-mesh': {
    severity: 'error',
    title: 'a mesh is not defined',
    meaning: 'A mesh_auth middleware names a mesh that does not exist, is disabled, or is not clear among several.',
    why: 'Without a mesh there is no key to check tokens with.',
    wrong: `[middleware.member]
type = "mesh_auth"
options.mesh_name = "prdo"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"`,
    right: `[middleware.member]
type = "mesh_auth"
options.mesh_name = "prod"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"`,
  },
  'reference/unknown-provider': {
    severity: 'error',
    title: 'a provider is not configured',
    meaning: 'A mesh, a reference or proxy.primary_provider names a provider that no [provider.<name>] defines.',
    why: 'Nobody could be asked for the resource or for the token.',
    wrong: `[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["acme.sales.ingress.name.orders"]`,
    right: `[provider.acme]
api = "https://api.acme.test"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["acme.sales.ingress.name.orders"]`,
  },
  'reference/malformed': {
    severity: 'error',
    title: 'a reference cannot be read',
    meaning:
      'References are `name`, `local.name.<name>`, `<provider>.id.<id>`, `<provider>.<team>.id.<id>`, and ' +
      '`<provider>.<team>.<type>.name.<name>` or `….id.<id>`.',
    why: 'A member that cannot be read is a member that is missing.',
    wrong: `[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["acme.orders"]`,
    right: `[provider.acme]
api = "https://api.acme.test"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["acme.sales.ingress.name.orders"]`,
  },
  'reference/type': {
    severity: 'error',
    title: 'a reference is of a kind that does not belong there',
    meaning:
      'The ingress list of a mesh takes references to ingresses. The egress list takes references to egresses, and to ' +
      'ingresses of others: those are destinations.',
    why: 'Pipelines, endpoints and backends are not members of meshes.',
    wrong: `[provider.acme]
api = "https://api.acme.test"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["acme.sales.backend.name.orders"]`,
    right: `[provider.acme]
api = "https://api.acme.test"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["acme.sales.ingress.name.orders"]`,
  },
  'reference/inactive': {
    severity: 'warning',
    title: 'a remote reference that nobody resolves',
    meaning:
      'No provider is asked while proxy.primary_provider is "local", and none that is disabled: the reference is never ' +
      'resolved.',
    why: 'Requests that need it get 503.',
    wrong: `[provider.acme]
api = "https://api.acme.test"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["acme.sales.ingress.name.orders"]`,
    right: `[proxy]
name = "gateway-1"
primary_provider = "acme"

[provider.acme]
api = "https://api.acme.test"

[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
ingress = ["acme.sales.ingress.name.orders"]`,
  },
} as const satisfies Pages
