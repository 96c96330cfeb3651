// The gateway as a library: what the command line can do, a program that embeds core/ can do, through this door.
import type { explainRequest as explain } from './gateway/explain.ts'
import type { GatewayOptions, Start } from './gateway/gateway.ts'
export { configJsonSchema } from './config/jsonschema.ts'
export { loadConfig } from './config/load.ts'
export type { Loaded } from './config/load.ts'
export type { Config, LogLevel } from './config/model.ts'
export type { Finding } from './finding/finding.ts'
export { explainPage, isFindingCode, renderFinding, renderFindings, report, strict } from './finding/render.ts'
export type { Paint, Style } from './finding/render.ts'
export { findings } from './finding/table.ts'
export { closest } from './finding/typo.ts'
export type { Explained, ExplainRequest, Explanation } from './gateway/explain.ts'
export type { Gateway } from './gateway/gateway.ts'
export { createLog } from './log/pino.ts'
export type { OpenLog } from './log/pino.ts'
export { mintFor, verifyFor } from './mesh/token.ts'
export { resolveLocal } from './reference/local.ts'

/**
 * Loads the configuration and serves it; with an error finding nothing is bound. Throws `BindError` when an address
 * cannot be bound, `TransportError` when the engine cannot start.
 */
// loaded when it is asked for: a check needs neither the engine nor what serves
export async function startGateway(options: GatewayOptions): Promise<Start> {
  const gateway = await import('./gateway/gateway.ts')
  return gateway.startGateway(options)
}

/** Which decision the gateway would take for a request, and why; nothing is sent. */
export async function explainRequest(...asked: Parameters<typeof explain>): ReturnType<typeof explain> {
  const gateway = await import('./gateway/explain.ts')
  return gateway.explainRequest(...asked)
}
