// Writes the pages that are made from the source: npm run docs
import { writeFileSync } from 'node:fs'
import { configReference } from '../core/config/reference.ts'
import { findingsReference } from '../core/finding/reference.ts'

writeFileSync(new URL('configuration.md', import.meta.url), configReference())
writeFileSync(new URL('findings.md', import.meta.url), findingsReference())
