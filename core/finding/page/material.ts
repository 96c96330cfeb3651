// Findings about key material: files that hold certificates and keys, and secrets.
import type { Pages } from './page.ts'

const why =
  'A gateway that starts without its keys fails at the first request that needs them, or serves what it should not. ' +
  'Key material is therefore read and checked before anything is bound.'

export const material = {
  'material/missing': {
    severity: 'error',
    title: 'a file of key material does not exist',
    meaning:
      'A setting names a certificate or a key, and there is no such file. Relative paths start at the directory in ' +
      'which the gateway is started, not at config.toml.',
    why,
    wrong: `[network.public.tcp_config]
cert_path = "certs/no-such-file.pem"
key_path = "certs/server.key"`,
    right: `[network.public.tcp_config]
cert_path = "certs/server.pem"
key_path = "certs/server.key"`,
  },
  'material/unreadable': {
    severity: 'error',
    title: 'a file of key material cannot be read',
    meaning:
      'The path leads to a directory, to something that is not a regular file, or to a file that this user may not read.',
    why,
    wrong: `[network.public.tcp_config]
cert_path = "certs"
key_path = "certs/server.key"`,
    right: `[network.public.tcp_config]
cert_path = "certs/server.pem"
key_path = "certs/server.key"`,
  },
  'material/too-large': {
    severity: 'error',
    title: 'a file of key material is larger than 1 MiB',
    meaning: 'Certificates and keys take a few kilobytes. A file of this size is something else.',
    why: 'Reading is bounded, so that a wrong path cannot fill the memory of the gateway.',
    wrong: `[network.public.tcp_config]
cert_path = "certs/large.pem"
key_path = "certs/server.key"`,
    right: `[network.public.tcp_config]
cert_path = "certs/server.pem"
key_path = "certs/server.key"`,
  },
  'material/kind': {
    severity: 'error',
    title: 'a file does not hold the kind of key or certificate that belongs there',
    meaning:
      'The file is not PEM, or holds another kind of material: a key where a certificate belongs, a private key where ' +
      'a public one belongs, an elliptic curve key where RS256 needs RSA, a curve that TLS here does not know.',
    why: 'A private key in a place for public ones is about to be handed out. The other mistakes end in failed handshakes.',
    wrong: `[mesh.prod]
type = "http"
provider = "local"
jwt_public_key_path = "keys/mesh.key"`,
    right: `[mesh.prod]
type = "http"
provider = "local"
jwt_public_key_path = "keys/mesh.pub"`,
  },
  'material/encrypted': {
    severity: 'error',
    title: 'a private key is encrypted',
    meaning: 'The gateway starts without anybody to type a passphrase, so encrypted keys are not supported.',
    why,
    wrong: `[network.public.tcp_config]
cert_path = "certs/server.pem"
key_path = "certs/encrypted.key"`,
    right: `[network.public.tcp_config]
cert_path = "certs/server.pem"
key_path = "certs/server.key"`,
  },
  'material/size': {
    severity: 'error',
    title: 'an RSA key is too small or too large',
    meaning: 'RSA keys must have at least 2048 bits; those of TLS at most 4096, those of meshes at most 8192.',
    why: 'Small keys can be broken. Very large ones make each handshake or signature so slow that it can be used against the gateway.',
    wrong: `[mesh.prod]
type = "http"
provider = "local"
jwt_private_key_path = "keys/small.key"`,
    right: `[mesh.prod]
type = "http"
provider = "local"
jwt_private_key_path = "keys/mesh.key"`,
  },
  'material/secret-short': {
    severity: 'warning',
    title: 'a secret is shorter than 32 bytes',
    meaning: 'HS256 is as strong as its secret. RFC 7518 asks for at least as many bits as the hash has: 256.',
    why: 'Anyone who sees one token can try secrets against it, without asking the gateway.',
    wrong: `[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "too-short"`,
    right: `[mesh.prod]
type = "http"
provider = "local"
jwt_secret = "a-secret-of-at-least-thirty-two-bytes"`,
  },
} as const satisfies Pages
