// What the management service shows: the gateway implements it (spec 6.10). Names are those of the JSON.
import type { Finding } from '../../finding/finding.ts'

export type ManagementFacts = {
  info(): Info
  pipelines(): readonly PipelineFacts[]
  routes(): readonly RouteFacts[]
  health(): Health
  /** Built field by field out of what is no secret. */
  status(): StatusFacts
  /** Prometheus text. */
  metrics(): Promise<string>
  /** Loads the configuration again; never rejects for a configuration that is invalid. */
  reload(): Promise<Reloaded>
}

export type Info = {
  readonly version: string
  /** Seconds since the start. */
  readonly uptime: number
  readonly os: string
  readonly arch: string
  readonly proxy_id: string
  /** RFC 3339. */
  readonly started_at: string
}

export type PipelineFacts = {
  readonly id: string
  readonly description: string | null
  readonly networks: readonly string[]
  readonly endpoints: readonly string[]
  readonly backends: readonly string[]
  /** All of them; as they run on requests and on responses below. */
  readonly middleware: readonly string[]
  readonly middleware_left: readonly string[]
  readonly middleware_right: readonly string[]
}

export type RouteFacts = {
  /** A path, or the URL of an ingress; `{*path}` is what follows. */
  readonly path: string
  /** `*`: all. */
  readonly methods: readonly string[]
  readonly description: string | null
  readonly endpoint_name: string
  readonly service_type: string
  readonly pipeline: string
  /** None: the endpoint's own path. */
  readonly ingress: string | null
}

/** `draining`: it answers what is under way and takes nothing new. */
export type Health = { readonly status: 'ok' | 'draining'; readonly generation: number }

export type Reloaded = {
  readonly ok: boolean
  /** The number of the generation that runs now. */
  readonly generation: number
  /** What changed, in one line; or why nothing did. */
  readonly message: string
  readonly findings: readonly Finding[]
}

export type ReloadFacts = Reloaded & { /** RFC 3339. */ readonly at: string }

/** What is not in the configuration itself. */
export type Running = {
  readonly generation: number
  /** Of the files' content. */
  readonly hash: string
  /** RFC 3339. */
  readonly loadedAt: string
  readonly lastReload: ReloadFacts | undefined
}

export type StatusFacts = Readonly<Record<string, unknown>>

/** A finding as it may be shown to anyone who can reach the page: without its excerpt, a line of the operator's file. */
export function shown({ code, severity, message, file, line, column, endLine, endColumn, path, help }: Finding) {
  return { code, severity, message, file, line, column, endLine, endColumn, path, help }
}
