// Findings about meshes.
import type { Pages } from './page.ts'

const ingress = `[pipelines.web.mesh.ingress.api]
type = "http"
urls = ["https://gw.test/api"]
mode = "mesh"`

const egress = `[pipelines.web.mesh.egress.out]
type = "http"`

const secret = 'jwt_secret = "a-secret-of-at-least-thirty-two-bytes"'

const mesh = `[mesh.prod]
type = "http"
provider = "local"`

export const meshes = {
  'mesh/no-key': {
    severity: 'error',
    title: 'a local mesh has no key',
    meaning:
      'A mesh of the local provider needs jwt_secret, or RSA keys: jwt_private_key_path to sign, jwt_public_key_path to verify.',
    why: 'Tokens can be neither made nor checked.',
    wrong: mesh,
    right: `${mesh}
${secret}`,
  },
  'mesh/no-signing-key': {
    severity: 'error',
    title: 'a mesh has an egress and no key to sign with',
    meaning:
      'What leaves through an egress of a mesh is signed: with jwt_secret, or with the key in jwt_private_key_path.',
    why: 'Requests through the egress would be refused, here or on the other side.',
    wrong: `${egress}

${mesh}
jwt_public_key_path = "keys/mesh.pub"
egress = ["out"]`,
    right: `${egress}

${mesh}
jwt_private_key_path = "keys/mesh.key"
egress = ["out"]`,
  },
  'mesh/no-verification-key': {
    severity: 'error',
    title: 'a mesh has an ingress and no key to check tokens with',
    meaning: 'Tokens that arrive are checked with jwt_secret, or with the key in jwt_public_key_path.',
    why: 'Every token would be refused.',
    wrong: `${ingress}

${mesh}
jwt_private_key_path = "keys/mesh.key"
ingress = ["api"]`,
    right: `${ingress}

${mesh}
jwt_public_key_path = "keys/mesh.pub"
ingress = ["api"]`,
  },
  'mesh/unused-key': {
    severity: 'warning',
    title: 'a mesh has RSA keys and a secret',
    meaning: 'The algorithm of a mesh is one: with an RSA key it is RS256, and the secret is not used.',
    why: 'Partners that sign with the secret are refused, and a secret that nobody needs can still leak.',
    wrong: `${mesh}
jwt_private_key_path = "keys/mesh.key"
${secret}`,
    right: `${mesh}
jwt_private_key_path = "keys/mesh.key"`,
  },
  'mesh/ambiguous-egress': {
    severity: 'error',
    title: 'it is not clear for which mesh an egress signs',
    meaning:
      'Several enabled meshes list the egress. The one with the longest matching destination signs, else the only one ' +
      'without listed destinations. Here two are equally good.',
    why: 'A token of the wrong mesh is refused by the other side, or accepted by a partner that should not see the request.',
    wrong: `${egress}

${mesh}
${secret}
egress = ["out"]

[mesh.test]
type = "http"
provider = "local"
${secret}
egress = ["out"]`,
    right: `${egress}

[remote_ingress.partner]
urls = ["http://127.0.0.1:9000"]

${mesh}
${secret}
ingress = ["partner"]
egress = ["out"]

[mesh.test]
type = "http"
provider = "local"
${secret}
egress = ["out"]`,
  },
  'mesh/destination': {
    severity: 'warning',
    title: 'an egress leads to none of the destinations of its mesh',
    meaning:
      'The mesh lists destinations, and those are the permitted ones. The backend of the egress has another scheme, ' +
      'host, port or path, so what leaves there gets no token.',
    why: 'The other side refuses requests without a token.',
    wrong: `${egress}

[remote_ingress.partner]
urls = ["https://partner.test/api"]

${mesh}
${secret}
ingress = ["partner"]
egress = ["out"]`,
    right: `${egress}

[backends.app]
service = "http"
options.base_url = "https://partner.test/api"

[remote_ingress.partner]
urls = ["https://partner.test/api"]

${mesh}
${secret}
ingress = ["partner"]
egress = ["out"]`,
  },
  'mesh/duplicate-member': {
    severity: 'warning',
    title: 'a mesh lists a member twice',
    meaning: 'The same ingress or egress stands in the list more than once.',
    why: 'It does no harm; often another name was meant.',
    wrong: `${ingress}

${mesh}
${secret}
ingress = ["api", "local.name.api"]`,
    right: `${ingress}

${mesh}
${secret}
ingress = ["api"]`,
  },
  'mesh/no-id': {
    severity: 'warning',
    title: 'a mesh of a remote provider has no id',
    meaning: 'The provider knows its meshes by id. Without one, the name of the table is sent instead.',
    why: 'The provider will most likely not know the mesh, and gives no tokens for it.',
    wrong: `[provider.runbeam]
api = "https://api.runbeam.test"

[mesh.prod]
type = "http"
provider = "runbeam"`,
    right: `[provider.runbeam]
api = "https://api.runbeam.test"

[mesh.prod]
id = "01jxz3kq5v"
type = "http"
provider = "runbeam"`,
  },
} as const satisfies Pages
