// The texts of `harmony help` and of `harmony COMMAND --help`.
import type { Paint } from '../core/index.ts'
import { helpFlag } from './command.ts'
import type { Command, Flag } from './command.ts'

/** The list of commands. */
export function overview(commands: readonly Command[], paint: Paint): string {
  const flags = [helpFlag, { name: '--version', short: '-v', text: 'print the version' } as const]
  return sections(
    [
      ['usage', ['harmony COMMAND [flags]']],
      ['commands', columns(commands.map(({ name, summary }) => [name, summary]))],
      ['flags', columns(flags.map(flagRow))],
      ['more', ['harmony COMMAND --help']],
    ],
    paint,
  )
}

/** Usage, flags with their defaults, examples, exit codes. */
export function page({ name, args, text, flags, examples, exits }: Command, paint: Paint): string {
  const usage = ['harmony', name, args, '[flags]'].filter((part) => part !== undefined).join(' ')
  return sections(
    [
      ['usage', [usage.replace(/[<>]/g, '')]],
      [undefined, wrap(text)],
      ['flags', columns([...flags, helpFlag].map(flagRow))],
      ['examples', examples.flatMap(([command, what]) => [`# ${what}`, command])],
      ['exit codes', columns(exits.map(([code, meaning]) => [String(code), meaning]))],
    ],
    paint,
  )
}

function sections(list: readonly (readonly [string | undefined, readonly string[]])[], paint: Paint): string {
  return list
    .map(([title, lines]) =>
      title === undefined
        ? lines.map((line) => `${line}\n`).join('')
        : `${paint('title', title)}\n${lines.map((line) => `  ${line}\n`).join('')}`,
    )
    .join('\n')
}

function flagRow({ name, short, value, text, fallback }: Flag): readonly [string, string] {
  const left = `${short === undefined ? '    ' : `${short}, `}${name}${value === undefined ? '' : ` ${value}`}`
  return [left, fallback === undefined ? text : `${text} (default: ${fallback})`]
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`)
}

const widest = 100

function wrap(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > widest) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
