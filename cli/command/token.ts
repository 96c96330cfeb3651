// harmony token: mints a mesh token as an egress of this gateway would, or runs the ingress check on one.
import { configFlag, exits, jsonFlag } from '../command.ts'
import type { Command, Input } from '../command.ts'
import { configOf } from '../config.ts'
import { Failure, misuse } from '../failure.ts'
import { printable } from '../terminal.ts'

export const token: Command = {
  name: 'token',
  summary: 'mint or verify a mesh token',
  text: 'Mints a token as an egress of this gateway would, and prints it alone, for testing with any client. With --verify it runs the check of an ingress and says which test failed.',
  flags: [
    configFlag,
    { name: '--mesh', value: 'NAME', text: 'the mesh; must be given' },
    { name: '--destination', value: 'URL', text: 'where the token is to be shown: its aud' },
    { name: '--verify', value: 'TOKEN', text: 'check this token instead; - reads it from stdin' },
    jsonFlag,
  ],
  examples: [
    [
      'curl -H "Authorization: Bearer $(harmony token --mesh prod)" https://partner.example/fhir',
      'call a partner as this gateway would',
    ],
    ['harmony token --mesh prod --verify - < token.txt', 'see why a token is refused'],
  ],
  exits: [
    [exits.done, 'minted, or accepted'],
    [exits.failed, 'refused, or no such mesh, or no key to sign with'],
    [exits.usage, 'wrong usage'],
    [exits.provider, 'the provider cannot be reached or refuses the credential'],
  ],
  run: async (input) => {
    const mesh = input.flags.value('--mesh')
    if (mesh === undefined) throw misuse('missing-flag', 'token needs --mesh NAME', 'harmony token --help')
    const given = input.flags.value('--verify')
    return given === undefined ? mint(input, mesh) : verify(input, mesh, given)
  },
}

async function mint(input: Input, mesh: string): Promise<number> {
  const { flags, io } = input
  const destination = flags.value('--destination')
  const { config } = await configOf(input)
  const { mintFor } = await import('../../core/index.ts')
  const minted = await mintFor(config, mesh, destination, Date.now())
  if ('problem' in minted) throw failureOf(minted.problem)
  const { token, header, claims, expires_at, provider } = minted
  if (flags.has('--json')) io.json({ token, header, claims, expires_at, mesh: minted.mesh, provider })
  else io.out(`${token}\n`)
  return exits.done
}

/** More than the longest token that an ingress looks at. */
const maxInput = 65_536

async function verify(input: Input, mesh: string, given: string): Promise<number> {
  const { flags, io } = input
  if (flags.value('--destination') !== undefined) {
    throw misuse('arguments', '--destination is for minting: it cannot be used with --verify')
  }
  const { config } = await configOf(input)
  const text = given === '-' ? await io.input(maxInput) : given
  if (text === undefined)
    throw new Failure('token/malformed', `stdin holds no token: it is no text, or over ${maxInput} bytes`)
  const { verifyFor } = await import('../../core/index.ts')
  const verified = await verifyFor(config, mesh, text.trim(), Date.now())
  if ('problem' in verified) throw failureOf(verified.problem)
  const { ok, checks, claims, code } = verified
  if (flags.has('--json')) io.json({ ok, mesh, checks, claims: claims ?? null, code: code ?? null })
  else {
    const paint = io.paint('out')
    const width = Math.max(...checks.map(({ name }) => name.length))
    for (const check of checks) {
      const mark = check.ok ? 'ok  ' : paint('error', 'FAIL')
      io.out(`${mark}  ${check.name.padEnd(width)}  ${printable(check.detail)}\n`)
    }
    io.out(
      ok
        ? `accepted by mesh "${printable(mesh)}"\n`
        : `${paint('error', `refused[${code}]`)}: mesh "${printable(mesh)}" does not accept it\n`,
    )
  }
  return ok ? exits.done : exits.failed
}

function failureOf({ code, message, help }: { code: string; message: string; help?: string | undefined }): Failure {
  return new Failure(code, message, help)
}
