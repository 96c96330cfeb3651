// What a command is: a row of facts that parsing, help and dispatch read.
import type { Terminal } from './terminal.ts'

/** Exit codes (the contract of the command line). */
export const exits = { done: 0, failed: 1, usage: 2, provider: 3, cut: 4 } as const

export type Flag = {
  /** With its dashes: `--log-format`. */
  readonly name: `--${string}`
  readonly short?: `-${string}`
  /** The name of its value; none: the flag is on or off. */
  readonly value?: string
  /** May be given more than once. */
  readonly many?: true
  readonly text: string
  readonly fallback?: string
}

export type Command = {
  readonly name: string
  /** Arguments as the usage shows them: `[FILE]` may be left out, `<REFERENCE>` may not. */
  readonly args?: string
  readonly summary: string
  /** Sentences for `--help`. */
  readonly text: string
  readonly flags: readonly Flag[]
  /** Two, each with what it does. */
  readonly examples: readonly (readonly [command: string, what: string])[]
  readonly exits: readonly (readonly [code: number, meaning: string])[]
  /** Returns the exit code; throws a `Failure` to say what went wrong. */
  readonly run: (input: Input) => Promise<number>
}

/** A command line that was understood. */
export type Input = {
  readonly args: readonly string[]
  readonly flags: Flags
  readonly io: Terminal
}

export type Flags = {
  /** Whether the flag was given; by its name with dashes. */
  has(name: `--${string}`): boolean
  /** Its value, when it was given. */
  value(name: `--${string}`): string | undefined
  /** All values, of a flag that may be repeated. */
  values(name: `--${string}`): readonly string[]
}

export const configFlag: Flag = {
  name: '--config',
  short: '-c',
  value: 'FILE',
  text: 'configuration file',
  fallback: '$HARMONY_CONFIG, ./config.toml, ./config/config.toml',
}

export const jsonFlag: Flag = { name: '--json', text: 'print one JSON document' }

export const helpFlag: Flag = { name: '--help', short: '-h', text: 'print this' }
