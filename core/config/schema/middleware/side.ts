// What several types of middleware have: the side they work on, and what they mask.
import * as v from 'valibot'
import { choice, item, list } from '../field.ts'
import type { Note } from '../field.ts'

const sides = ['left', 'right', 'both'] as const

/** Which side a middleware works on when the pipeline has one list for both. */
export const apply = (note: Note = {}) =>
  choice(sides, '`left`: requests, `right`: responses. Without effect where the pipeline names the sides.', note)

export const redactHeaders = v.optional(list(item, 'Header fields whose values are masked.'), () => [])
export const redactMetadata = v.optional(list(item, 'Metadata whose values are masked.'), () => [])
