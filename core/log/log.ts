// What the rest of the gateway needs of a log. pino is behind it; secrets are guarded there.
export type Fields = Readonly<Record<string, unknown>>

export type Log = {
  trace(fields: Fields, message: string): void
  debug(fields: Fields, message: string): void
  info(fields: Fields, message: string): void
  warn(fields: Fields, message: string): void
  error(fields: Fields, message: string): void
  /** A log whose lines carry these fields too. */
  child(fields: Fields): Log
}
