// harmony check: everything that serve does short of binding ports.
import { configFlag, exits, jsonFlag } from '../command.ts'
import type { Command, Input } from '../command.ts'
import { configFile } from '../config.ts'
import { Failure, misuse } from '../failure.ts'

export const check: Command = {
  name: 'check',
  args: '[FILE]',
  summary: 'check a configuration',
  text: 'Reads the configuration as serve would, with the folders beside it, and reports every mistake of every file, each with its place and a way out. Binds no port and calls no provider.',
  flags: [
    configFlag,
    { name: '--strict', text: 'warnings count as errors' },
    { name: '--explain', value: 'CODE', text: 'print a page on one code of a finding' },
    jsonFlag,
  ],
  examples: [
    ['harmony check', 'check the configuration of this directory'],
    ['harmony check --strict --json config.toml', 'in a pipeline: no warnings either, as JSON'],
  ],
  exits: [
    [exits.done, 'no errors; warnings are allowed without --strict'],
    [exits.failed, 'errors, or no configuration, or an unknown code'],
    [exits.usage, 'wrong usage'],
  ],
  run: async (input) => {
    const code = input.flags.value('--explain')
    return code === undefined ? checkFile(input) : explainCode(input, code)
  },
}

async function checkFile({ args, flags, io }: Input): Promise<number> {
  const [given] = args
  const named = flags.value('--config')
  if (given !== undefined && named !== undefined) throw misuse('arguments', 'check takes FILE or --config, not both')
  const file = configFile(given ?? named, io)
  const { loadConfig, renderFindings, report, strict } = await import('../../core/index.ts')
  const { findings, files } = await loadConfig({ file, env: io.env, cwd: io.cwd, now: Date.now() })
  const list = flags.has('--strict') ? strict(findings) : findings
  if (flags.has('--json')) io.json(report(list, files))
  else io.out(renderFindings(list, files, io.paint('out')))
  return list.some(({ severity }) => severity === 'error') ? exits.failed : exits.done
}

async function explainCode({ args, flags, io }: Input, code: string): Promise<number> {
  if (args.length > 0) throw misuse('arguments', 'check --explain CODE takes no FILE')
  const { closest, explainPage, findings, isFindingCode } = await import('../../core/index.ts')
  if (!isFindingCode(code)) {
    const guess = closest(code, Object.keys(findings))
    const help = guess === undefined ? 'docs/findings.md lists them all' : `did you mean "${guess}"?`
    throw new Failure('check/unknown-code', `no finding has the code "${code}"`, help)
  }
  if (flags.has('--json')) {
    const { severity, title, meaning, why, wrong, right } = findings[code]
    io.json({ code, severity, title, meaning, why, wrong, right })
  } else io.out(explainPage(code, io.paint('out')))
  return exits.done
}
