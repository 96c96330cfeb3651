// harmony explain: the decision that the gateway would take for a request, without sending it.
import { configFlag, exits, jsonFlag } from '../command.ts'
import type { Command } from '../command.ts'
import { configOf } from '../config.ts'
import { Failure, misuse } from '../failure.ts'
import { printable } from '../terminal.ts'

export const explain: Command = {
  name: 'explain',
  args: '<METHOD> <URL>',
  summary: 'say what would become of a request',
  text: 'Says which decision the gateway would take for a request and why, without sending it: network, ingress or endpoint, rejected candidates, middleware in order, mesh context, backend, egress, transport and token.',
  flags: [
    configFlag,
    {
      name: '--header',
      short: '-H',
      value: '"NAME: VALUE"',
      many: true,
      text: 'a field of the request; may be repeated',
    },
    {
      name: '--network',
      value: 'NAME',
      text: 'the network that it comes in on',
      fallback: 'the one that fits the URL',
    },
    jsonFlag,
  ],
  examples: [
    ['harmony explain GET https://api.example.com/fhir/Patient', 'which pipeline serves it, and why'],
    [
      'harmony explain POST https://b.example/fhir -H "Authorization: Bearer $(harmony token --mesh prod)"',
      'whether a mesh lets it in',
    ],
  ],
  exits: [
    [exits.done, 'explained, also when the gateway would refuse the request'],
    [exits.failed, 'the configuration has errors, or has no such network'],
    [exits.usage, 'wrong usage'],
  ],
  run: async (input) => {
    const { args, flags, io } = input
    const [method = '', url = ''] = args
    // RFC 9110 9.1: a method is a token
    if (!/^[\w!#$%&'*+.^`|~-]{1,64}$/.test(method)) throw misuse('arguments', `"${method}" is no method`)
    const target = URL.parse(url)
    if (target === null || (target.protocol !== 'https:' && target.protocol !== 'http:')) {
      throw misuse('arguments', `"${url}" is no http or https URL`)
    }
    const headers = flags.values('--header').map(fieldOf)
    const { config, where } = await configOf(input)
    const { explainRequest } = await import('../../core/index.ts')
    const asked = { method, url, headers, network: flags.value('--network'), now: Date.now() }
    const answer = await explainRequest(config, asked, where)
    if (!answer.ok) throw new Failure(answer.code, answer.message, answer.help)
    if (flags.has('--json')) io.json(answer.json)
    else for (const line of answer.lines) io.out(`${printable(line)}\n`)
    return exits.done
  },
}

/** `name: value`, as curl takes it. */
function fieldOf(text: string): readonly [string, string] {
  const match = /^([\w!#$%&'*+.^`|~-]+):[ \t]*(.*?)[ \t]*$/.exec(text)
  const [, name = '', value = ''] = match ?? []
  // the value may be a credential: it is not repeated
  if (match === null) throw misuse('flag-value', '--header is no field: must be "name: value"')
  return [name.toLowerCase(), value]
}
