// Where things are defined.
import type { Place } from '../../finding/finding.ts'

/** Writes out a place: `pipelines/a.toml:8:1`. */
export type Where = (place: Place) => string
