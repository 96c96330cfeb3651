// An explanation as lines: what, then what was found, then where it is defined.
import type { DoorFacts, Explanation, StepFacts } from './explanation.ts'

type Row = readonly [label: string, text: string, at?: string | undefined]

/** The lines, without newlines. What they quote of the request may hold anything that a URL can. */
export function linesOf(explanation: Explanation): string[] {
  const rows = [
    ...arrival(explanation),
    ...route(explanation),
    ...mesh(explanation),
    ...explanation.middleware.flatMap(step),
    ...way(explanation),
    ...explanation.notes.map((note): Row => ['note', note]),
    outcome(explanation),
  ]
  const width = Math.max(...rows.map(([label]) => label.length))
  return rows.map(([label, text, at]) => `${label.padEnd(width)}  ${text}${at ? `  (${at})` : ''}`)
}

function arrival({ request, network, networks, path }: Explanation): Row[] {
  const { method, scheme, authority, query, headers, client } = request
  const said = [
    `${method} ${scheme}://${authority}${request.path}`,
    query ? 'a query' : '',
    headers.length === 0 ? '' : `fields ${headers.join(', ')}`,
    `from ${client}`,
  ]
  const found =
    path.reason !== null
      ? `refused: ${path.reason}`
      : `read as ${path.read}${path.readings.length === 0 ? '' : `; by others as ${path.readings.join(' or ')}`}`
  return [
    ['request', said.filter((part) => part !== '').join(', ')],
    ['network', `${network.name} on ${network.listener}: ${network.why}`, network.at],
    ...networks.map(({ name, why, at }): Row => ['  not', `${name}: ${why}`, at]),
    ['path', found],
  ]
}

function route({ route: found, rejected, rejected_more: more }: Explanation): Row[] {
  const rows: Row[] = []
  if (found === null) rows.push(['route', 'none'])
  else {
    const { ingress, endpoint, pipeline, prefix, allow } = found
    if (ingress !== null) rows.push(['ingress', `${ingress.name} at ${ingress.url}, mode ${ingress.mode}`, ingress.at])
    rows.push(
      [
        'endpoint',
        `${endpoint.name}${ingress === null ? ` at ${prefix}` : ''}, service ${endpoint.service}`,
        endpoint.at,
      ],
      ['pipeline', pipeline.name, pipeline.at],
    )
    if (allow !== null) rows.push(['method', `not one of ${allow}`, endpoint.at])
  }
  for (const { kind, name, matches, why, at } of rejected) {
    rows.push(['  not', `${kind} ${name}${matches === null ? '' : ` at ${matches}`}: ${why}`, at])
  }
  if (more > 0) rows.push(['  not', `${more} others, less like the request`])
  return rows
}

function mesh({ mesh: facts }: Explanation): Row[] {
  if (facts === null) return []
  const { asks, why, outcome: result, reason, code, doors, context, at } = facts
  const rows: Row[] = [['mesh', asks === 'open' ? `not asked: ${why}` : `${result}: ${why}`, at]]
  for (const door of doors) rows.push(...checked(door))
  if (code !== null) rows.push(['  token', `${code}: ${reason}`])
  if (context !== null) rows.push(['  context', `mesh ${context.mesh} (${context.mesh_id}), sub ${context.sub}`])
  return rows
}

function checked({ mesh: name, code, checks, at }: DoorFacts): Row[] {
  const rows: Row[] = [['  asked', `mesh ${name}: ${code === null ? 'accepts the token' : `refuses it, ${code}`}`, at]]
  for (const { name: check, ok, detail } of checks) {
    rows.push([ok ? '    ok' : '    FAIL', detail === '' ? check : `${check}: ${detail}`])
  }
  return rows
}

function step({
  side,
  name,
  type,
  result,
  status,
  code,
  detail,
  rules,
  rules_more: more,
  silent,
  at,
}: StepFacts): Row[] {
  const said =
    result === 'refuses' ? `refuses, ${status} ${code}: ${detail}` : detail === null ? result : `${result}: ${detail}`
  return [
    [side, `${name} (${type}) ${said}`, at],
    ...rules.map((rule): Row => [
      '  rule',
      `${rule.rule} (${rule.type}) of policy ${rule.policy} ${rule.says}`,
      rule.at,
    ]),
    ...(more > 0 ? [['  rule', `${more} more`] as const] : []),
    ...(silent > 0 ? [['  rule', `${silent} ${silent === 1 ? 'says' : 'say'} nothing of this request`] as const] : []),
  ]
}

function way({ backend, egress, egresses, upstream, signed }: Explanation): Row[] {
  const rows: Row[] = []
  if (backend !== null) rows.push(['backend', `${backend.name} (${backend.service}): ${backend.why}`, backend.at])
  if (egress !== null) {
    rows.push(['egress', `${egress.name} (${egress.type}), mode ${egress.mode}: ${egress.why}`, egress.at])
  } else if (backend !== null) rows.push(['egress', 'none: no mesh is asked on the way out'])
  for (const { name, why, at } of egresses) rows.push(['  not', `${name}: ${why}`, at])
  if (upstream !== null) {
    const { origin, method, target, protocols, fallback, authority, at } = upstream
    rows.push(
      ['upstream', `${method} ${origin}${target}, host ${authority}`, at],
      ['transport', `${protocols.map(protocol).join(', then ')}${fallback === false ? ', or 502' : ''}`, at],
    )
  }
  if (signed !== null) {
    const claims = Object.entries(signed.claims).map(([name, value]) => `${name}=${String(value)}`)
    rows.push(['signed', `for mesh ${signed.mesh}, ${signed.alg}: ${claims.join(', ')}`, signed.at])
  } else if (upstream !== null) rows.push(['signed', 'no: no mesh token goes along'])
  return rows
}

function outcome({ outcome: { result, status, code, detail, certain, at } }: Explanation): Row {
  const said = [result, status === null ? '' : String(status), code ?? ''].filter((part) => part !== '').join(' ')
  return [
    'outcome',
    `${said}${detail === '' ? '' : `: ${detail}`}${certain ? '' : ' (as far as can be told here)'}`,
    at ?? undefined,
  ]
}

function protocol(name: string): string {
  return name === 'h3' ? 'HTTP/3' : name === 'h2' ? 'HTTP/2' : 'HTTP/1.1'
}
