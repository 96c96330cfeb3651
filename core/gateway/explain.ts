// Which decision the gateway would take for a request, and why, without sending it (`harmony explain`). The decision
// is taken by the code that takes it for real requests (explain/rehearsal.ts); beside it stands what it was taken
// from.
import type { Config } from '../config/model.ts'
import { closest } from '../finding/typo.ts'
import { candidates } from '../route/candidates.ts'
import { hostOf } from '../route/host.ts'
import { splitTarget } from '../route/path.ts'
import { arrivalFacts } from './explain/arrival.ts'
import type { Scene } from './explain/arrival.ts'
import { readAsked } from './explain/asked.ts'
import type { Asked, Problem, Request } from './explain/asked.ts'
import type { Explanation, RouteFacts } from './explain/explanation.ts'
import { UnsentHead } from './explain/head.ts'
import { meshFacts } from './explain/mesh.ts'
import { engineRefusal } from './explain/limit.ts'
import { fits } from './explain/network.ts'
import type { Listener } from './explain/network.ts'
import { outcomeFacts, refusedByEngine } from './explain/outcome.ts'
import { Rehearsal } from './explain/rehearsal.ts'
import type { Rehearsed } from './explain/rehearsal.ts'
import { stepFacts } from './explain/steps.ts'
import { linesOf } from './explain/text.ts'
import { wayFacts } from './explain/way.ts'
import type { Where } from './explain/where.ts'

export type { Request as ExplainRequest } from './explain/asked.ts'
export type { Explanation } from './explain/explanation.ts'

export type Explained =
  | { readonly ok: true; readonly json: Explanation; readonly lines: readonly string[] }
  | ({ readonly ok: false } & Problem)

/** Rejected routes that are told one by one. */
const maxRejected = 50

/**
 * Explains a request. Nothing is sent, counted or logged, and nobody is asked; content is taken to be empty where
 * something reads it.
 *
 * @param where writes out a place, such as `pipelines/a.toml:8:1`; the file alone when it is left out
 */
export async function explainRequest(
  config: Config,
  request: Request,
  where: Where = ({ file }) => file,
): Promise<Explained> {
  const asked = readAsked(request)
  if ('problem' in asked) return { ok: false, ...asked.problem }
  const rehearsal = new Rehearsal(config, request.now)
  const ranked = fits(rehearsal.generation, asked)
  const fit = request.network === undefined ? ranked[0] : ranked.find(({ network }) => network.name === request.network)
  if (fit === undefined) return { ok: false, ...noNetwork(config, request.network) }
  const { listener } = fit
  const network = rehearsal.generation.network(fit.network.name)
  if (listener === undefined || network === undefined) {
    const message = `network ${JSON.stringify(fit.network.name)} listens nowhere: no request comes in on it`
    return { ok: false, code: 'network/no-listener', message, help: undefined }
  }
  const head = headOf(asked, listener)
  const scene = { rehearsal, asked, fit, listener, network, head, ranked, where }
  const early = engineRefusal(head, network.network.limits)
  const json =
    early === undefined
      ? await decided(scene)
      : { ...arrivalFacts(scene), outcome: refusedByEngine(early, where(fit.network.place)) }
  return { ok: true, json, lines: linesOf(json) }
}

async function decided(scene: Scene): Promise<Explanation> {
  const { rehearsal, network, head, where } = scene
  const { generation } = rehearsal
  const seen = await rehearsal.decide(network, head)
  const { url, rejected, more } = compared(scene, seen.found)
  const chosen = seen.found !== undefined && 'route' in seen.found ? seen.found : undefined
  const base = arrivalFacts(scene)
  const { notes, ...way } = wayFacts(rehearsal, seen, where)
  const facts = {
    ...base,
    ...way,
    rejected,
    rejected_more: more,
    notes: [...base.notes, ...notes, ...notesOf(seen)],
    ...(chosen !== undefined && {
      route: routeFacts(chosen, url, where),
      mesh: await meshFacts(generation, chosen.route, head.headerAll('authorization'), where),
      middleware: stepFacts(rehearsal, seen, chosen.route.pipeline, where),
    }),
  }
  return { ...facts, outcome: outcomeFacts(seen, { ...facts, limits: where(generation.config.proxy.place) }) }
}

function headOf(asked: Asked, listener: Listener): UnsentHead {
  const { method, authority, target, headers, client } = asked
  return new UnsentHead({
    method,
    authority,
    target,
    headers,
    scheme: listener.tls ? 'https' : 'http',
    tls: listener.tls,
    version: listener.version,
    localPort: listener.port,
    remoteAddress: client,
  })
}

type Compared = Pick<Explanation, 'rejected'> & { readonly url: string | undefined; readonly more: number }

/** The routes that the request does not take. */
function compared({ rehearsal, network, head, where }: Scene, found: Rehearsed['found']): Compared {
  const target = splitTarget(head.target)
  const host = hostOf(head.authority)
  if (found === undefined || typeof target === 'string' || host === undefined) {
    return { url: undefined, rejected: [], more: 0 }
  }
  const port = host.port ?? head.localPort
  const wanted = { network: network.network, host: host.host, port, target, method: head.method, found }
  const { url, rejected, more } = candidates(rehearsal.generation.config, wanted, maxRejected)
  return {
    url: url?.text,
    rejected: rejected.map(({ kind, name, matches, pipeline, place, why }) => {
      return { kind, name, at: where(place), matches: matches ?? null, pipeline, why }
    }),
    more,
  }
}

type Chosen = Extract<Rehearsed['found'], { readonly route: unknown }>

function routeFacts(chosen: Chosen, url: string | undefined, where: Where): RouteFacts {
  const { pipeline, endpoint, ingress, prefix } = chosen.route
  return {
    pipeline: { name: pipeline.name, at: where(pipeline.place) },
    ingress:
      ingress === undefined
        ? null
        : { name: ingress.name, at: where(ingress.place), url: url ?? prefix, mode: ingress.mode },
    endpoint: { name: endpoint.name, at: where(endpoint.place), service: endpoint.service },
    prefix,
    rest: chosen.rest,
    allow: chosen.kind === 'method' ? chosen.allow : null,
  }
}

/** What the decision was taken without. */
function notesOf({ gathers, steps, reloads }: Rehearsed): string[] {
  const notes: string[] = []
  if (gathers !== undefined) {
    notes.push(`up to ${gathers} bytes of content are gathered first: explained as if it were empty`)
  }
  if (steps.some(({ rules }) => rules.some(({ says }) => says === 'is not counted'))) {
    notes.push('rate limits are not counted here: who is over one is refused')
  }
  if (reloads) notes.push('it makes the gateway load its configuration, which is not done here')
  return notes
}

function noNetwork({ networks }: Config, name: string | undefined): Problem {
  if (name === undefined) {
    return { code: 'network/none', message: 'the configuration has no network', help: undefined }
  }
  const guess = closest(name, networks.keys())
  const names = [...networks.keys()].slice(0, 10).map((one) => JSON.stringify(one))
  const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`
  const help = guess === undefined ? known : `did you mean ${JSON.stringify(guess)}?`
  return { code: 'network/unknown', message: `the configuration has no network ${JSON.stringify(name)}`, help }
}
