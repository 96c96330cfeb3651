// What both kinds of transform have (spec 5.8, 5.9).
import * as v from 'valibot'
import { flag, word } from '../field.ts'

export const specPath = word('Specification, JSON, relative to `proxy.transforms_path`.')

export const failOnError = v.optional(flag('Whether an error is answered 500, or the body stays as it is.'), true)
