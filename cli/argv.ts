// The words of a command line, made unmistakable for cac's parser. Left alone, it reads `007` as a number, `--a.b` as
// a nested value, `-` and `-1` as flags, `--constructor` as nothing; here every flag must be one of the command's, and
// every value and argument is marked as text.
import type { Command, Flag } from './command.ts'
import { helpFlag } from './command.ts'
import { misuse } from './failure.ts'

/** No word of a command line can hold it. */
const mark = '\0'

/** What a marked word says. */
export const unmark = (word: string): string => (word.startsWith(mark) ? word.slice(1) : word)

/** Thrown for a flag that the command does not have; who knows how to guess catches it. */
export class UnknownFlag extends Error {
  readonly flag: string
  readonly command: Command

  constructor(flag: string, command: Command) {
    super(`unknown flag ${flag}`)
    this.flag = flag
    this.command = command
  }
}

/** Splits a command line into the word that names the command and the others. */
export function split(
  words: readonly string[],
  withValue: ReadonlySet<string>,
): { name: string | undefined; rest: string[] } {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (word === '--') break
    if (!word.startsWith('-')) return { name: word, rest: [...words.slice(0, at), ...words.slice(at + 1)] }
    // `harmony -c FILE check`
    if (withValue.has(word)) at += 1
  }
  return { name: undefined, rest: [...words] }
}

/** The words for cac: `--flag`, `--flag=value`, arguments. Throws `UnknownFlag`, or a `Failure` with exit code 2. */
export function safeWords(words: readonly string[], command: Command): string[] {
  const flags = [...command.flags, helpFlag]
  const given = new Set<string>()
  const safe: string[] = []
  const add = (flag: Flag, value: string | undefined): void => {
    if (value !== undefined && flag.many === undefined && given.has(flag.name)) {
      throw misuse('repeated-flag', `${flag.name} is given more than once`)
    }
    given.add(flag.name)
    safe.push(value === undefined ? flag.name : `${flag.name}=${mark}${value}`)
  }
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (word === '--') {
      safe.push(...words.slice(at + 1).map((rest) => mark + rest))
      break
    }
    if (!word.startsWith('-') || word === '-') {
      safe.push(mark + word)
      continue
    }
    const { flag, attached } = flagOf(word, flags, command)
    if (flag.value === undefined) {
      if (attached !== undefined) throw misuse('flag-value', `${flag.name} takes no value`)
      add(flag, undefined)
      continue
    }
    const next = words[at + 1]
    if (attached !== undefined) add(flag, attached)
    else if (next === undefined || next === '--' || flags.some(({ name, short }) => next === name || next === short)) {
      throw misuse('flag-value', `${flag.name} needs a value: ${flag.name} ${flag.value}`)
    } else {
      add(flag, next)
      at += 1
    }
  }
  return safe
}

/** `--flag`, `--flag=value`, `-f`, `-fvalue`. */
function flagOf(word: string, flags: readonly Flag[], command: Command): { flag: Flag; attached: string | undefined } {
  const equals = word.indexOf('=')
  const name = equals < 0 ? word : word.slice(0, equals)
  const long = flags.find((flag) => flag.name === name)
  if (long !== undefined) return { flag: long, attached: equals < 0 ? undefined : word.slice(equals + 1) }
  const short = word.startsWith('--') ? undefined : flags.find((flag) => flag.short === word.slice(0, 2))
  if (short === undefined) throw new UnknownFlag(name, command)
  if (word.length === 2) return { flag: short, attached: undefined }
  if (short.value === undefined) throw new UnknownFlag(name, command)
  return { flag: short, attached: word.slice(word[2] === '=' ? 3 : 2) }
}
