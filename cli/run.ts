// One command line: which command, with which flags, and how it ended.
import { cac } from 'cac'
import { safeWords, split, UnknownFlag, unmark } from './argv.ts'
import { configFlag, exits } from './command.ts'
import type { Command, Flags, Input } from './command.ts'
import { Failure, misuse } from './failure.ts'
import { overview, page } from './help.ts'
import { check } from './command/check.ts'
import { explain } from './command/explain.ts'
import { resolve } from './command/resolve.ts'
import { schema } from './command/schema.ts'
import { serve } from './command/serve.ts'
import { token } from './command/token.ts'
import { printable } from './terminal.ts'
import type { Terminal } from './terminal.ts'
import { version } from './version.ts'

/** In the contract, and not in this version. */
const later: ReadonlySet<string> = new Set(['quickstart', 'completion', 'provider'])

const commands: readonly Command[] = [serve, check, resolve, token, explain, schema]

/** Runs a command line, and returns the exit code. Never rejects. */
export async function run(words: readonly string[], io: Terminal): Promise<number> {
  try {
    return await dispatch(words, io)
  } catch (error) {
    const failure = await asFailure(error)
    // whatever is wrong with the rest of the line, who wants JSON gets it
    if (words.includes('--json')) io.json(errorOf(failure))
    else io.err(textOf(failure, io))
    return failure.exit
  }
}

async function dispatch(words: readonly string[], io: Terminal): Promise<number> {
  const withValue = new Set(commands.flatMap(({ flags }) => flags.flatMap(valued)))
  const { name, rest } = split(words, withValue)
  if (name === undefined) return bare(rest, io)
  if (name === 'help') {
    const [topic, ...more] = rest
    if (topic === undefined) return bare(['--help'], io)
    if (more.length > 0) throw misuse('arguments', `help takes one command: ${more.join(' ')} is too much`)
    io.out(page(await commandOf(topic), io.paint('out')))
    return exits.done
  }
  const command = await commandOf(name)
  const input = parse(command, rest, io)
  if (input === undefined) {
    io.out(page(command, io.paint('out')))
    return exits.done
  }
  return command.run(input)
}

/** A command line without a command. */
async function bare(words: readonly string[], io: Terminal): Promise<number> {
  const [first, ...more] = words
  if (more.length > 0 || (first !== undefined && !['--help', '-h', '--version', '-v'].includes(first))) {
    throw misuse('no-command', 'no command is given', 'harmony help lists the commands')
  }
  io.out(first === '--version' || first === '-v' ? `harmony ${version()}\n` : overview(commands, io.paint('out')))
  return exits.done
}

async function commandOf(name: string): Promise<Command> {
  const command = commands.find((one) => one.name === name)
  if (command !== undefined) return command
  if (later.has(name)) throw misuse('unsupported-command', `harmony ${name} is not part of this version`)
  const guess = await guessed(name, [...commands.map((one) => one.name), 'help'])
  throw misuse('unknown-command', `unknown command "${name}"`, guess ?? 'harmony help lists the commands')
}

/** What cac makes of the words; undefined when help is asked for. */
function parse(command: Command, words: readonly string[], io: Terminal): Input | undefined {
  const safe = safeWords(words, command)
  if (safe.includes('--help')) return undefined
  const cli = cac('harmony')
  const args = command.args === undefined ? '' : ` ${command.args}`
  const entry = cli.command(`${command.name}${args}`, command.summary)
  for (const { name, value } of command.flags) entry.option(value === undefined ? name : `${name} <${value}>`, '')
  entry.action(() => undefined)
  try {
    const parsed = cli.parse(['', '', command.name, ...safe])
    return { args: parsed.args.map(unmark), flags: flagsOf(parsed.options), io }
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'CACError') throw error
    const given = cli.args.map(unmark)
    throw misuse(
      'arguments',
      argumentsMessage(command, given),
      fileHelp(command, given) ?? `harmony ${command.name} --help`,
    )
  }
}

/** What is wrong with the arguments: their number is all that is left to be wrong. */
function argumentsMessage({ name, args = '' }: Command, given: readonly string[]): string {
  const known = args.split(' ').filter((part) => part !== '')
  const missing = known[given.length]
  if (missing?.startsWith('<')) return `${name} needs ${missing.slice(1, -1)}`
  return `${name} does not take "${given.slice(known.length).join(' ')}"`
}

/** `check` takes a file by itself; the others are often given one in the same way. */
function fileHelp({ name, args, flags }: Command, given: readonly string[]): string | undefined {
  const [file = ''] = given
  if (args !== undefined || given.length !== 1 || !file.endsWith('.toml')) return undefined
  return flags.includes(configFlag) ? `name the file with a flag: harmony ${name} -c ${file}` : undefined
}

/** `options` is what cac read: marked text, lists of it, booleans. */
function flagsOf(options: Readonly<Record<string, unknown>>): Flags {
  const read = (name: string): unknown => {
    const negated = name.startsWith('--no-')
    const key = name.slice(negated ? 5 : 2).replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase())
    const value = Object.hasOwn(options, key) ? options[key] : undefined
    return negated ? value === false : value
  }
  const values = (name: string): readonly string[] =>
    [read(name)].flat().flatMap((value) => (typeof value === 'string' ? [unmark(value)] : []))
  return { has: (name) => read(name) === true, value: (name) => values(name)[0], values }
}

function valued({ name, short, value }: Command['flags'][number]): string[] {
  return value === undefined ? [] : short === undefined ? [name] : [name, short]
}

async function asFailure(error: unknown): Promise<Failure> {
  if (error instanceof Failure) return error
  if (error instanceof UnknownFlag) {
    const { flag, command } = error
    const known = [
      ...command.flags.flatMap(({ name, short }) => (short === undefined ? [name] : [name, short])),
      '--help',
    ]
    const opposite = flag.startsWith('--no-') ? `--${flag.slice(5)}` : `--no-${flag.slice(2)}`
    const help = known.includes(opposite)
      ? `did you mean "${opposite}"?`
      : ((await guessed(flag, known)) ?? `harmony ${command.name} --help lists its flags`)
    return misuse('unknown-flag', `${command.name} has no flag ${flag}`, help)
  }
  const message = error instanceof Error ? error.message : String(error)
  return new Failure('internal', `harmony itself failed: ${message}`, 'this is a defect of harmony: please report it')
}

async function guessed(word: string, known: readonly string[]): Promise<string | undefined> {
  const { closest } = await import('../core/index.ts')
  const guess = closest(word, known)
  return guess === undefined ? undefined : `did you mean "${guess}"?`
}

function errorOf({ code, message, help }: Failure): unknown {
  return { error: { code, message, help: help ?? null } }
}

function textOf({ code, message, help }: Failure, io: Terminal): string {
  const paint = io.paint('err')
  const head = `${paint('error', `error[${code}]`)}${paint('title', `: ${printable(message)}`)}\n`
  return help === undefined ? head : `${head}  ${paint('help', '= help:')} ${printable(help)}\n`
}
