// A configuration in which a request can end in every way that a gateway knows, for tests that ask two readers of it
// about the same requests.
import { meshSecret } from './organisations.ts'

export const planted = {
  password: 'planted-password-in-the-configuration',
  jwt: 'planted-shared-secret-with-more-than-thirty-two-bytes',
  operator: 'planted-operator-token',
  backend: 'planted-backend-token',
} as const

/** Files by path. `edge` and `forced` are plain, `forced` sends everybody to https; `inner` has the management. */
export function everyWay([edge = 0, forced = 0, inner = 0]: readonly number[], origin: number): Record<string, string> {
  const connection = `connection = { host = "127.0.0.1", port = ${origin}, protocol = "http", base_path = "/base" }`
  return {
    'config.toml': `
[proxy]
id = "gateway"
primary_provider = "local"
content_limits = { max_body_size = 2000 }
[network.edge.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${edge}
[network.edge.limits]
max_target_bytes = 2000
max_fields = 20
[network.forced.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${forced}
force_https = true
[network.inner.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${inner}
[management]
enabled = true
base_path = "admin"
network = "inner"
token = "${planted.operator}"
[backends.origin]
service = "http"
${connection}
[backends.partner]
service = "http"
authentication = "partner"
${connection}
[authentications.partner]
id = "partner"
method = "bearer"
options = { token = "${planted.backend}" }
[backends.echo]
service = "echo"
[targets.away]
enabled = false
${connection}
[backends.away]
service = "http"
target_ref = "away"
`,
    'pipelines/main.toml': `
[pipelines.main]
networks = ["edge", "forced"]
endpoints = ["open", "deep", "guarded", "studies"]
backends = ["origin"]
mesh.ingress.members = { type = "http", urls = ["https://members.test/in"], endpoint = "guarded", mode = "mesh" }
mesh.ingress.mixed = { type = "http", urls = ["https://mixed.test/in", "https://mixed.test/in/deeper"], endpoint = "open" }
mesh.ingress.ported = { type = "http", urls = ["https://ported.test:4321/in"], endpoint = "open" }
mesh.ingress.off = { type = "http", urls = ["https://off.test/in"], endpoint = "open", enabled = false }
mesh.ingress.lonely = { type = "http", urls = ["https://lonely.test/in"], endpoint = "lonely", mode = "mesh" }
[endpoints.open]
service = "http"
options = { path_prefix = "/open", methods = ["GET", "POST"] }
[endpoints.deep]
service = "http"
options = { path_prefix = "/open/deep" }
[endpoints.guarded]
service = "http"
options = { path_prefix = "/own" }
[endpoints.studies]
service = "dicomweb"
options = { path_prefix = "/dicom" }
[endpoints.lonely]
service = "http"
`,
    'pipelines/checks.toml': `
[pipelines.rules]
networks = ["edge"]
endpoints = ["rules"]
backends = ["origin"]
middleware = ["rules"]
[endpoints.rules]
service = "http"
options.path_prefix = "/rules"
[middleware.rules]
type = "policies"
options.policies = ["usual", "asleep"]
[policies.usual]
id = "usual"
rules = ["reads", "bad", "often", "secret"]
[policies.asleep]
id = "asleep"
enabled = false
rules = ["nobody"]
[rules.reads]
id = "reads"
type = "method"
options = { methods = ["GET"], mode = "allow" }
[rules.bad]
id = "bad"
type = "header"
weight = 5
options = { mode = "deny", headers = [{ name = "x-bad", match_type = "contains", value = "no" }] }
[rules.often]
id = "often"
type = "rate_limit"
options = { max_requests = 100000, window_seconds = 60 }
[rules.secret]
id = "secret"
type = "query_parameter"
options = { mode = "deny", parameters = [{ name = "drop", match_type = "exists" }] }
[rules.nobody]
id = "nobody"
type = "deny_all"

[pipelines.locked]
networks = ["edge"]
endpoints = ["locked"]
backends = ["origin"]
middleware = ["pair", "inside"]
[endpoints.locked]
service = "http"
options.path_prefix = "/locked"
[middleware.pair]
type = "basic_auth"
options = { username = "user", password = "${planted.password}" }
[middleware.inside]
type = "path_filter"
options.rules = ["/a/{*rest}", { deny = "/b/{*rest}" }]

[pipelines.bearer]
networks = ["edge"]
endpoints = ["bearer"]
backends = ["echo"]
middleware = { left = ["jwt", "dump"], right = ["dump"] }
[endpoints.bearer]
service = "http"
options.path_prefix = "/bearer"
[middleware.jwt]
type = "jwt_auth"
options = { use_hs256 = true, hs256_secret = "${planted.jwt}" }
[middleware.dump]
type = "log_dump"
`,
    'pipelines/ways.toml': `
[pipelines.out]
networks = ["edge"]
endpoints = ["out"]
backends = ["partner"]
mesh.ingress.out = { type = "http", urls = ["https://out.test/"], endpoint = "out" }
mesh.egress.strict = { type = "http", mode = "mesh", backend = "partner" }
mesh.egress.closed = { type = "http", backend = "partner", enabled = false }
[endpoints.out]
service = "http"
options.path_prefix = "/out"
[pipelines.signed]
networks = ["edge"]
endpoints = ["signed"]
backends = ["origin"]
mesh.egress.signing = { type = "http", backend = "origin" }
mesh.egress.elsewhere = { type = "http", backend = "echo" }
[endpoints.signed]
service = "http"
options.path_prefix = "/signed"
[pipelines.echo]
networks = ["edge"]
endpoints = ["echo"]
backends = ["echo"]
[endpoints.echo]
service = "echo"
options.path_prefix = "/echo"
[pipelines.empty]
networks = ["edge"]
endpoints = ["empty"]
backends = []
[endpoints.empty]
service = "http"
options.path_prefix = "/empty"
[pipelines.away]
networks = ["edge"]
endpoints = ["away"]
backends = ["away"]
[endpoints.away]
service = "http"
options.path_prefix = "/away"
[pipelines.inner]
networks = ["inner"]
endpoints = ["inner"]
backends = ["origin"]
[endpoints.inner]
service = "http"
options.path_prefix = "/inner"
`,
    'mesh/m.toml': `
[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = ["members", "mixed", "out"]
egress = ["strict", "signing"]
[mesh.off]
type = "http"
provider = "local"
jwt_secret = "${meshSecret}"
ingress = ["lonely"]
enabled = false
`,
  }
}
