// A running gateway: one engine, its sockets, and the generation that decides. A reload makes the next generation
// beside it and swaps them in one turn of the event loop; a configuration that is refused changes nothing.
import { startEngine } from '../../quic/index.ts'
import type { Engine, EngineEvent, ExchangeRecord } from '../../quic/index.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/model.ts'
import type { Finding } from '../finding/finding.ts'
import type { Log } from '../log/log.ts'
import { describeChange } from './change.ts'
import { BindError, Listeners } from './listeners.ts'
import type { Listening } from './listeners.ts'
