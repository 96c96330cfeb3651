// What is found in a configuration: data with a place and a way out. Text, JSON and editors print the same data.
import type { FindingCode } from './table.ts'

export type Severity = 'error' | 'warning'

/** Where something stands: a file, and the path of keys in it. Line and column are looked up when a finding needs them. */
export type Place = {
  /** Relative to the directory of config.toml, with `/`. */
  readonly file: string
  /** Keys and indices from the root of the file as they are written there; empty for the file itself. */
  readonly path: readonly (string | number)[]
}

/** A finding as a rule reports it. */
export type Report = {
  readonly code: FindingCode
  /** Lower case, no full stop: key and value found, then the rule. Never a secret. */
  readonly message: string
  readonly place: Place
  /** What the caret marks: the value (default) or the key. */
  readonly mark?: 'key' | 'value' | undefined
  readonly help?: string | undefined
  /** In place of the code's own severity. */
  readonly severity?: Severity | undefined
}

/** A finding with its position; what `harmony check --json` prints. */
export type Finding = {
  readonly code: FindingCode
  readonly severity: Severity
  readonly message: string
  readonly file: string
  /** 1-based; 0 when the file could not be read as text. */
  readonly line: number
  readonly column: number
  readonly endLine: number
  /** One past the last column. */
  readonly endColumn: number
  /** `mesh.prod.ingress[0]`; empty for the file itself. */
  readonly path: string
  readonly help?: string | undefined
  /** The line of the source; secrets in it are masked. Not part of the JSON. */
  readonly excerpt?: string | undefined
}
