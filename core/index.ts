// The face of core/: what a program that runs gateways may use. cli/ uses nothing else.
export { loadConfig } from './config/load.ts'
export type { Loaded } from './config/load.ts'
export type { Config, LogLevel } from './config/model.ts'
export type { Finding } from './finding/finding.ts'
export {
  explainPage,
  isFindingCode,
  renderFinding,
  renderFindings,
  report,
  strict,
  summaryLine,
} from './finding/render.ts'
export type { Paint, Style } from './finding/render.ts'
export { findings } from './finding/table.ts'
export { closest } from './finding/typo.ts'
export { startGateway } from './gateway/gateway.ts'
export type { Gateway, GatewayOptions, Start } from './gateway/gateway.ts'
export { createLog } from './log/pino.ts'
export type { LogOptions, LogSettings, OpenLog } from './log/pino.ts'
