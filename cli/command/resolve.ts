// harmony resolve: what a resource reference means here, as the gateway would find it.
import { configFlag, exits, jsonFlag } from '../command.ts'
import type { Command } from '../command.ts'
import { configOf } from '../config.ts'
import { Failure } from '../failure.ts'
import { printable } from '../terminal.ts'

export const resolve: Command = {
  name: 'resolve',
  args: '<REFERENCE>',
  summary: 'resolve a resource reference',
  text: 'Resolves a reference as the gateway would: a name of this configuration, local.name.NAME, or PROVIDER.TEAM.TYPE.name.NAME.',
  flags: [configFlag, { name: '--why', text: 'say each step that led to the answer' }, jsonFlag],
  examples: [
    ['harmony resolve fhir-ingress', 'an ingress of this configuration, and where it is defined'],
    ['harmony resolve runbeam.acme.ingress.name.fhir-api --why', 'a resource of a provider, step by step'],
  ],
  exits: [
    [exits.done, 'resolved'],
    [exits.failed, 'not found, disabled, denied, malformed, or an unknown provider'],
    [exits.usage, 'wrong usage'],
    [exits.provider, 'the provider cannot be reached or refuses the credential'],
  ],
  run: async (input) => {
    const { args, flags, io } = input
    const [text = ''] = args
    const { config, where } = await configOf(input)
    const { resolveLocal } = await import('../../core/index.ts')
    const answer = resolveLocal(config, text, where)
    const why = flags.has('--why')
    if (why && !flags.has('--json')) for (const step of answer.steps) io.out(`- ${printable(step)}\n`)
    if (!answer.ok) throw new Failure(answer.code, answer.message, answer.help)
    const resource = ordered(answer.resource)
    if (flags.has('--json')) io.json(why ? { ...resource, why: answer.steps } : resource)
    else io.out(table(resource))
    return exits.done
  },
}

/** The facts that every resource has or may have, first. */
const facts = [
  'type',
  'id',
  'name',
  'team',
  'enabled',
  'urls',
  'protocol',
  'mode',
  'gateway',
  'meshes',
  'provider',
  'source',
]

/** In that order; what is not known is null. */
function ordered(resource: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const known = facts.map((name) => [name, resource[name] ?? null] as const)
  const others = Object.entries(resource).filter(([name]) => !facts.includes(name))
  return Object.fromEntries([...known, ...others])
}

/** One line for each fact that there is. */
function table(resource: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(resource).flatMap(([name, value]) => {
    const text = shown(value)
    return text === '' ? [] : [[name, text] as const]
  })
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${printable(text)}\n`).join('')
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) return value.map(shown).join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}
