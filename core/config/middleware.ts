// What requests and responses pass, as the rest of the gateway sees it: middleware, policies and rules. A part of the
// configuration of model.ts.
import type { KeyObject } from 'node:crypto'
import type { Place } from '../finding/finding.ts'
import type { Secret } from '../secret.ts'
import type { Mesh, MeshKey, UrlPattern } from './model.ts'

export type Middleware = { readonly name: string; readonly place: Place } & (
  | ({ readonly type: 'jwt_auth' } & JwtAuth)
  | { readonly type: 'basic_auth'; readonly username: string; readonly password: Secret }
  | { readonly type: 'policies'; readonly policies: readonly Policy[] }
  | { readonly type: 'path_filter'; readonly rules: readonly PathRule[] }
  | ({ readonly type: 'mesh_auth' } & MeshAuth)
  | ({ readonly type: 'log_dump' } & LogDump)
  | { readonly type: 'passthru' }
  | { readonly type: 'json_extractor' }
)

export type MiddlewareType = Middleware['type']

export type JwtAuth = {
  /** RS256 with one PEM key, HS256 with one secret, or keys of a JWKS by `kid`. */
  readonly keys:
    | { readonly kind: 'public'; readonly key: KeyObject }
    | { readonly kind: 'secret'; readonly key: KeyObject }
    | { readonly kind: 'jwks'; readonly url: string; readonly cacheHours: number }
  readonly algorithms: readonly string[]
  readonly issuer: string | undefined
  readonly trustedIssuers: readonly string[] | undefined
  readonly audience: string | undefined
  readonly requiredClaims: readonly string[]
  readonly leewaySecs: number
  readonly validateExpiry: boolean
}

/** An explicit mesh check or signature (7.6). */
export type MeshAuth = {
  readonly mesh: Mesh
  readonly direction: 'ingress' | 'egress'
  /** False: a request without a valid token goes on without context. */
  readonly required: boolean
  /** In place of the mesh's own, where the instance gives them. */
  readonly meshId: string
  readonly algorithm: 'HS256' | 'RS256'
  readonly signing: MeshKey | undefined
  readonly verification: readonly MeshKey[]
  readonly destination: UrlPattern | undefined
}

export type LogDump = {
  readonly sides: { readonly left: boolean; readonly right: boolean }
  readonly pretty: boolean
  readonly maxBytes: number
  readonly redactHeaders: readonly string[]
  readonly redactMetadata: readonly string[]
  readonly redactDataFields: readonly string[]
  readonly label: string | undefined
}

export type PathRule = { readonly effect: 'allow' | 'deny'; readonly pattern: string }

export type Policy = {
  readonly id: string
  readonly name: string | undefined
  readonly enabled: boolean
  /** As written; evaluated by weight, highest first. */
  readonly rules: readonly Rule[]
  readonly place: Place
}

export type RuleMode = 'allow' | 'deny'

export type Rule = {
  readonly id: string
  readonly name: string | undefined
  readonly weight: number
  readonly enabled: boolean
  readonly place: Place
} & (
  | { readonly type: 'allow_all' }
  | { readonly type: 'deny_all' }
  | { readonly type: 'ip_allow' | 'ip_deny'; readonly addresses: readonly string[] }
  | { readonly type: 'rate_limit'; readonly maxRequests: number; readonly windowSeconds: number }
  | { readonly type: 'path'; readonly paths: readonly string[]; readonly mode: RuleMode }
  | { readonly type: 'geo'; readonly countryCodes: readonly string[]; readonly mode: RuleMode }
  | { readonly type: 'header'; readonly headers: readonly ValueMatch[]; readonly mode: RuleMode }
  | ({ readonly type: 'time_based' } & TimeWindow)
  | { readonly type: 'method'; readonly methods: readonly string[]; readonly mode: RuleMode }
  | { readonly type: 'user_agent'; readonly patterns: readonly string[]; readonly mode: RuleMode }
  | { readonly type: 'content_type'; readonly contentTypes: readonly string[]; readonly mode: RuleMode }
  | { readonly type: 'query_parameter'; readonly parameters: readonly ValueMatch[]; readonly mode: RuleMode }
)

export type ValueMatch = {
  readonly name: string
  readonly match: 'exists' | 'exact' | 'contains' | 'regex'
  readonly value: string
}

export type TimeWindow = {
  readonly allowDuringWindow: boolean
  /** IANA. */
  readonly timezone: string
  /** Minutes since midnight. */
  readonly startMinute: number | undefined
  readonly endMinute: number | undefined
  /** 0 is Sunday. */
  readonly days: readonly number[] | undefined
  /** YYYY-MM-DD, inclusive. */
  readonly startDate: string | undefined
  readonly endDate: string | undefined
}
