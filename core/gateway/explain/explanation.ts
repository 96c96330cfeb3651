// What an explanation says: names of the configuration and what was decided. `at` is where a thing is defined
// (`pipelines/a.toml:8:1`). No value of a header, no query and no token is in it.
import type { RuleType } from '../../pipeline/rule/rule.ts'

export type Named = { readonly name: string; readonly at: string }

export type Explanation = {
  readonly request: RequestFacts
  readonly network: NetworkFacts
  /** The other networks. */
  readonly networks: readonly (Named & { readonly listens: readonly string[]; readonly why: string })[]
  readonly path: PathFacts
  /** None: refused, or redirected, before it was looked for, or not found. */
  readonly route: RouteFacts | null
  readonly rejected: readonly RejectedFacts[]
  /** How many more there are, less like the request than those. */
  readonly rejected_more: number
  readonly mesh: MeshFacts | null
  readonly middleware: readonly StepFacts[]
  readonly backend: BackendFacts | null
  readonly egress: EgressFacts | null
  readonly egresses: readonly (Named & { readonly why: string })[]
  readonly upstream: UpstreamFacts | null
  readonly signed: SignedFacts | null
  readonly outcome: OutcomeFacts
  /** What had to be assumed. */
  readonly notes: readonly string[]
}

export type RequestFacts = {
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  readonly path: string
  /** Whether it has one. */
  readonly query: boolean
  /** The names of its fields. */
  readonly headers: readonly string[]
  readonly client: string
}

export type NetworkFacts = Named & {
  /** The listener that it comes in on. */
  readonly listener: string
  readonly protocol: 'h1' | 'h2' | 'h3'
  readonly tls: boolean
  readonly why: string
}

export type PathFacts = {
  /** The one spelling that routes are found by; none when the target is refused. */
  readonly read: string | null
  /** What servers that read it more leniently may make of it. */
  readonly readings: readonly string[]
  /** Why the target is refused: a word, and a sentence. */
  readonly problem: string | null
  readonly reason: string | null
}

export type RouteFacts = {
  readonly pipeline: Named
  /** None: reached by the endpoint's own path. */
  readonly ingress: (Named & { readonly url: string; readonly mode: string }) | null
  readonly endpoint: Named & { readonly service: string }
  readonly prefix: string
  /** What follows the prefix. */
  readonly rest: string
  /** The methods that the endpoint takes, when the request's is none of them. */
  readonly allow: string | null
}

export type RejectedFacts = Named & {
  readonly kind: 'ingress' | 'endpoint'
  /** A URL, or a path; none: the endpoint has no path of its own. */
  readonly matches: string | null
  readonly pipeline: string
  readonly why: string
}

export type MeshFacts = {
  /** `mesh`: nobody passes without a valid token. `open`: no mesh is asked. */
  readonly asks: 'mesh' | 'default' | 'open'
  readonly why: string
  readonly at: string
  readonly outcome: 'accepted' | 'refused' | 'without context'
  /** Why there is no context, where a token was asked for. */
  readonly code: string | null
  readonly reason: string | null
  readonly doors: readonly DoorFacts[]
  readonly context: ContextFacts | null
}

/** What one mesh says of the token. */
export type DoorFacts = {
  readonly mesh: string
  readonly at: string
  readonly code: string | null
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[]
}

export type ContextFacts = {
  readonly mesh: string
  readonly mesh_id: string
  readonly sub: string
  readonly ingress: string | null
}

export type StepFacts = Named & {
  readonly side: 'left' | 'right'
  readonly type: string
  readonly result: 'passes' | 'refuses' | 'unknown' | 'nothing to do' | 'not reached' | 'on the response'
  readonly status: number | null
  readonly code: string | null
  readonly detail: string | null
  /** Of `policies`: those that speak of the request; those that deny first, because one is enough. */
  readonly rules: readonly RuleFacts[]
  /** How many more of those there are. */
  readonly rules_more: number
  /** How many rules say nothing of the request. */
  readonly silent: number
}

export type RuleFacts = {
  readonly policy: string
  readonly rule: string
  readonly type: RuleType
  readonly at: string
  readonly says: 'allows' | 'denies' | 'is not counted'
}

export type BackendFacts = Named & { readonly service: string; readonly why: string }

export type EgressFacts = Named & { readonly mode: string; readonly type: string; readonly why: string }

export type UpstreamFacts = {
  readonly origin: string
  /** In order of preference. */
  readonly protocols: readonly string[]
  /** Whether the second is tried where the first cannot connect; none with HTTP/3 out of play. */
  readonly fallback: boolean | null
  readonly method: string
  readonly authority: string
  /** Without the query, which follows as it came. */
  readonly target: string
  readonly at: string
}

export type SignedFacts = {
  readonly mesh: string
  readonly at: string
  readonly alg: string
  readonly kid: string
  readonly claims: Readonly<Record<string, unknown>>
}

export type OutcomeFacts = {
  readonly result: 'forwarded' | 'answered' | 'redirected' | 'refused'
  /** None: the upstream's. */
  readonly status: number | null
  readonly code: string | null
  readonly detail: string
  /** Of what decided; none: no table of the configuration did. */
  readonly at: string | null
  /** False: something that only a running gateway knows may change it; the notes say what. */
  readonly certain: boolean
}
