// Every finding that a configuration can give: one table of codes, joined from one file per area. A code is stable:
// scripts filter by it.
import { file } from './page/file.ts'
import { schema } from './page/schema.ts'
import type { Page } from './page/page.ts'

const table = {
  ...file,
  ...schema,
  'internal/failed': {
    severity: 'error',
    title: 'the check itself failed',
    meaning: '',
    why: '',
    wrong: '',
    right: '',
    prose: true,
  },
} as const

export type FindingCode = keyof typeof table

export const findings: Readonly<Record<FindingCode, Page>> = table
