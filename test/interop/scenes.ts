// Who stands where: clients before the front, origins behind it.
import {
  aioquic,
  authority,
  curl,
  goquic,
  needsPeers,
  nghttp,
  startAioquicOrigin,
  startCaddyOrigin,
  startGoOrigin,
  startNginxOrigin,
} from '../peers/index.ts'
import type { Authority, Client, Issued, Origin, PeerName, Version } from '../peers/index.ts'
import type { Scene } from './cases.ts'
import { startFront } from './front.ts'
import type { Front, FrontName } from './front.ts'

/** One row of the table. */
export type Row = {
  name: string
  client: Client
  http: Version
  /** Over TLS; HTTP/1.1 and HTTP/2 may come without. */
  secure: boolean
  origin: OriginName
  originHttp: Version
}

type OriginName = 'goquic' | 'aioquic' | 'nginx' | 'caddy'

const before = (client: Client, http: Version, secure = true): Row => ({
  name: `${client.name} ${http}${secure ? '' : ' plain'} → goquic h1`,
  client,
  http,
  secure,
  origin: 'goquic',
  originHttp: 'h1',
})

const behind = (origin: OriginName, originHttp: Version): Row => ({
  name: `goquic h2 → ${origin} ${originHttp}`,
  client: goquic,
  http: 'h2',
  secure: true,
  origin,
  originHttp,
})

export const rows: readonly Row[] = [
  before(curl, 'h1', false),
  before(curl, 'h1'),
  before(curl, 'h2', false),
  before(curl, 'h2'),
  before(curl, 'h3'),
  before(nghttp, 'h2'),
  before(goquic, 'h1'),
  before(goquic, 'h2'),
  before(goquic, 'h3'),
  before(aioquic, 'h3'),
  behind('goquic', 'h2'),
  behind('goquic', 'h3'),
  behind('aioquic', 'h3'),
  behind('nginx', 'h1'),
  behind('nginx', 'h2'),
  behind('caddy', 'h1'),
  behind('caddy', 'h2'),
  behind('caddy', 'h3'),
]

const needed: Record<OriginName, PeerName> = { goquic: 'goquic', aioquic: 'aioquic', nginx: 'nginx', caddy: 'caddy' }

const starters: Record<OriginName, (identity: Issued) => Promise<Origin>> = {
  goquic: startGoOrigin,
  aioquic: startAioquicOrigin,
  nginx: startNginxOrigin,
  caddy: async (identity) => startCaddyOrigin('caddy', identity),
}

/** Why no case of the row can run on this machine. */
export function missing(row: Row): string | undefined {
  return row.client.missing(row.http) ?? needsPeers(needed[row.origin], 'openssl')
}

export type Stage = {
  ca: Authority
  identity: Issued
  /** The scene of a row; origins and fronts are started once and shared. */
  scene(row: Row): Promise<Scene>
  front(origin: OriginName, http: Version): Promise<{ front: Front; origin: Origin }>
  close(): Promise<void>
}

export function openStage(name: FrontName): Stage {
  const ca = authority()
  const identity = ca.issue('localhost')
  const started = new Map<string, Promise<{ front: Front; origin: Origin }>>()
  const begin = async (origin: OriginName, http: Version): Promise<{ front: Front; origin: Origin }> => {
    const behind = await starters[origin](identity)
    return { front: await startFront(name, behind, http, ca, identity), origin: behind }
  }
  const front: Stage['front'] = async (origin, http) => {
    const key = `${origin} ${http}`
    const known = started.get(key) ?? begin(origin, http)
    started.set(key, known)
    return known
  }
  return {
    ca,
    identity,
    front,
    async scene(row) {
      const { front: before, origin } = await front(row.origin, row.originHttp)
      return {
        client: row.client,
        http: row.http,
        base: row.secure ? `https://localhost:${before.secure}` : `http://localhost:${before.plain}`,
        ca: ca.ca,
        origin,
        originHttp: row.originHttp,
      }
    },
    async close() {
      for (const one of started.values()) {
        const { front, origin } = await one.catch(() => ({ front: undefined, origin: undefined }))
        await front?.stop()
        await origin?.stop()
      }
    },
  }
}
