// The checks that read the code without running it; each one counts as a test.
import { join } from 'node:path'

export type Check = {
  name: string
  command: readonly string[]
  /** Succeeds where the program of the check is installed; where it is not, the check is a skip. */
  optional?: readonly string[]
}

const manifest = ['--manifest-path', 'quic/native/Cargo.toml']
const bin = (name: string): string => join('node_modules/.bin', name)

export const checks: readonly Check[] = [
  { name: 'types (tsc)', command: [bin('tsc')] },
  { name: 'oxlint', command: [bin('oxlint'), '--type-aware', '--deny-warnings'] },
  { name: 'format (oxfmt)', command: [bin('oxfmt'), '--check'] },
  { name: 'unused code and dependencies (knip)', command: [bin('knip'), '--no-progress'] },
  { name: 'format (rustfmt)', command: ['cargo', 'fmt', '--all', '--check', ...manifest] },
  {
    name: 'clippy',
    command: ['cargo', 'clippy', '--workspace', '--all-targets', '--locked', ...manifest, '--', '-D', 'warnings'],
  },
  // Its advisories need a database from a code host: see docs/decisions/dependencies.md.
  {
    name: 'licences, bans and sources (cargo deny)',
    command: ['cargo', 'deny', ...manifest, 'check', 'licenses', 'bans', 'sources'],
    optional: ['cargo', 'deny', '--version'],
  },
]
