// The whole decision about a request, from its head to the forward, without sockets: the generation of a real
// configuration, over an engine that never contacts anyone.
import { createMeshCheck } from '../core/mesh/explicit.ts'
import { Accounts } from '../core/gateway/account.ts'
import { createFetcher } from '../core/gateway/fetch.ts'
import { Generation } from '../core/gateway/generation.ts'
import type { Lasting } from '../core/gateway/generation.ts'
import { createMetrics } from '../core/gateway/metrics.ts'
import { decide } from '../core/gateway/request.ts'
import { Room } from '../core/gateway/room.ts'
import { Upstreams } from '../core/gateway/upstreams.ts'
import { viewOf } from '../core/gateway/view.ts'
import { loadConfig } from '../core/config/load.ts'
import type { Config } from '../core/config/model.ts'
import type { Log } from '../core/log/log.ts'
import { mintToken, signingOf } from '../core/mesh/mint.ts'
import { createChains } from '../core/pipeline/chain.ts'
import { createRateLimits } from '../core/pipeline/ratelimit.ts'
import type { ManagementFacts } from '../core/pipeline/service/facts.ts'
import { Batch } from '../quic/decode.ts'
import type { Receiver } from '../quic/decode.ts'
import type { Decision, Engine, RequestHead } from '../quic/index.ts'
import { fakeEngine } from '../test/quic/fake.ts'
import { engine as message } from '../test/quic/wire.ts'
import type { HeadParts, Pair } from '../test/quic/wire.ts'
import { endpointPath, hostOfPipeline, ingressPath } from './project.ts'
import type { Project } from './project.ts'

/** A request, and how to decide about it. */
export type Case = {
  readonly what: string
  /** New heads, as if they had just come: what a head remembers of itself is not remembered. */
  readonly heads: (count: number) => readonly RequestHead[]
  readonly decide: (head: RequestHead) => Decision | Promise<Decision>
  /** The exchange is over. */
  readonly end: (head: RequestHead) => void
}

export type Cases = {
  readonly cases: readonly Case[]
  /** How long a reload keeps this thread from deciding, at least. */
  readonly compiledMs: number
  readonly close: () => Promise<void>
}

/** The cases for a configuration of `writeProject`, checked: each is forwarded, and at once. */
export async function casesOf({ file, folder }: Project, pipelines: number): Promise<Cases> {
  const { config } = await loadConfig({ file, env: {}, cwd: folder, now: Date.now() })
  if (config === undefined) throw new Error('the configuration was refused')
  const { engine } = fakeEngine()
  const lasting = await lastingOf(config, engine)
  const started = performance.now()
  const generation = new Generation(1, config, lasting)
  const compiledMs = performance.now() - started
  const network = generation.network('public')
  if (network === undefined) throw new Error('the network is missing')
  const bearer = await tokenOf(config, 'members')
  const teams = await tokenOf(config, 'prod')
  const last = pipelines - 1
  const requests: readonly (readonly [string, Partial<HeadParts>])[] = [
    ['plain: forwarded as it is', { target: '/plain/Patient/12345?_id=1' }],
    [
      'mesh in: token checked, known',
      { authority: 'members.example.org', target: '/fhir/Patient/12345?_id=1', fields: [...usual, bearer] },
    ],
    ['mesh out: token attached, known', { target: `${endpointPath(last, 1)}/Patient/12345?_id=1` }],
    [
      'mesh in and out: both',
      {
        authority: hostOfPipeline(last),
        target: `${ingressPath(last)}/Patient/12345?_id=1`,
        fields: [...usual, teams],
      },
    ],
  ]
  const cases = requests.map(([what, parts]): Case => {
    let id = 0
    return {
      what,
      heads: (count) => {
        const list = Array.from({ length: count }, (_, index) => message.head(id + index + 1, { ...plain, ...parts }))
        id += count
        return headsOf(list)
      },
      decide: (head) => decide(generation, network, head),
      end: (head) => void generation.accounts.take(head.id),
    }
  })
  for (const one of cases) await warmed(one)
  return { cases, compiledMs, close: async () => void (await engine.stop({ graceMs: 0 })) }
}

/** What a client of an API sends. */
const usual: Pair[] = [
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36'],
  ['accept', 'application/fhir+json'],
  ['accept-encoding', 'gzip, deflate, br, zstd'],
  ['accept-language', 'en-US,en;q=0.9,de;q=0.8'],
  ['cache-control', 'no-cache'],
  ['cookie', 'session=0123456789abcdef0123456789abcdef; theme=dark'],
  ['referer', 'https://app.example.org/patients'],
  ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
]

const plain: Partial<HeadParts> = {
  protocol: 20,
  flags: 1,
  scheme: 'https',
  authority: 'gateway.example.org',
  remoteAddress: '192.0.2.17',
  localAddress: '192.0.2.1',
  localPort: 443,
  serverName: 'gateway.example.org',
  fields: usual,
}

/** A token must have been seen once before it is known; every case must come to a forward. */
async function warmed({ what, heads, decide, end }: Case): Promise<void> {
  const [first, second] = heads(2)
  if (first === undefined || second === undefined) throw new Error('no heads')
  const decision = await decide(first)
  if (decision.kind !== 'forward') throw new Error(`${what}: ${JSON.stringify(decision)}`)
  const next = decide(second)
  if (next instanceof Promise) throw new Error(`${what}: the second decision is not at once`)
  end(first)
  end(second)
}

async function tokenOf(config: Config, name: string): Promise<Pair> {
  const mesh = config.meshes.get(name)
  const signing = mesh && signingOf(mesh)
  if (signing === undefined) throw new Error(`mesh ${name} cannot sign`)
  const { token } = await mintToken(signing, 'a partner', undefined, Date.now())
  return ['authorization', `Bearer ${token}`]
}

async function lastingOf(config: Config, engine: Engine): Promise<Lasting> {
  const now = Date.now
  const log = silent
  const metrics = await createMetrics({ version: '0.0.0' })
  const surroundings = {
    now,
    log,
    rateLimits: createRateLimits(),
    fetchJwks: createFetcher(),
    meshCheck: createMeshCheck({ now, view: viewOf, identity: () => config.proxy.identity }),
  }
  return {
    now,
    log,
    accounts: new Accounts(),
    room: new Room(),
    metrics,
    chains: createChains(surroundings),
    upstreams: new Upstreams(engine, () => performance.now()),
    management: unasked,
  }
}

/** Heads as the decoder of the crossing makes them. */
function headsOf(messages: readonly Buffer[]): RequestHead[] {
  const all = Buffer.concat(messages)
  const batch = new Batch(all.length)
  all.copy(batch.bytes)
  batch.fill(all.length)
  const heads: RequestHead[] = []
  const receiver = { head: (head: RequestHead) => heads.push(head) }
  // nothing but heads is in the batch
  while (!batch.empty) batch.next(receiver as unknown as Receiver)
  return heads
}

const silent: Log = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, text) => console.warn(text, fields),
  error: (fields, text) => console.error(text, fields),
  child: () => silent,
}

// no case leads to the management service
const unasked = {} as ManagementFacts
