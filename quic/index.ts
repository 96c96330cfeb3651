// The transport library: HTTP/1.1, HTTP/2 and HTTP/3, as server and client, steered by a policy.
export { startEngine } from './engine.ts'
export { TransportError, errorCodes } from './errors.ts'
export type * from './decision.ts'
export type { Engine, EngineLimits, EngineOptions, EngineStats, Stopped } from './engine.ts'
export type { ErrorCode, ErrorEntry, ErrorTable, Failure, Fault, SetupCode } from './errors.ts'
export type { EngineEvent, Stage } from './event.ts'
export type { Field, HeaderInit, Protocol, RequestHead, ResponseHead, Version } from './head.ts'
export type {
  ClientCertificates,
  Drained,
  Identity,
  ListenOptions,
  Listener,
  ListenerLimits,
  QuicOptions,
  ServerTls,
  TcpOptions,
} from './listener.ts'
export type { ExchangeRecord } from './record.ts'
export type {
  PoolOptions,
  Upstream,
  UpstreamLimits,
  UpstreamOptions,
  UpstreamTimeouts,
  UpstreamTls,
} from './upstream.ts'
