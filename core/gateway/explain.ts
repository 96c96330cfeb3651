// Which decision the gateway would take for a request, and why, without sending it (`harmony explain`). The decision
// is taken by the code that takes it for real requests (explain/rehearsal.ts); beside it stands what it was taken
// from.
import type { Config } from '../config/model.ts'
import { closest } from '../finding/typo.ts'
import { candidates } from '../route/candidates.ts'
import { hostOf } from '../route/host.ts'
import { readings, splitTarget } from '../route/path.ts'
import { readAsked } from './explain/asked.ts'
import type { Asked, Problem, Request } from './explain/asked.ts'
import type { Explanation, OutcomeFacts, RouteFacts } from './explain/explanation.ts'
import { UnsentHead } from './explain/head.ts'
import { meshFacts } from './explain/mesh.ts'
import { alike, fits } from './explain/network.ts'
import type { Fit, Listener } from './explain/network.ts'
import { Rehearsal } from './explain/rehearsal.ts'
import type { Rehearsed } from './explain/rehearsal.ts'
import { stepFacts } from './explain/steps.ts'
import { linesOf } from './explain/text.ts'
import { wayFacts } from './explain/way.ts'
import type { Where } from './explain/where.ts'
import type { Served } from './generation.ts'

export type { Request as ExplainRequest } from './explain/asked.ts'
export type { Explanation } from './explain/explanation.ts'

export type Explained =
  | { readonly ok: true; readonly json: Explanation; readonly lines: readonly string[] }
  | ({ readonly ok: false } & Problem)

/** Rejected routes that are told one by one. */
const maxRejected = 50

/**
 * Explains a request. Nothing is sent, counted or logged, and nobody is asked; what it says holds for content of any
 * kind.
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
  const seen = await rehearsal.decide(network, head)
  const json = await explanation(rehearsal, { asked, fit, listener, network, head, ranked, seen, where })
  return { ok: true, json, lines: linesOf(json) }
}

type Scene = {
  readonly asked: Asked
  readonly fit: Fit
  readonly listener: Listener
  readonly network: Served
  readonly head: UnsentHead
  readonly ranked: readonly Fit[]
  readonly seen: Rehearsed
  readonly where: Where
}

async function explanation(rehearsal: Rehearsal, scene: Scene): Promise<Explanation> {
  const { asked, fit, listener, network, head, ranked, seen, where } = scene
  const { config } = rehearsal.generation
  const { found } = seen
  const target = splitTarget(head.target)
  const host = hostOf(head.authority)
  const wanted =
    typeof target === 'string' || host === undefined || found === undefined
      ? undefined
      : { network: network.network, host: host.host, port: host.port ?? head.localPort, target, method: head.method }
  const { rejected, more } =
    wanted === undefined || found === undefined
      ? { rejected: [], more: 0 }
      : candidates(config, wanted, found, maxRejected)
  const chosen = found !== undefined && 'route' in found ? found : undefined
  const path = head.target.split('?', 1)[0] ?? ''
  const { notes: wayNotes, ...way } = wayFacts(rehearsal, seen, where)
  return {
    request: {
      method: head.method,
      scheme: asked.scheme,
      authority: head.authority,
      path,
      query: path.length < head.target.length,
      headers: [...new Set(head.headers.map(([name]) => name))],
      client: seen.account?.clientAddress ?? asked.client,
    },
    network: {
      name: fit.network.name,
      at: where(listener.place),
      listener: listener.text,
      protocol: head.protocol,
      tls: head.tls,
      why: fit.why,
    },
    networks: ranked
      .filter((other) => other !== fit)
      .map(({ network: { name, place }, listens, why }) => ({ name, at: where(place), listens, why })),
    path:
      typeof target === 'string'
        ? { read: null, readings: [], problem: target }
        : { read: target.key, readings: readings(target), problem: null },
    route: chosen === undefined ? null : routeFacts(chosen, where),
    rejected: rejected.map(({ kind, name, matches, pipeline, place, why }) => {
      return { kind, name, at: where(place), matches: matches ?? null, pipeline, why }
    }),
    rejected_more: more,
    mesh:
      chosen === undefined
        ? null
        : await meshFacts(rehearsal.generation, chosen.route, head.headerAll('authorization'), where),
    middleware: chosen === undefined ? [] : stepFacts(rehearsal, seen, chosen.route.pipeline, where),
    ...way,
    outcome: outcomeOf(seen),
    notes: [...asked.notes, ...wayNotes, ...notesOf(scene)],
  }
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

type Chosen = Extract<Rehearsed['found'], { readonly route: unknown }>

function routeFacts(chosen: Chosen, where: Where): RouteFacts {
  const { pipeline, endpoint, ingress, prefix } = chosen.route
  return {
    pipeline: { name: pipeline.name, at: where(pipeline.place) },
    ingress: ingress === undefined ? null : { name: ingress.name, at: where(ingress.place), mode: ingress.mode },
    endpoint: { name: endpoint.name, at: where(endpoint.place), service: endpoint.service },
    prefix,
    rest: chosen.rest,
    allow: chosen.kind === 'method' ? chosen.allow : null,
  }
}

function outcomeOf({ decision, account, found, steps, gathers, exchange }: Rehearsed): OutcomeFacts {
  const certain = !steps.some(({ unknown }) => unknown)
  if (decision === undefined) {
    const detail = `more content than the ${gathers} bytes that are gathered`
    return { result: 'refused', status: 413, code: 'body/too-large', detail, certain }
  }
  if (decision.kind === 'forward') {
    const detail = `to ${decision.upstream.origin}`
    return { result: 'forwarded', status: null, code: null, detail, certain }
  }
  const status = decision.kind === 'respond' ? decision.status : null
  if (account?.code !== undefined) {
    return { result: 'refused', status, code: account.code, detail: account.detail ?? '', certain }
  }
  if (found === undefined) {
    return { result: 'redirected', status, code: null, detail: 'to the same target over https', certain }
  }
  const by = exchange?.backend === undefined ? 'the pipeline has no backend' : `by ${exchange.backend.service}`
  return { result: 'answered', status, code: null, detail: by, certain }
}

/** What was assumed, or is not done here. */
function notesOf({ asked, fit, listener, ranked, seen }: Scene): string[] {
  const notes: string[] = []
  const [first, second] = ranked
  if (first === fit && second !== undefined && alike(first, second)) {
    notes.push(`network ${second.network.name} fits as well: --network names the one that is meant`)
  }
  if (listener.tls !== (asked.scheme === 'https')) {
    notes.push(
      listener.tls
        ? 'the listener speaks TLS alone: explained as if the URL were https'
        : 'the listener speaks no TLS: explained as if a proxy in front of it did',
    )
  }
  if (seen.gathers !== undefined) {
    notes.push(`up to ${seen.gathers} bytes of content are gathered first: explained as if it were empty`)
  }
  if (seen.steps.some(({ rules }) => rules.some(({ says }) => says === 'is not counted'))) {
    notes.push('rate limits are not counted here: who is over one is refused')
  }
  if (seen.reloads) notes.push('it makes the gateway load its configuration, which is not done here')
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
