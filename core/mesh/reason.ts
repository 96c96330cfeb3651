// Why a mesh token is not accepted: one table of codes. They stand in the log and in the answer of `harmony token`;
// a client reads none of them, and none of them holds anything of the token.
const table = {
  'token/absent': 'the request carries no bearer token',
  'token/several': 'the request carries more than one Authorization field',
  'token/malformed': 'the token is no JWT in compact form',
  'token/too-long': 'the token is longer than any mesh token',
  'token/alg': 'the algorithm is not the one of the mesh',
  'token/typ': 'the token is of another type than JWT',
  'token/crit': 'the token asks for extensions that a mesh token does not have',
  'token/issuer': 'the token is of another mesh',
  'token/mesh-id': 'the token has the id of another mesh',
  'token/signature': 'no key of the mesh has made this signature',
  'token/expired': 'the token has expired, or does not say when it does',
  'token/not-before': 'the token is not valid yet',
  'token/issued-at': 'the token was issued in the future',
  'token/lifetime': 'the token is valid for longer than a mesh token may be',
  'token/subject': 'the token does not say whose it is',
  'token/audience': 'the token is for another destination',
  'token/provider': 'tokens of this provider cannot be verified by this version',
  'token/no-mesh': 'no enabled mesh lists this ingress',
} as const satisfies Record<string, string>

export type TokenCode = keyof typeof table

/** A sentence for each, for the log. */
export const reasons: Readonly<Record<TokenCode, string>> = table
