// Why a command did not do what it was asked for: printed for people on stderr, or as JSON on stdout.
import { exits } from './command.ts'

export class Failure extends Error {
  override readonly name = 'Failure'
  /** Stable: scripts tell failures apart by it. */
  readonly code: string
  /** What to do about it. */
  readonly help: string | undefined
  readonly exit: number

  constructor(code: string, message: string, help?: string, exit: number = exits.failed) {
    super(message)
    this.code = code
    this.help = help
    this.exit = exit
  }
}

/** Wrong usage: exit code 2. */
export function misuse(code: string, message: string, help?: string): Failure {
  return new Failure(`usage/${code}`, message, help, exits.usage)
}
