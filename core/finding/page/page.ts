// A page on one kind of finding: what `harmony check --explain` prints and what docs/findings.md lists.
import type { Severity } from '../finding.ts'

export type Page = {
  readonly severity: Severity
  /** One line: what is wrong. Lower case, no full stop. */
  readonly title: string
  /** What it means; sentences. */
  readonly meaning: string
  /** Why it matters; sentences. */
  readonly why: string
  /**
   * TOML that gives the finding. Only what matters stands in it: a test adds the tables around it. A line that is
   * `# <path>.toml` starts another file.
   */
  readonly wrong: string
  /** The same, put right: it does not give the finding. */
  readonly right: string
  /** The examples are words, not TOML: the mistake cannot be written in a file. */
  readonly prose?: true
}

/** The pages of one area, by whole code: `'mesh/no-key'`. */
export type Pages = Readonly<Record<string, Page>>
