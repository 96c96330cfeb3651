// Findings about middleware.
import type { Pages } from './page.ts'

export const middleware = {
  'middleware/unknown-type': {
    severity: 'error',
    title: 'a type of middleware is not known',
    meaning: 'No middleware of this type exists. One that no pipeline uses is a warning.',
    why: 'A check that is skipped lets every request through.',
    wrong: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]
middleware = ["guard"]

[middleware.guard]
type = "basic-auth"`,
    right: `[pipelines.web]
networks = ["public"]
endpoints = ["web"]
backends = ["app"]
middleware = ["guard"]

[middleware.guard]
type = "basic_auth"
options.username = "ward-7"
options.password = "secret"`,
  },
  'middleware/credentials': {
    severity: 'error',
    title: 'a middleware has nothing to check credentials with',
    meaning:
      'basic_auth needs username and password; jwt_auth needs one of public_key_path, jwks_uri, or use_hs256 with ' +
      'hs256_secret. They stand in its options or in the authentication that it names. A username has no colon: in ' +
      'what a client sends, the first one ends it.',
    why: 'Nobody could be let in, or, worse, anybody.',
    wrong: `[middleware.users]
type = "jwt_auth"
options.issuer = "https://login.test"`,
    right: `[middleware.users]
type = "jwt_auth"
options.issuer = "https://login.test"
options.jwks_uri = "https://login.test/keys"`,
  },
  'middleware/algorithm': {
    severity: 'error',
    title: 'an algorithm does not fit the key',
    meaning:
      'A secret verifies HS256 (HS384, HS512); an RSA key RS256 (RS384, RS512, PS256, PS384, PS512); a key set may ' +
      'also hold ES256, ES384, ES512 and EdDSA. `none` is never accepted.',
    why: 'A list that mixes the two kinds lets an attacker sign with the public key as if it were a secret.',
    wrong: `[middleware.users]
type = "jwt_auth"
options.public_key_path = "keys/mesh.pub"
options.algorithms = ["RS256", "HS256"]`,
    right: `[middleware.users]
type = "jwt_auth"
options.public_key_path = "keys/mesh.pub"
options.algorithms = ["RS256"]`,
  },
  'middleware/authentication': {
    severity: 'error',
    title: 'an authentication is of a method that does not fit the middleware',
    meaning: 'jwt_auth takes an authentication of method jwt, basic_auth one of method basic.',
    why: 'Nothing in the other kind says who may pass.',
    wrong: `[middleware.users]
type = "jwt_auth"
authentication = "login"

[authentications.login]
id = "login"
method = "basic"
options.username = "ward-7"
options.password = "secret"`,
    right: `[middleware.users]
type = "basic_auth"
authentication = "login"

[authentications.login]
id = "login"
method = "basic"
options.username = "ward-7"
options.password = "secret"`,
  },
  'middleware/path-rule': {
    severity: 'error',
    title: 'a rule of a path_filter cannot be used',
    meaning: 'The list has at least one rule; each is a pattern, or a table with exactly one of `allow` and `deny`.',
    why: 'The first rule that matches decides: one that says two things, or nothing, makes the rest a guess.',
    wrong: `[middleware.paths]
type = "path_filter"
options.rules = [{ allow = "/Patient/{id}", deny = "/Patient" }]`,
    right: `[middleware.paths]
type = "path_filter"
options.rules = [{ allow = "/Patient/{id}" }, { deny = "/Patient" }]`,
  },
  'middleware/pattern': {
    severity: 'error',
    title: 'a path pattern cannot be read',
    meaning: 'Patterns are paths; `{name}` or `*` stands for one segment, `{*name}` for the rest and only at the end.',
    why: 'A pattern that never matches allows nothing, and denies nothing either.',
    wrong: `[middleware.paths]
type = "path_filter"
options.rules = ["/Patient/{*rest}/history"]`,
    right: `[middleware.paths]
type = "path_filter"
options.rules = ["/Patient/{*rest}"]`,
  },
  'middleware/plain-jwks': {
    severity: 'error',
    title: 'keys would be fetched without TLS',
    meaning:
      'The key set that tokens are checked with has an http URL of another machine: the gateway does not fetch it.',
    why: 'Whoever is on the way can put in a key of their own, and then sign tokens.',
    wrong: `[middleware.users]
type = "jwt_auth"
options.jwks_uri = "http://login.test/keys"`,
    right: `[middleware.users]
type = "jwt_auth"
options.jwks_uri = "https://login.test/keys"`,
  },
  'middleware/mesh-key': {
    severity: 'error',
    title: 'a mesh_auth has no key for its direction',
    meaning:
      'Checking tokens (direction "ingress") needs the secret or the public key, signing them ("egress") the secret or ' +
      'the private key: of the mesh, or of the middleware itself.',
    why: 'It would refuse every request.',
    wrong: `[middleware.member]
type = "mesh_auth"

[mesh.prod]
type = "http"
provider = "local"
jwt_private_key_path = "keys/mesh.key"`,
    right: `[middleware.member]
type = "mesh_auth"

[mesh.prod]
type = "http"
provider = "local"
jwt_public_key_path = "keys/mesh.pub"`,
  },
} as const satisfies Pages
