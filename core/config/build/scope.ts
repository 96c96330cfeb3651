// What building a configuration works with: the tables that were read, key material, and where findings go.
import type { Place, Report } from '../../finding/finding.ts'
import type { FindingCode } from '../../finding/table.ts'
import { pathText, spot } from '../../finding/locate.ts'
import { closest } from '../../finding/typo.ts'
import type { Entry, Raw, Section, Sources } from '../raw.ts'
import type { Tables } from '../schema/index.ts'
import { materials } from './material.ts'
import type { Materials } from './material.ts'

export type Scope = {
  readonly raw: Raw
  readonly sources: Sources
  /** What each file holds. */
  readonly texts: ReadonlyMap<string, string>
  readonly cwd: string
  /** Unix time in ms. */
  readonly now: number
  /** The environment; nothing is read from it but what the documentation names. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly materials: Materials
  /** Everything was read without an error: what is not there is missing, and not just unread. */
  readonly whole: boolean
  /** Whether the reader has refused the value there, or one below: what stands in for it was not written. */
  refused(place: Place): boolean
  /** What is not known after a mistake: rules that ask whether something is missing stay silent. */
  readonly doubts: { networks: boolean; members: boolean; ingresses: boolean }
  /** How many more names may be compared to find what was meant. */
  readonly guesses: { left: number }
  report(report: Report): void
}

/** A name that something uses: `who` says what does, as in `pipeline "web" lists`. */
export type Use = { readonly name: string; readonly who: string; readonly file: string; readonly place: Place }

/** What is defined under a name, and where. */
export type Named = { readonly name: string; readonly place: Place }

export function scopeOf(
  raw: Raw,
  sources: Sources,
  around: Pick<Scope, 'texts' | 'cwd' | 'now' | 'env' | 'whole' | 'refused'>,
  report: (report: Report) => void,
): Scope {
  const { cwd, now } = around
  return {
    raw,
    sources,
    ...around,
    materials: materials(cwd, now, report),
    guesses: { left: maxGuesses },
    doubts: { networks: false, members: false, ingresses: false },
    report,
  }
}

const kinds = {
  network: ['reference/unknown-network', 'network'],
  endpoints: ['reference/unknown-endpoint', 'endpoint'],
  backends: ['reference/unknown-backend', 'backend'],
  targets: ['reference/unknown-target', 'target'],
  peers: ['reference/unknown-peer', 'peer'],
  authentications: ['reference/unknown-authentication', 'authentication'],
  policies: ['reference/unknown-policy', 'policy'],
  rules: ['reference/unknown-rule', 'rule'],
} as const satisfies Partial<Record<Section, readonly [FindingCode, string]>>

/** The table that a name means in a file (1.4); a finding when there is none. */
export function lookUp<S extends keyof typeof kinds>(scope: Scope, section: S, use: Use): Entry<Tables[S]> | undefined {
  const entry = scope.raw.find(section, use.name, use.file)
  if (entry !== undefined || isElsewhere(scope, section, use.name)) return entry
  if (section === 'network') scope.doubts.networks = true
  const [code, kind] = kinds[section]
  unknown(scope, { code, kind, use, candidates: () => scope.raw.all(section), table: section })
  return undefined
}

/** Whether a name may well be defined, in a table or in a file that has a finding of its own. */
export function isElsewhere(scope: Scope, section: Section | 'ingress' | 'egress', name: string): boolean {
  return !scope.raw.complete || scope.raw.broken(section, name)
}

/** Says that a name is not defined, and what may have been meant. */
export function unknown(
  scope: Scope,
  {
    code,
    kind,
    use,
    candidates,
    table,
  }: {
    readonly code: FindingCode
    readonly kind: string
    readonly use: Use
    readonly candidates: () => readonly Named[]
    readonly table: string
  },
): void {
  scope.report({
    code,
    message: `${use.who} ${kind} "${use.name}", which is not defined`,
    place: use.place,
    help: meant(scope, use.name, candidates) ?? `define it as [${pathText([table, use.name])}]`,
  })
}

/** `did you mean "a"? (defined at pipelines/a.toml:8:1)`; else what there is, when that is little. */
export function meant(scope: Scope, name: string, among: () => readonly Named[]): string | undefined {
  if (scope.guesses.left <= 0) return undefined
  const candidates = among()
  const names = candidates.map((candidate) => candidate.name)
  const guess = closest(name, names)
  scope.guesses.left -= names.length
  const defined = candidates.find((candidate) => candidate.name === guess)
  if (defined !== undefined) return `did you mean "${defined.name}"? (defined at ${spot(defined.place, scope.sources)})`
  const known = [...new Set(names)]
  if (known.length === 0 || known.length > listed) return undefined
  return `defined ${known.length === 1 ? 'is' : 'are'} ${known.map((one) => `"${one}"`).join(', ')}`
}

/** The same for words that the gateway knows by itself. */
export function oneOf(word: string, known: readonly string[]): string {
  const guess = closest(word, known)
  return guess === undefined ? `known are ${known.join(', ')}` : `did you mean "${guess}"?`
}

/** The most names that a help text lists. */
const listed = 6

/** How many names are compared in one run: thousands of mistakes among thousands of names must not take minutes. */
const maxGuesses = 1_000_000
